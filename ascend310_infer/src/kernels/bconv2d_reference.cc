// SPDX-License-Identifier: Apache-2.0
//
// The arithmetic of kernels/bconv2d.h, one bit at a time and nothing clever: what every other
// kernel has to equal bit for bit.
#include "kernels/bits.h"
#include "kernels/select_kernel.h"

namespace adabin::kernels {
namespace {

class ReferenceBConv2D : public BConv2D {
 public:
  explicit ReferenceBConv2D(const BConv2DParams& params)
      : params_(params), constants_(ComputeConstants(params)) {}

  // One byte per bit, NHWC.
  size_t workspace_bytes() const override { return params_.geometry.in.size(); }

  void Binarize(const float* x, std::byte* workspace, int row_begin, int row_end) const override {
    const Shape& in = params_.geometry.in;
    const size_t row = static_cast<size_t>(in.w) * static_cast<size_t>(in.c);
    for (size_t i = static_cast<size_t>(row_begin) * row; i < static_cast<size_t>(row_end) * row;
         ++i) {
      workspace[i] = std::byte{ActivationBit(params_.compare, x[i], params_.threshold)};
    }
  }

  void Compute(const std::byte* workspace, const float* residual, float* out, int row_begin,
               int row_end) const override {
    const Shape& shape = params_.geometry.out;
    const Epilogue epilogue{params_.act, params_.positive.data(), params_.negative.data()};
    for (int oh = row_begin; oh < row_end; ++oh) {
      for (int ow = 0; ow < shape.w; ++ow) {
        const size_t pixel =
            (static_cast<size_t>(oh) * static_cast<size_t>(shape.w) + static_cast<size_t>(ow)) *
            static_cast<size_t>(shape.c);
        for (int o = 0; o < shape.c; ++o) {
          out[pixel + static_cast<size_t>(o)] = Output(workspace, o, oh, ow);
        }
        epilogue.Apply(out + pixel, residual == nullptr ? nullptr : residual + pixel, shape.c);
      }
    }
  }

  void UnpackBits(const std::byte* workspace, uint8_t* bits) const override {
    const Shape& in = params_.geometry.in;
    const auto channels = static_cast<size_t>(in.c);
    const size_t pixels = in.size() / channels;
    for (size_t c = 0; c < channels; ++c) {
      for (size_t p = 0; p < pixels; ++p) {
        bits[c * pixels + p] = static_cast<uint8_t>(workspace[p * channels + c]);
      }
    }
  }

 private:
  float Output(const std::byte* bits, int o, int oh, int ow) const {
    const ConvGeometry& g = params_.geometry;
    const int group = o / g.group_out();
    const uint32_t* weights =
        params_.bits.data() + static_cast<size_t>(o) * RowWords(g.filter_size());
    int both = 0;
    int ones = 0;
    for (int kh = 0; kh < g.kernel_h; ++kh) {
      const int ih = oh * g.stride_h - g.pad_top + kh * g.dilation_h;
      if (ih < 0 || ih >= g.in.h) continue;
      for (int kw = 0; kw < g.kernel_w; ++kw) {
        const int iw = ow * g.stride_w - g.pad_left + kw * g.dilation_w;
        if (iw < 0 || iw >= g.in.w) continue;
        for (int c = 0; c < g.group_in(); ++c) {
          const int64_t at = (int64_t{ih} * g.in.w + iw) * g.in.c + group * g.group_in() + c;
          const int a = static_cast<int>(bits[at]);
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

  BConv2DParams params_;
  BConv2DConstants constants_;
};

}  // namespace

std::unique_ptr<BConv2D> CreateReferenceBConv2D(const BConv2DParams& params) {
  return std::make_unique<ReferenceBConv2D>(params);
}

}  // namespace adabin::kernels
