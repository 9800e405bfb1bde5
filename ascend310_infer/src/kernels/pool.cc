// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool.h"

#include <cstdint>

namespace adabin::kernels {
namespace {

using Loop = void (*)(const isa::Windows&);

// The taps of one axis of a window that lie on the map, and how many count.
struct Axis {
  TapRange taps;
  int counted = 0;
  bool operator==(const Axis&) const = default;
};

Axis AxisAt(int origin, int kernel, int dilation, int in, int before, int after) {
  const TapRange counted = ValidTaps(origin + before, kernel, dilation, before + in + after);
  return {ValidTaps(origin, kernel, dilation, in), counted.end - counted.begin};
}

// One output row, whose windows see those of the map's rows that `rows` says, from `map` on.
void Row(Loop pool, const ConvGeometry& g, const float* map, const Axis& rows,
         const PoolDivisor& divisor, float* out) {
  const auto channels = static_cast<size_t>(g.in.c);
  const auto columns = [&](int ow) {
    return AxisAt(ow * g.stride_w - g.pad_left, g.kernel_w, g.dilation_w, g.in.w, divisor.left,
                  divisor.right);
  };
  isa::Windows w;
  w.rows = rows.taps.end - rows.taps.begin;
  w.row_step = static_cast<size_t>(g.dilation_h) * static_cast<size_t>(g.in.w) * channels;
  w.column_step = static_cast<size_t>(g.dilation_w) * channels;
  w.channels = g.in.c;
  w.next = static_cast<size_t>(g.stride_w) * channels;
  for (int ow = 0; ow < g.out.w; ow += w.count) {
    // Neighbors with the same taps go together.
    const Axis axis = columns(ow);
    w.count = 1;
    while (ow + w.count < g.out.w && columns(ow + w.count) == axis) ++w.count;
    w.columns = axis.taps.end - axis.taps.begin;
    w.divisor =
        static_cast<float>(divisor.fixed != 0 ? divisor.fixed : rows.counted * axis.counted);
    const int64_t column =
        int64_t{ow} * g.stride_w - g.pad_left + int64_t{axis.taps.begin} * g.dilation_w;
    w.first = map + column * g.in.c;
    w.out = out + int64_t{ow} * g.out.c;
    pool(w);
  }
}

void Rows(Loop pool, const ConvGeometry& g, const float* x, int row_begin, int row_end,
          const PoolDivisor& divisor, float* out) {
  for (int oh = row_begin; oh < row_end; ++oh, out += int64_t{g.out.w} * g.out.c) {
    const int top = oh * g.stride_h - g.pad_top;
    const Axis rows = AxisAt(top, g.kernel_h, g.dilation_h, g.in.h, divisor.top, divisor.bottom);
    const int64_t first = top + int64_t{rows.taps.begin} * g.dilation_h;
    Row(pool, g, x + first * g.in.w * g.in.c, rows, divisor, out);
  }
}

}  // namespace

void MaxPoolRows(const isa::FloatLoops& simd, const ConvGeometry& g, const float* x, int row_begin,
                 int row_end, float* out) {
  Rows(simd.maximum, g, x, row_begin, row_end, {}, out);
}

void AvgPoolRows(const isa::FloatLoops& simd, const ConvGeometry& g, const float* x, int row_begin,
                 int row_end, float* out, const PoolDivisor& divisor) {
  Rows(simd.average, g, x, row_begin, row_end, divisor, out);
}

void MaxPoolColumns(const isa::FloatLoops& simd, const ConvGeometry& g, const float* row,
                    float* out) {
  Row(simd.maximum, g, row, {{0, 1}, 1}, {}, out);
}

}  // namespace adabin::kernels
