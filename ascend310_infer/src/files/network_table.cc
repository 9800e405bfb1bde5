// SPDX-License-Identifier: Apache-2.0
#include "files/network_table.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "files/container.h"
#include "files/table_fields.h"
#include "ops/append.h"
#include "ops/operator.h"

namespace adabin::files {
namespace {

using graph::Plan;
using graph::Step;

// Of the inputs, if it can have any, the file holds the first, the second + 1 (0: there is none)
// and, for an operator that can read more, how many more and these.
void VisitInputs(ops::Fields& fields, const ops::Operator* op, Step& step) {
  if (op != nullptr && op->max_inputs == 0) {
    step.inputs.clear();
    return;
  }
  fields.Number(step.inputs[0]);
  int second = step.second() + 1;
  fields.Number(second);
  std::vector<int> more(step.inputs.begin() + std::min<ptrdiff_t>(std::ssize(step.inputs), 2),
                        step.inputs.end());
  step.SetSecond(second - 1);
  if (op == nullptr || op->max_inputs <= 2) return;
  int count = static_cast<int>(more.size());
  fields.Number(count);
  if (count > op->max_inputs - 2) FailAsInconsistent();
  more.resize(static_cast<size_t>(count));
  for (int& input : more) fields.Number(input);
  step.inputs.insert(step.inputs.end(), more.begin(), more.end());
}

void VisitStep(ops::Fields& fields, Step& step) {
  fields.Choice(step.kind);
  const ops::Operator* op = ops::FindOperator(step.kind);  // whether there is one, Append asks
  VisitInputs(fields, op, step);
  if (op != nullptr && op->fields != nullptr) op->fields(fields, step);
}

void VisitShape(ops::Fields& fields, Shape& shape) {
  for (int* field : {&shape.c, &shape.h, &shape.w}) fields.Number(*field);
}

}  // namespace

NetworkBytes WriteNetwork(const Plan& plan) {
  TableWriter writer;
  Plan copy = plan;  // the visitors take fields that a reader would fill
  VisitShape(writer, copy.input);
  writer.Integer(copy.outputs.size());
  for (int& output : copy.outputs) writer.Number(output);
  writer.Integer(copy.steps.size());
  for (Step& step : copy.steps) VisitStep(writer, step);
  return {std::move(writer.table), std::move(writer.arrays)};
}

Plan ReadNetwork(std::string_view table, std::string_view arrays, const Memory& memory) {
  TableReader reader(table, arrays, memory);
  Plan plan;
  Shape input;
  VisitShape(reader, input);
  ops::SetInput(&plan, input.h == 1 && input.w == 1 ? TensorShape(std::vector{input.c}) : input);
  // Each entry takes at least one byte of the table, which bounds what a count can claim.
  plan.outputs.resize(reader.Integer(reader.left()));
  for (int& output : plan.outputs) reader.Number(output);
  const uint64_t steps = reader.Integer(reader.left());
  for (uint64_t i = 0; i < steps; ++i) {
    Step step;
    VisitStep(reader, step);
    ops::Append(&plan, std::move(step));
  }
  for (const int output : plan.outputs) {
    if (output >= static_cast<int>(plan.values.size())) FailAsInconsistent();
  }
  if (!reader.done() || plan.outputs.empty()) FailAsInconsistent();
  return plan;
}

}  // namespace adabin::files
