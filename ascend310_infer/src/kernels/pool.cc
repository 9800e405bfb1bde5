// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool.h"

#include <cstdint>

namespace adabin::kernels {
namespace {

// One output row, whose windows see `rows` rows from `map` (input row `top`) on.
void Row(void (*pool)(const isa::Windows&), const ConvGeometry& g, const float* map, int rows,
         float* out) {
  const auto channels = static_cast<size_t>(g.in.c);
  const auto columns = [&](int ow) {
    return ValidTaps(ow * g.stride_w - g.pad_left, g.kernel_w, 1, g.in.w);
  };
  isa::Windows w;
  w.rows = rows;
  w.row_step = static_cast<size_t>(g.in.w) * channels;
  w.column_step = channels;
  w.channels = g.in.c;
  w.next = static_cast<size_t>(g.stride_w) * channels;
  for (int ow = 0; ow < g.out.w; ow += w.count) {
    // Neighbors with the same taps go together.
    const TapRange taps = columns(ow);
    w.count = 1;
    while (ow + w.count < g.out.w && columns(ow + w.count) == taps) ++w.count;
    w.columns = taps.end - taps.begin;
    w.first = map + (int64_t{ow} * g.stride_w - g.pad_left + taps.begin) * g.in.c;
    w.out = out + int64_t{ow} * g.out.c;
    pool(w);
  }
}

void Rows(void (*pool)(const isa::Windows&), const ConvGeometry& g, const float* x, int row_begin,
          int row_end, float* out) {
  for (int oh = row_begin; oh < row_end; ++oh, out += int64_t{g.out.w} * g.out.c) {
    const int top = oh * g.stride_h - g.pad_top;
    const TapRange rows = ValidTaps(top, g.kernel_h, 1, g.in.h);
    const float* map = x + int64_t{top + rows.begin} * g.in.w * g.in.c;
    Row(pool, g, map, rows.end - rows.begin, out);
  }
}

}  // namespace

void MaxPoolRows(const isa::FloatLoops& simd, const ConvGeometry& g, const float* x, int row_begin,
                 int row_end, float* out) {
  Rows(simd.maximum, g, x, row_begin, row_end, out);
}

void AvgPoolRows(const isa::FloatLoops& simd, const ConvGeometry& g, const float* x, int row_begin,
                 int row_end, float* out) {
  Rows(simd.average, g, x, row_begin, row_end, out);
}

void MaxPoolColumns(const isa::FloatLoops& simd, const ConvGeometry& g, const float* row,
                    float* out) {
  Row(simd.maximum, g, row, 1, out);
}

}  // namespace adabin::kernels
