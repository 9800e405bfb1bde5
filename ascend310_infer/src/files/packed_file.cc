// SPDX-License-Identifier: Apache-2.0
#include "files/packed_file.h"

#include <algorithm>
#include <utility>

#include "files/network_table.h"
#include "files/table_fields.h"

namespace adabin::files {
namespace {

// The number of inputs and their names, the number of outputs and theirs; each name is its length
// and its bytes. Empty where nothing has a name of its own.
std::string WriteNames(const graph::Plan& plan) {
  if (plan.input_names.empty() && plan.output_names.empty()) return {};
  TableWriter writer;
  const auto write = [&](size_t count, const std::vector<std::string>& names) {
    writer.Integer(count);
    for (size_t i = 0; i < count; ++i) writer.Text(i < names.size() ? names[i] : "");
  };
  write(plan.InputCount(), plan.input_names);
  write(plan.outputs.size(), plan.output_names);
  return std::move(writer.table);
}

void ReadNames(std::string_view names, graph::Plan* plan) {
  if (names.empty()) return;
  TableReader reader(names, {});
  const auto read = [&](size_t count) {
    if (reader.Integer() != count) FailAsInconsistent();
    std::vector<std::string> list;
    for (size_t i = 0; i < count; ++i) list.push_back(reader.Text());
    return graph::NamesIfAny(std::move(list));
  };
  plan->input_names = read(plan->InputCount());
  plan->output_names = read(plan->outputs.size());
  if (!reader.done()) FailAsInconsistent();
}

}  // namespace

std::string WritePackedFile(const graph::Plan& plan, std::string_view description) {
  const NetworkBytes network = WriteNetwork(plan);
  const std::string names = WriteNames(plan);
  return WriteContainer({{Section::kNetwork, network.table},
                         {Section::kArrays, network.arrays},
                         {Section::kDescription, description},
                         {Section::kNames, names}});
}

graph::Plan ReadPackedFile(std::string_view bytes, std::string* description, const Memory& memory) {
  Sections sections = ReadContainer(bytes);
  graph::Plan plan = ReadNetwork(sections[Section::kNetwork], sections[Section::kArrays], memory);
  ReadNames(sections[Section::kNames], &plan);
  if (description != nullptr) *description = sections[Section::kDescription];
  return plan;
}

}  // namespace adabin::files
