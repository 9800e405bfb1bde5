// SPDX-License-Identifier: Apache-2.0
//
// An image pixel by pixel: all channels of a pixel side by side, with the padding around it.
#ifndef ADABIN_CPU_PIXELS_H_
#define ADABIN_CPU_PIXELS_H_

#include <cstdint>
#include <vector>

#include "binarize.h"
#include "conv_shape.h"

namespace adabin_cpu {

/// Where things are: element (row, column, channel) of the padded image, and the vectors ("columns" of the product)
/// that a receptive field consists of, as offsets from its first pixel.
struct PixelLayout {
  explicit PixelLayout(const ConvShape& s);

  int64_t RowElements() const { return width * pitch; }
  /// Elements of the rows under `band` output rows.
  int64_t Elements(int64_t band) const { return ((band - 1) * stride_h + span_h) * RowElements(); }
  int64_t Offset(int64_t row, int64_t column) const { return (row * width + column) * pitch; }
  /// For every lane of every column: its place in a filter (c, kh, kw), or -1.
  std::vector<int32_t> Targets() const;

  int64_t channels, kh, kw, stride_h, dilation_h, dilation_w, span_h;
  int64_t width;  // columns under an output row
  int64_t pitch;  // elements from pixel to pixel
  std::vector<int64_t> columns;
  bool by_pixel;  // no column holds more than one tap; otherwise, a row of the kernel is one stretch
};

/// Rows under the output rows [first, first + rows) of an image (c, h, w), zeros outside it; binarized if `set`.
void FillPixels(const ConvShape& s, const PixelLayout& layout, const float* image, const ActivationSet* set,
                int64_t first, int64_t rows, float* pixels);

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_PIXELS_H_
