// SPDX-License-Identifier: Apache-2.0
#include "backend/tensor_info.h"

#include <string>

namespace adabin::backend {

std::vector<int64_t> OutputDims(const ir::Plan& plan, size_t index) {
  const Shape& shape = plan.values[static_cast<size_t>(plan.outputs[index])];
  if (shape.h == 1 && shape.w == 1) return {-1, shape.c};
  return {-1, shape.c, shape.h, shape.w};
}

TensorInfo DescribeInput(const ir::Plan& plan) {
  const Shape& shape = plan.input;
  return {"input_0", {-1, shape.c, shape.h, shape.w}, shape.size()};
}

TensorInfo DescribeOutput(const ir::Plan& plan, size_t index) {
  return {"output_" + std::to_string(index), OutputDims(plan, index),
          plan.values[static_cast<size_t>(plan.outputs[index])].size()};
}

}  // namespace adabin::backend
