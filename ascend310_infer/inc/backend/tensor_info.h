// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_TENSOR_INFO_H_
#define ADABIN_BACKEND_TENSOR_INFO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "ir/plan.h"

namespace adabin::backend {

// Dimensions of a value, the batch included, as -1: the one place that says what rank a value has.
// The network's input is (N, C, H, W), and so is a map; a vector, which a plan holds as C x 1 x 1,
// is (N, C).
std::vector<int64_t> DimsOf(const ir::Plan& plan, int value);

// What a plan knows of a value, as "<kind>_<index>": neither file format holds names.
TensorInfo DescribeTensor(const ir::Plan& plan, int value, const std::string& kind, size_t index);

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_TENSOR_INFO_H_
