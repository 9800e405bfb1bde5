// SPDX-License-Identifier: Apache-2.0
#include "ops/feature_map.h"

#include <algorithm>
#include <cstdint>

namespace adabin::ops {
namespace {

struct Window {
  TapRange rows;
  TapRange columns;
  int64_t top;
  int64_t left;
};

// Calls fn(window, out pixel) for each output pixel.
template <typename Fn>
void ForEachWindow(const ConvGeometry& g, float* out, Fn fn) {
  for (int oh = 0; oh < g.out.h; ++oh) {
    for (int ow = 0; ow < g.out.w; ++ow, out += g.out.c) {
      Window window;
      window.top = oh * g.stride_h - g.pad_top;
      window.left = ow * g.stride_w - g.pad_left;
      window.rows = ValidTaps(oh * g.stride_h - g.pad_top, g.kernel_h, 1, g.in.h);
      window.columns = ValidTaps(ow * g.stride_w - g.pad_left, g.kernel_w, 1, g.in.w);
      fn(window, out);
    }
  }
}

// Calls fn(pixel) for each input pixel of a window.
template <typename Fn>
void ForEachPixel(const ConvGeometry& g, const Window& window, const float* x, Fn fn) {
  for (int kh = window.rows.begin; kh < window.rows.end; ++kh) {
    for (int kw = window.columns.begin; kw < window.columns.end; ++kw) {
      fn(x + ((window.top + kh) * g.in.w + window.left + kw) * g.in.c);
    }
  }
}

}  // namespace

void ChwToHwc(const Shape& shape, const float* chw, float* hwc) {
  const size_t pixels = static_cast<size_t>(shape.h) * static_cast<size_t>(shape.w);
  const auto channels = static_cast<size_t>(shape.c);
  for (size_t p = 0; p < pixels; ++p) {
    for (size_t c = 0; c < channels; ++c) hwc[p * channels + c] = chw[c * pixels + p];
  }
}

void HwcToChw(const Shape& shape, const float* hwc, float* chw) {
  const size_t pixels = static_cast<size_t>(shape.h) * static_cast<size_t>(shape.w);
  const auto channels = static_cast<size_t>(shape.c);
  for (size_t c = 0; c < channels; ++c) {
    for (size_t p = 0; p < pixels; ++p) chw[c * pixels + p] = hwc[p * channels + c];
  }
}

void Affine(const Shape& shape, const float* x, std::span<const float> scale,
            std::span<const float> shift, float* out) {
  const auto channels = static_cast<size_t>(shape.c);
  const size_t pixels = shape.size() / channels;
  for (size_t p = 0; p < pixels; ++p, x += channels, out += channels) {
    for (size_t c = 0; c < channels; ++c) {
      const float scaled = scale.empty() ? x[c] : x[c] * scale[c];
      out[c] = shift.empty() ? scaled : scaled + shift[c];
    }
  }
}

void Activate(const Shape& shape, const float* x, const kernels::Epilogue& activation, float* out) {
  std::copy_n(x, shape.size(), out);
  const auto channels = static_cast<size_t>(shape.c);
  for (size_t i = 0; i < shape.size(); i += channels) {
    activation.Apply(out + i, nullptr, shape.c);
  }
}

void Add(size_t count, const float* a, const float* b, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = a[i] + b[i];
}

void Threshold(size_t count, const float* x, kernels::Compare compare, float threshold, float high,
               float low, float* out) {
  for (size_t i = 0; i < count; ++i) {
    out[i] = kernels::ActivationBit(compare, x[i], threshold) ? high : low;
  }
}

void MaxPool(const ConvGeometry& g, const float* x, float* out) {
  ForEachWindow(g, out, [&](const Window& window, float* y) {
    bool first = true;
    ForEachPixel(g, window, x, [&](const float* pixel) {
      for (int c = 0; c < g.in.c; ++c) y[c] = first || pixel[c] > y[c] ? pixel[c] : y[c];
      first = false;
    });
  });
}

void AvgPool(const ConvGeometry& g, const float* x, float* out) {
  ForEachWindow(g, out, [&](const Window& window, float* y) {
    std::fill_n(y, g.in.c, 0.0f);
    ForEachPixel(g, window, x, [&](const float* pixel) {
      for (int c = 0; c < g.in.c; ++c) y[c] += pixel[c];
    });
    const auto pixels = static_cast<float>((window.rows.end - window.rows.begin) *
                                           (window.columns.end - window.columns.begin));
    for (int c = 0; c < g.in.c; ++c) y[c] /= pixels;
  });
}

void MeanOverPixels(const Shape& shape, const float* x, float* out) {
  ConvGeometry whole;
  whole.in = shape;
  whole.out = {shape.c, 1, 1};
  whole.kernel_h = shape.h;
  whole.kernel_w = shape.w;
  AvgPool(whole, x, out);
}

void PadZeros(const Shape& in, const Shape& out, const int pads[6], const float* x, float* y) {
  std::fill_n(y, out.size(), 0.0f);
  for (int h = 0; h < in.h; ++h) {
    for (int w = 0; w < in.w; ++w, x += in.c) {
      std::copy_n(x, in.c, y + (int64_t{h + pads[2]} * out.w + w + pads[4]) * out.c + pads[0]);
    }
  }
}

void Reshape(const Shape& in, const Shape& out, const float* x, float* y) {
  const int64_t in_pixels = int64_t{in.h} * in.w;
  const int64_t out_pixels = int64_t{out.h} * out.w;
  int64_t i = 0;
  for (int64_t c = 0; c < in.c; ++c) {
    for (int64_t p = 0; p < in_pixels; ++p, ++i) {
      y[i % out_pixels * out.c + i / out_pixels] = x[p * in.c + c];
    }
  }
}

}  // namespace adabin::ops
