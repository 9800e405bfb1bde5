// SPDX-License-Identifier: Apache-2.0
#include "files/packed_file.h"

#include <algorithm>

#include "files/network_table.h"
#include "files/table_fields.h"

namespace adabin::files {
namespace {

// The number of inputs and their names, the number of outputs and theirs; each name is its length
// and its bytes. Empty where nothing has a name of its own.
std::string WriteNames(const ir::Plan& plan) {
  if (plan.input_name.empty() && plan.output_names.empty()) return {};
  TableWriter writer;
  writer.Integer(1);
  writer.Text(plan.input_name);
  writer.Integer(plan.outputs.size());
  for (size_t i = 0; i < plan.outputs.size(); ++i) {
    writer.Text(i < plan.output_names.size() ? plan.output_names[i] : "");
  }
  return std::move(writer.table);
}

void ReadNames(std::string_view names, ir::Plan* plan) {
  if (names.empty()) return;
  TableReader reader(names, {});
  if (reader.Integer() != 1) FailAsInconsistent();
  plan->input_name = reader.Text();
  if (reader.Integer() != plan->outputs.size()) FailAsInconsistent();
  bool named = false;
  for (size_t i = 0; i < plan->outputs.size(); ++i) {
    plan->output_names.push_back(reader.Text());
    named |= !plan->output_names.back().empty();
  }
  if (!named) plan->output_names.clear();
  if (!reader.done()) FailAsInconsistent();
}

}  // namespace

std::string WritePackedFile(const ir::Plan& plan, std::string_view description) {
  const NetworkBytes network = WriteNetwork(plan);
  const std::string names = WriteNames(plan);
  return WriteContainer({{Section::kNetwork, network.table},
                         {Section::kArrays, network.arrays},
                         {Section::kDescription, description},
                         {Section::kNames, names}});
}

ir::Plan ReadPackedFile(std::string_view bytes, std::string* description) {
  Sections sections = ReadContainer(bytes);
  ir::Plan plan = ReadNetwork(sections[Section::kNetwork], sections[Section::kArrays]);
  ReadNames(sections[Section::kNames], &plan);
  if (description != nullptr) *description = sections[Section::kDescription];
  return plan;
}

}  // namespace adabin::files
