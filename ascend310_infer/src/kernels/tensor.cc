// SPDX-License-Identifier: Apache-2.0
#include "kernels/tensor.h"

#include <algorithm>

namespace adabin::kernels {
namespace {

// Nested loops over several tensors at once, the last of which is written: its outermost axis is
// the outermost loop. Neighboring axes that all tensors pass through in one go are one.
template <size_t kTensors>
class Loops {
 public:
  using Places = std::array<size_t, kTensors>;
  struct Axis {
    size_t size;
    Places step;
  };

  Loops(const TensorShape& shape, const std::array<Strides, kTensors>& strides) {
    std::array<Axis, kMaxRank> all;
    size_t count = 0;
    for (size_t i = 0; i < static_cast<size_t>(shape.rank()); ++i) {
      Axis axis{static_cast<size_t>(shape[static_cast<int>(i)]), {}};
      for (size_t t = 0; t < kTensors; ++t) axis.step[t] = strides[t][i];
      if (axis.size > 1) all[count++] = axis;
    }
    std::stable_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count),
                     [](const Axis& a, const Axis& b) { return a.step.back() > b.step.back(); });
    axes_[0] = {1, {}};
    for (size_t i = 0; i < count; ++i) {
      Axis& outer = axes_[rank_ - 1];
      if (outer.size == 1 || IsOneWith(outer, all[i])) {
        outer = {outer.size * all[i].size, all[i].step};
      } else {
        axes_[rank_++] = all[i];
      }
    }
  }

  // row(places, axis): the innermost loop, from these places on.
  template <typename Row>
  void Run(const Row& row, Places at = {}, size_t depth = 0) const {
    const Axis& axis = axes_[depth];
    if (depth + 1 == rank_) return row(at, axis);
    for (size_t i = 0; i < axis.size; ++i) {
      Run(row, at, depth + 1);
      for (size_t t = 0; t < kTensors; ++t) at[t] += axis.step[t];
    }
  }

 private:
  static bool IsOneWith(const Axis& outer, const Axis& inner) {
    for (size_t t = 0; t < kTensors; ++t) {
      if (outer.step[t] != inner.size * inner.step[t]) return false;
    }
    return true;
  }

  std::array<Axis, kMaxRank> axes_;
  size_t rank_ = 1;
};

// Where the elements of a tensor lie, in row-major order.
class Walk {
 public:
  Walk(const TensorShape& shape, const Strides& strides) : shape_(shape), strides_(strides) {}
  size_t at() const { return at_; }
  void Next() {
    for (int axis = shape_.rank() - 1; axis >= 0; --axis) {
      const auto i = static_cast<size_t>(axis);
      at_ += strides_[i];
      if (++index_[i] < shape_[axis]) return;
      at_ -= strides_[i] * static_cast<size_t>(shape_[axis]);
      index_[i] = 0;
    }
  }

 private:
  const TensorShape& shape_;
  const Strides& strides_;
  std::array<int, kMaxRank> index_ = {};
  size_t at_ = 0;
};

}  // namespace

void Rearrange(const TensorShape& shape, const Strides& x_strides, const float* x,
               const Strides& z_strides, float* z) {
  const Loops<2> loops(shape, {x_strides, z_strides});
  loops.Run([&](const Loops<2>::Places& at, const Loops<2>::Axis& axis) {
    const float* from = x + at[0];
    float* to = z + at[1];
    if (axis.step[0] == 1 && axis.step[1] == 1) {
      std::copy_n(from, axis.size, to);
    } else {
      for (size_t i = 0; i < axis.size; ++i) to[i * axis.step[1]] = from[i * axis.step[0]];
    }
  });
}

void CopyInOrder(const TensorShape& in, const Strides& x_strides, const float* x,
                 const TensorShape& out, const Strides& z_strides, float* z) {
  Walk from(in, x_strides);
  Walk to(out, z_strides);
  for (size_t left = in.size(); left > 0; --left, from.Next(), to.Next()) z[to.at()] = x[from.at()];
}

void Combine(const TensorShape& shape, const Strides& a_strides, const float* a,
             const Strides& b_strides, const float* b, const Strides& z_strides, float* z,
             CombineRow row) {
  const Loops<3> loops(shape, {a_strides, b_strides, z_strides});
  loops.Run([&](const Loops<3>::Places& at, const Loops<3>::Axis& axis) {
    row(axis.size, a + at[0], axis.step[0], b + at[1], axis.step[1], z + at[2], axis.step[2]);
  });
}

}  // namespace adabin::kernels
