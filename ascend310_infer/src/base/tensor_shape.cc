// SPDX-License-Identifier: Apache-2.0
#include "base/tensor_shape.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace adabin {

TensorShape::TensorShape(std::span<const int> dims) : rank_(static_cast<int>(dims.size())) {
  if (dims.size() > kMaxRank) {
    throw Error("a tensor of rank " + std::to_string(dims.size() + 1) + "; at most " +
                std::to_string(kMaxRank + 1) + " is supported");
  }
  std::copy(dims.begin(), dims.end(), dims_.begin());
}

size_t TensorShape::size() const {
  size_t size = 1;
  for (const int dim : dims()) size *= static_cast<size_t>(dim);
  return size;
}

Shape TensorShape::pixels() const {
  if (has_channels() || rank_ == 0) return map();
  Shape pixels{dims_[static_cast<size_t>(rank_) - 1], 1, dims_[static_cast<size_t>(rank_) - 2]};
  for (const int dim : dims().first(static_cast<size_t>(rank_) - 2)) pixels.h *= dim;
  return pixels;
}

bool TensorShape::operator==(const TensorShape& other) const {
  if (rank_ == other.rank_) return std::ranges::equal(dims(), other.dims());
  return has_channels() && other.has_channels() && map() == other.map();
}

Strides RowMajor(const TensorShape& shape) {
  Strides strides = {};
  size_t step = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<size_t>(axis)] = step;
    step *= static_cast<size_t>(shape[axis]);
  }
  return strides;
}

Strides MemoryStrides(const TensorShape& shape) {
  if (shape.rank() != 3) return RowMajor(shape);
  const auto channels = static_cast<size_t>(shape[0]);
  return {1, channels * static_cast<size_t>(shape[2]), channels};
}

bool SamePlaces(const TensorShape& shape, const Strides& a, const Strides& b) {
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    if (shape[axis] > 1 && a[i] != b[i]) return false;
  }
  return true;
}

}  // namespace adabin
