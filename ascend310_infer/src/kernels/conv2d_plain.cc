// SPDX-License-Identifier: Apache-2.0
//
// The float convolution for what the fast ones leave, padding that cannot be laid out in memory,
// and what the tests compare these with. Weights are stored [group][block][tap][input
// channel][kBlock] so that vector instructions run over neighboring output channels and no sum is
// reassociated: the order of additions is fixed by the geometry alone.
#include <algorithm>
#include <vector>

#include "kernels/block.h"
#include "kernels/conv2d.h"

namespace adabin::kernels {
namespace {

class PlainConv2D : public Conv2D {
 public:
  explicit PlainConv2D(const Conv2DParams& params)
      : geometry_(params.geometry),
        after_(params.after),
        blocks_((params.geometry.group_out() + kBlock - 1) / kBlock) {
    const ConvGeometry& g = geometry_;
    const auto taps = static_cast<size_t>(g.taps());
    const auto group_in = static_cast<size_t>(g.group_in());
    const auto group_out = static_cast<size_t>(g.group_out());
    weights_.assign(static_cast<size_t>(g.groups) * static_cast<size_t>(blocks_) * BlockSize(), 0);
    for (size_t o = 0; o < static_cast<size_t>(g.out.c); ++o) {
      const size_t within = o % group_out;
      float* block =
          weights_.data() +
          (o / group_out * static_cast<size_t>(blocks_) + within / kBlock) * BlockSize() +
          within % kBlock;
      for (size_t c = 0; c < group_in; ++c) {
        for (size_t t = 0; t < taps; ++t) {
          block[(t * group_in + c) * kBlock] = params.weights[(o * group_in + c) * taps + t];
        }
      }
    }
  }

  size_t scratch_bytes() const override {
    return static_cast<size_t>(geometry_.out.c) * sizeof(float);
  }

  void Run(const float* x, const Work& work, const Target& target,
           std::byte* scratch) const override {
    auto* z = reinterpret_cast<float*>(scratch);
    for (int oh = work.row_begin; oh < work.row_end; ++oh) {
      for (int ow = 0; ow < geometry_.out.w; ++ow) {
        Pixel(x, oh, ow, z);
        FinishPixel(after_, target, oh, oh - work.row_begin, ow, geometry_.out.w, geometry_.out.c,
                    z);
      }
    }
  }

 private:
  size_t BlockSize() const { return static_cast<size_t>(geometry_.filter_size()) * kBlock; }

  void Pixel(const float* x, int oh, int ow, float* out) const {
    const ConvGeometry& g = geometry_;
    const int top = oh * g.stride_h - g.pad_top;
    const int left = ow * g.stride_w - g.pad_left;
    const TapRange rows = ValidTaps(top, g.kernel_h, g.dilation_h, g.in.h);
    const TapRange columns = ValidTaps(left, g.kernel_w, g.dilation_w, g.in.w);
    const float* block = weights_.data();
    for (int group = 0; group < g.groups; ++group) {
      for (int b = 0; b < blocks_; ++b, block += BlockSize()) {
        Block sum = {};
        for (int kh = rows.begin; kh < rows.end; ++kh) {
          for (int kw = columns.begin; kw < columns.end; ++kw) {
            const int64_t pixel =
                int64_t{top + kh * g.dilation_h} * g.in.w + (left + kw * g.dilation_w);
            const float* source = x + pixel * g.in.c + int64_t{group} * g.group_in();
            const float* w = block + int64_t{kh * g.kernel_w + kw} * g.group_in() * kBlock;
            AddDot(source, g.group_in(), w, &sum);
          }
        }
        std::copy_n(&sum[0], std::min(kBlock, g.group_out() - b * kBlock),
                    out + group * g.group_out() + b * kBlock);
      }
    }
  }

  ConvGeometry geometry_;
  Epilogue after_;
  int blocks_;  // per group
  std::vector<float> weights_;
};

}  // namespace

std::unique_ptr<Conv2D> CreatePlainConv2D(const Conv2DParams& params) {
  return std::make_unique<PlainConv2D>(params);
}

}  // namespace adabin::kernels
