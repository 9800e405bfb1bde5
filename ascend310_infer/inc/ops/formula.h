// SPDX-License-Identifier: Apache-2.0
//
// Every operator once more, as the plain formula that it stands for: loops over one sample as
// MindSpore has it, nothing fused, no bits, no instruction sets. The device Reference runs a
// network by them; what other devices compute is compared with it.
//
// Between two steps values are float32, as in MindSpore: a binarizer decides by the numbers that it
// would see there. Within a step everything is double and rounded once, when it is stored: what
// comes out is the float32 nearest to the formula of its operands, and the difference to it what
// another implementation lost itself, in this very step.
#ifndef ADABIN_OPS_FORMULA_H_
#define ADABIN_OPS_FORMULA_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/tensor_shape.h"
#include "graph/plan.h"

namespace adabin::ops {

// A value of one sample, row by row: a map is CHW.
struct Operand {
  TensorShape shape;
  std::span<const float> x;
};

// What a formula sees. It writes every element of `z`.
struct Formula {
  const graph::Step& step;
  std::span<const Operand> in;  // what step.inputs says
  TensorShape shape;            // of `z`
  std::span<float> z;
};

// The channel of element `i`; of a tensor without channels the last axis is taken for them.
size_t ChannelOf(const TensorShape& shape, size_t i);

// The index of element `i` along each axis, and the element of an index. An axis of one element
// has that one at every index.
using Index = std::array<int, kMaxRank>;
Index IndexOf(const TensorShape& shape, size_t i);
size_t ElementOf(const TensorShape& shape, const Index& index);

// The step's activation of a value of that channel.
double Activate(const graph::Step& step, size_t channel, double x);
// Element `i` of a layer's output: scale, shift, residual and activation, of those that it has.
float Finish(const Formula& f, size_t channel, size_t i, double sum);

// The taps of the window at (oh, ow) that lie on the map: visit(tap, pixel).
template <typename Visit>
void ForEachTap(const ConvGeometry& g, int oh, int ow, const Visit& visit) {
  for (int kh = 0; kh < g.kernel_h; ++kh) {
    for (int kw = 0; kw < g.kernel_w; ++kw) {
      const int64_t ih = int64_t{oh} * g.stride_h - g.pad_top + int64_t{kh} * g.dilation_h;
      const int64_t iw = int64_t{ow} * g.stride_w - g.pad_left + int64_t{kw} * g.dilation_w;
      if (ih < 0 || ih >= g.in.h || iw < 0 || iw >= g.in.w) continue;
      visit(static_cast<size_t>(kh * g.kernel_w + kw), static_cast<size_t>(ih * g.in.w + iw));
    }
  }
}

// All outputs of a window: visit(channel, oh, ow, element).
template <typename Visit>
void ForEachOutput(const ConvGeometry& g, const Visit& visit) {
  size_t i = 0;
  for (int c = 0; c < g.out.c; ++c) {
    for (int oh = 0; oh < g.out.h; ++oh) {
      for (int ow = 0; ow < g.out.w; ++ow) visit(static_cast<size_t>(c), oh, ow, i++);
    }
  }
}

// The convolution of input(element) with weight(o, c, tap), c counted within its group. Padding
// adds nothing.
template <typename Input, typename Weight>
void Convolve(const Formula& f, const Input& input, const Weight& weight) {
  const ConvGeometry& g = f.step.geometry;
  const auto group_in = static_cast<size_t>(g.group_in());
  const auto group_out = static_cast<size_t>(g.group_out());
  const size_t pixels = static_cast<size_t>(g.in.h) * static_cast<size_t>(g.in.w);
  ForEachOutput(g, [&](size_t o, int oh, int ow, size_t i) {
    const size_t first = o / group_out * group_in;  // channel of the group
    double sum = 0;
    ForEachTap(g, oh, ow, [&](size_t tap, size_t pixel) {
      for (size_t c = 0; c < group_in; ++c) {
        sum += double{input((first + c) * pixels + pixel)} * double{weight(o, c, tap)};
      }
    });
    f.z[i] = Finish(f, o, i, sum);
  });
}

}  // namespace adabin::ops

#endif  // ADABIN_OPS_FORMULA_H_
