// SPDX-License-Identifier: Apache-2.0
#include "backend/tensor_info.h"

namespace adabin::backend {

std::vector<int64_t> DimsOf(const ir::Plan& plan, int value) {
  const Shape& shape = plan.values[static_cast<size_t>(value)];
  if (value > 0 && shape.h == 1 && shape.w == 1) return {-1, shape.c};
  return {-1, shape.c, shape.h, shape.w};
}

TensorInfo DescribeTensor(const ir::Plan& plan, int value, const std::string& kind, size_t index) {
  TensorInfo info;
  info.name = kind + "_" + std::to_string(index);
  info.dims = DimsOf(plan, value);
  info.size = plan.values[static_cast<size_t>(value)].size();
  return info;
}

}  // namespace adabin::backend
