// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_CPU_CONV_SHAPE_H_
#define ADABIN_CPU_CONV_SHAPE_H_

#include <cstdint>

#include "aot.h"

namespace adabin_cpu {

/// x (n, c, h, w), weights (o, c, kh, kw), y (n, o, oh, ow); no groups.
struct ConvShape {
  int64_t n, c, h, w;
  int64_t o, kh, kw;
  int64_t stride_h, stride_w, pad_top, pad_left;
  int64_t oh, ow;
  int64_t dilation_h = 1, dilation_w = 1;

  int64_t in_pixels() const { return h * w; }
  int64_t out_pixels() const { return oh * ow; }
  int64_t taps() const { return kh * kw; }
  int64_t filter() const { return c * kh * kw; }
  /// Rows and columns that a receptive field reaches over.
  int64_t span_h() const { return (kh - 1) * dilation_h + 1; }
  int64_t span_w() const { return (kw - 1) * dilation_w + 1; }
  /// Row and column of the image under a tap of an output row or column, inside or outside.
  int64_t row(int64_t y, int64_t ky) const { return y * stride_h + ky * dilation_h - pad_top; }
  int64_t column(int64_t x, int64_t kx) const { return x * stride_w + kx * dilation_w - pad_left; }
};

/// Elements of the `geometry` input: [stride_h, stride_w, pad_top, pad_bottom, pad_left, pad_right, dilation_h,
/// dilation_w, released, activation set, weight set, activation estimator, weight estimator]; plain convolutions read
/// the first eight.
constexpr int kGeometrySize = 13;
constexpr int kPlainGeometrySize = 8;

/// Shape of the convolution with input x, weights w and geometry, at these positions of the call; `size` is how many
/// elements of the geometry are read. The output's shape follows; check the tensors of that shape against it.
inline AotResult ReadConvShape(const AotCall& call, int x, int w, int geometry, int64_t size, ConvShape* shape) {
  if (!call.Is(geometry, "int32")) return kWrongType;
  if (call.rank(x) != 4 || call.rank(w) != 4 || call.dim(x, 1) != call.dim(w, 1)) return kWrongShape;
  if (call.rank(geometry) != 1 || call.dim(geometry, 0) < size) return kWrongShape;
  const int32_t* g = call.ints(geometry);
  if (g[0] < 1 || g[1] < 1 || g[2] < 0 || g[3] < 0 || g[4] < 0 || g[5] < 0 || g[6] < 1 || g[7] < 1) return kWrongValue;
  ConvShape s;
  s.n = call.dim(x, 0), s.c = call.dim(x, 1), s.h = call.dim(x, 2), s.w = call.dim(x, 3);
  s.o = call.dim(w, 0), s.kh = call.dim(w, 2), s.kw = call.dim(w, 3);
  s.stride_h = g[0], s.stride_w = g[1], s.pad_top = g[2], s.pad_left = g[4];
  s.dilation_h = g[6], s.dilation_w = g[7];
  for (const int64_t length : {s.n, s.c, s.h, s.w, s.o, s.kh, s.kw}) {
    if (length < 1) return kWrongShape;
  }
  const int64_t room_h = s.h + g[2] + g[3] - s.span_h(), room_w = s.w + g[4] + g[5] - s.span_w();
  if (room_h < 0 || room_w < 0) return kWrongShape;
  s.oh = room_h / s.stride_h + 1, s.ow = room_w / s.stride_w + 1;
  *shape = s;
  return kOk;
}

inline bool HasInputShape(const AotCall& call, int i, const ConvShape& s) {
  return call.HasShape(i, {s.n, s.c, s.h, s.w});
}
inline bool HasOutputShape(const AotCall& call, int i, const ConvShape& s) {
  return call.HasShape(i, {s.n, s.o, s.oh, s.ow});
}
inline bool HasWeightShape(const AotCall& call, int i, const ConvShape& s) {
  return call.HasShape(i, {s.o, s.c, s.kh, s.kw});
}

inline int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Quotient rounded down, also for negative a.
inline int64_t DivideDown(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_CONV_SHAPE_H_
