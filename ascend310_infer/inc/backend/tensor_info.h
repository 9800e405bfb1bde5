// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_TENSOR_INFO_H_
#define ADABIN_BACKEND_TENSOR_INFO_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backend/backend.h"
#include "graph/plan.h"

namespace adabin::backend {

// Dimensions of output `index`, the batch included, as -1. A map is (N, C, H, W), but of one pixel,
// as a vector, (N, C); a tensor of another rank has its own.
std::vector<int64_t> OutputDims(const graph::Plan& plan, size_t index);

// What has no name is "input_<index>", "output_<index>". An input is (N, C, H, W), or (N, C).
TensorInfo DescribeInput(const graph::Plan& plan, size_t index);
TensorInfo DescribeOutput(const graph::Plan& plan, size_t index);

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_TENSOR_INFO_H_
