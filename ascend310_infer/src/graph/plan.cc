// SPDX-License-Identifier: Apache-2.0
#include "graph/plan.h"

#include <algorithm>

namespace adabin::graph {

const char* StepName(StepKind kind) {
  switch (kind) {
#define ADABIN_OPERATOR(number, name) \
  case StepKind::k##name:             \
    return #name;
#include "graph/operators.def"
#undef ADABIN_OPERATOR
  }
  return "unknown";
}

int Plan::CountKind(StepKind kind) const {
  return static_cast<int>(
      std::count_if(steps.begin(), steps.end(), [&](const Step& s) { return s.kind == kind; }));
}

std::vector<int> Plan::OutputDims(size_t index) const {
  const TensorShape& shape = values[static_cast<size_t>(outputs[index])];
  if (shape.rank() == 3 && shape[1] == 1 && shape[2] == 1) return {shape[0]};
  return {shape.dims().begin(), shape.dims().end()};
}

std::vector<std::string> NamesIfAny(std::vector<std::string> names) {
  if (std::ranges::all_of(names, &std::string::empty)) names.clear();
  return names;
}

}  // namespace adabin::graph
