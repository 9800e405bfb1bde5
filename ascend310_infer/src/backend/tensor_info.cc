// SPDX-License-Identifier: Apache-2.0
#include "backend/tensor_info.h"

#include <string>

namespace adabin::backend {
namespace {

std::string NameOf(const std::vector<std::string>& names, size_t index, const char* otherwise) {
  return index < names.size() && !names[index].empty() ? names[index]
                                                       : otherwise + std::to_string(index);
}

}  // namespace

std::vector<int64_t> OutputDims(const graph::Plan& plan, size_t index) {
  const std::vector<int> sizes = plan.OutputDims(index);
  std::vector<int64_t> dims = {-1};
  dims.insert(dims.end(), sizes.begin(), sizes.end());
  return dims;
}

TensorInfo DescribeInput(const graph::Plan& plan, size_t index) {
  const Shape shape = plan.values[index].map();
  const std::string name = NameOf(plan.input_names, index, "input_");
  if (shape.h == 1 && shape.w == 1) return {name, {-1, shape.c}, shape.size()};
  return {name, {-1, shape.c, shape.h, shape.w}, shape.size()};
}

TensorInfo DescribeOutput(const graph::Plan& plan, size_t index) {
  return {NameOf(plan.output_names, index, "output_"), OutputDims(plan, index),
          plan.values[static_cast<size_t>(plan.outputs[index])].size()};
}

}  // namespace adabin::backend
