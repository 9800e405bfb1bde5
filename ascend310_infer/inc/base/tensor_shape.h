// SPDX-License-Identifier: Apache-2.0
//
// What a value of a network is and how it lies in memory. The two are told apart here and nowhere
// else: a map's channels come last in memory, everything else lies row by row as MindSpore has it.
#ifndef ADABIN_BASE_TENSOR_SHAPE_H_
#define ADABIN_BASE_TENSOR_SHAPE_H_

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "base/conv_geometry.h"

namespace adabin {

constexpr int kMaxRank = 7;

// Sizes of one sample, without the batch: of a map {c, h, w}, of a vector {c}, of any other tensor.
// No size is checked here; ops::CheckShape does.
class TensorShape {
 public:
  TensorShape() = default;  // rank 0: of nothing
  TensorShape(const Shape& map) : rank_(3), dims_{map.c, map.h, map.w} {}
  // Throws Error for more than kMaxRank sizes.
  explicit TensorShape(std::span<const int> dims);
  explicit TensorShape(const std::vector<int>& dims) : TensorShape(std::span<const int>(dims)) {}

  int rank() const { return rank_; }
  int operator[](int axis) const { return dims_[static_cast<size_t>(axis)]; }
  int& operator[](int axis) { return dims_[static_cast<size_t>(axis)]; }
  std::span<const int> dims() const { return {dims_.data(), static_cast<size_t>(rank_)}; }
  size_t size() const;

  // Maps and vectors have channels, which layers speak of: a vector's are those of one pixel.
  bool has_channels() const { return rank_ == 1 || rank_ == 3; }
  Shape map() const {
    return rank_ == 3 ? Shape{dims_[0], dims_[1], dims_[2]} : Shape{dims_[0], 1, 1};
  }
  // As pixels in the order of memory, for what is done to each value: of a tensor without channels
  // the last axis is taken for them.
  Shape pixels() const;

  // A vector is the map of one pixel: neither its values nor their places differ.
  bool operator==(const TensorShape& other) const;

 private:
  int rank_ = 0;
  std::array<int, kMaxRank> dims_ = {};
};

// Floats from one element to the next along each axis.
using Strides = std::array<size_t, kMaxRank>;
Strides RowMajor(const TensorShape& shape);       // as in files and in MindSpore
Strides MemoryStrides(const TensorShape& shape);  // as the engine has it
// Whether both say the same of where each element lies: an axis of size 1 has no next element.
bool SamePlaces(const TensorShape& shape, const Strides& a, const Strides& b);

}  // namespace adabin

#endif  // ADABIN_BASE_TENSOR_SHAPE_H_
