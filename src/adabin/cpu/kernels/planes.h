// SPDX-License-Identifier: Apache-2.0
//
// Shifted copies of an image that turn a convolution into a product over flat pixels.
//
// Output pixels form a grid (gh x gw), counted flat: q = gy * gw + gx. For every column shift of the kernel there is
// one copy ("plane") of the image with the grid's columns, zeros where the kernel hangs over the edge. A tap then reads
// plane[q + row * gw] for all q at once: vectors run across row ends, and no lane is lost however narrow the map is.
// Strides become planes of every s-th row and column.
#ifndef ADABIN_CPU_PLANES_H_
#define ADABIN_CPU_PLANES_H_

#include <cstdint>
#include <vector>

#include "conv_shape.h"

namespace adabin_cpu {

/// Element (row, column) is image(row * row_stride + row_start, column * column_stride + column_start).
struct Plane {
  int64_t row_stride, row_start, column_stride, column_start;
  int64_t extra_rows;  // rows needed beyond the grid's
};

struct Tap {
  int64_t ky, kx;
  int64_t plane, row;  // row: first row of the plane this tap reads
  int64_t phase;       // of the output: see GradientSampling
};

/// A convolution as planes and taps.
struct Sampling {
  int64_t gh, gw;  // grid of output pixels
  std::vector<Plane> planes;
  std::vector<Tap> taps;

  /// Elements per channel of all planes for a band of `rows` grid rows.
  int64_t PlaneElements(int64_t rows) const;
  /// Where each (channel, tap of the phase), channel by channel, starts in the planes of `channels` channels.
  std::vector<int32_t> Offsets(int64_t channels, int64_t rows, int64_t phase) const;
};

/// y from x; one phase.
Sampling ForwardSampling(const ConvShape& s);

/// dx from dy. Pixels (stride_h * gy + y, stride_w * gx + x) of dx form phase y * stride_w + x, a grid of its own with
/// taps of its own, perhaps none; all phases read the same planes. The grid is as large as the largest phase.
Sampling GradientSampling(const ConvShape& s);

/// Fills the planes, one after the other, each (channels, band + extra rows, gw), for grid rows [first, first + rows)
/// of an image (channels, h, w); `band` >= rows is the room per plane. Elements are any 4 bytes.
void FillPlanes(const Sampling& sampling, const uint32_t* image, int64_t channels, int64_t h, int64_t w, int64_t first,
                int64_t rows, int64_t band, uint32_t* planes);

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_PLANES_H_
