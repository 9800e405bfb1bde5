// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_CONV_GEOMETRY_H_
#define ADABIN_BASE_CONV_GEOMETRY_H_

#include <cstddef>
#include <cstdint>

namespace adabin {

// One sample's size. A vector (the rank-2 tensors of a classifier) is {c, 1, 1}.
struct Shape {
  int c = 0;
  int h = 0;
  int w = 0;

  size_t size() const {
    return static_cast<size_t>(c) * static_cast<size_t>(h) * static_cast<size_t>(w);
  }
  bool operator==(const Shape&) const = default;
};

// A sliding window over a feature map: convolutions (binary and float) and pooling.
struct ConvGeometry {
  Shape in;
  Shape out;
  int kernel_h = 1;
  int kernel_w = 1;
  int stride_h = 1;
  int stride_w = 1;
  int dilation_h = 1;
  int dilation_w = 1;
  int pad_top = 0;
  int pad_bottom = 0;
  int pad_left = 0;
  int pad_right = 0;
  int groups = 1;

  int taps() const { return kernel_h * kernel_w; }
  int group_in() const { return in.c / groups; }
  int group_out() const { return out.c / groups; }
  // Weights of one output channel.
  int filter_size() const { return group_in() * taps(); }

  // The convolution of one group.
  ConvGeometry OfGroup() const {
    ConvGeometry group = *this;
    group.in.c = group_in();
    group.out.c = group_out();
    group.groups = 1;
    return group;
  }

  bool operator==(const ConvGeometry&) const = default;
};

// What an average divides by: the pixels of its window that lie on the map or within so much of the
// padding around it; or always `fixed`, where that is not 0.
struct PoolDivisor {
  int top = 0;
  int bottom = 0;
  int left = 0;
  int right = 0;
  int fixed = 0;

  bool operator==(const PoolDivisor&) const = default;
};

// Output rows or columns of a window; 0 or less when the window does not fit.
inline int64_t WindowOutput(int64_t in, int64_t pad, int64_t kernel, int64_t stride,
                            int64_t dilation) {
  const int64_t span = in + pad - ((kernel - 1) * dilation + 1);
  return span < 0 ? 0 : span / stride + 1;
}

// The kernel positions [begin, end) of one axis whose input lies inside the map. They are
// contiguous: the input position grows by `dilation` from one tap to the next.
struct TapRange {
  int begin = 0;
  int end = 0;
  bool operator==(const TapRange&) const = default;
};
TapRange ValidTaps(int origin, int kernel, int dilation, int in_size);

}  // namespace adabin

#endif  // ADABIN_BASE_CONV_GEOMETRY_H_
