// SPDX-License-Identifier: Apache-2.0
#include "backend/tensor_info.h"

#include <string>

namespace adabin::backend {

std::vector<int64_t> OutputDims(const ir::Plan& plan, size_t index) {
  const std::vector<int> sizes = plan.OutputDims(index);
  std::vector<int64_t> dims = {-1};
  dims.insert(dims.end(), sizes.begin(), sizes.end());
  return dims;
}

TensorInfo DescribeInput(const ir::Plan& plan) {
  const Shape& shape = plan.input;
  const std::string name = plan.input_name.empty() ? "input_0" : plan.input_name;
  if (shape.h == 1 && shape.w == 1) return {name, {-1, shape.c}, shape.size()};
  return {name, {-1, shape.c, shape.h, shape.w}, shape.size()};
}

TensorInfo DescribeOutput(const ir::Plan& plan, size_t index) {
  const bool named = index < plan.output_names.size() && !plan.output_names[index].empty();
  return {named ? plan.output_names[index] : "output_" + std::to_string(index),
          OutputDims(plan, index), plan.values[static_cast<size_t>(plan.outputs[index])].size()};
}

}  // namespace adabin::backend
