// SPDX-License-Identifier: Apache-2.0
//
// The arithmetic of kernels/bconv2d.h, one bit at a time and nothing clever: what every other
// kernel has to equal bit for bit.
#include <vector>

#include "base/bits.h"
#include "kernels/select_kernel.h"

namespace adabin::kernels {
namespace {

class ReferenceBConv2D : public BConv2D {
 public:
  explicit ReferenceBConv2D(const BConv2DParams& params)
      : geometry_(params.geometry),
        bits_(params.bits.begin(), params.bits.end()),
        constants_(ComputeConstants(params)) {}

  size_t scratch_bytes() const override {
    return static_cast<size_t>(geometry_.out.c) * sizeof(float);
  }

  void Run(const std::byte* bits, const BitLayout& layout, const Work& work, const Target& target,
           std::byte* scratch) const override {
    const Shape& shape = geometry_.out;
    auto* z = reinterpret_cast<float*>(scratch);
    for (int oh = work.row_begin; oh < work.row_end; ++oh) {
      for (int ow = 0; ow < shape.w; ++ow) {
        for (int o = 0; o < shape.c; ++o) z[o] = Sum(bits, layout, o, oh, ow);
        FinishPixel(constants_.after, target, oh, oh - work.row_begin, ow, shape.w, shape.c, z);
      }
    }
  }

 private:
  float Sum(const std::byte* bits, const BitLayout& layout, int o, int oh, int ow) const {
    const ConvGeometry& g = geometry_;
    const int group = o / g.group_out();
    const uint32_t* weights = bits_.data() + static_cast<size_t>(o) * RowWords(g.filter_size());
    int both = 0;
    int ones = 0;
    for (int kh = 0; kh < g.kernel_h; ++kh) {
      const int ih = oh * g.stride_h - g.pad_top + kh * g.dilation_h;
      if (ih < 0 || ih >= g.in.h) continue;
      for (int kw = 0; kw < g.kernel_w; ++kw) {
        const int iw = ow * g.stride_w - g.pad_left + kw * g.dilation_w;
        if (iw < 0 || iw >= g.in.w) continue;
        for (int c = 0; c < g.group_in(); ++c) {
          const int channel = group * g.group_in() + c;
          const std::byte byte = bits[layout.Offset(ih, iw) + static_cast<size_t>(channel) / 8];
          const int a = (std::to_integer<int>(byte) >> (channel % 8)) & 1;
          const int64_t bit = (int64_t{kh} * g.kernel_w + kw) * g.group_in() + c;
          both += a & static_cast<int>(GetBit(weights, static_cast<size_t>(bit)));
          ones += a;
        }
      }
    }
    const auto channel = static_cast<size_t>(o);
    const size_t border =
        static_cast<size_t>(constants_.classes.ClassOf(oh, ow)) * static_cast<size_t>(g.out.c) +
        channel;
    return constants_.a[channel] * static_cast<float>(both) +
           (constants_.b[channel] * static_cast<float>(ones) + constants_.c[border]);
  }

  ConvGeometry geometry_;
  std::vector<uint32_t> bits_;
  BConv2DConstants constants_;
};

}  // namespace

std::unique_ptr<BConv2D> CreateReferenceBConv2D(const BConv2DParams& params) {
  return std::make_unique<ReferenceBConv2D>(params);
}

}  // namespace adabin::kernels
