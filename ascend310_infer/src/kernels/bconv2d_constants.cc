// SPDX-License-Identifier: Apache-2.0
#include "kernels/bconv2d.h"
#include "kernels/bits.h"

namespace adabin::kernels {
namespace {

int CountOnes(const ConvGeometry& g, const uint32_t* row, const TapRange& rows,
              const TapRange& columns) {
  int ones = 0;
  const auto channels = static_cast<size_t>(g.group_in());
  for (int kh = rows.begin; kh < rows.end; ++kh) {
    for (int kw = columns.begin; kw < columns.end; ++kw) {
      const size_t first = static_cast<size_t>(kh * g.kernel_w + kw) * channels;
      for (size_t c = 0; c < channels; ++c) ones += GetBit(row, first + c);
    }
  }
  return ones;
}

}  // namespace

BConv2DConstants ComputeConstants(const BConv2DParams& params) {
  const ConvGeometry& g = params.geometry;
  const auto channels = static_cast<size_t>(g.out.c);
  const size_t row_words = RowWords(g.filter_size());
  BConv2DConstants constants;
  constants.classes = FindBorderClasses(g);
  constants.a.resize(channels);
  constants.b.resize(channels);
  constants.c.resize(static_cast<size_t>(constants.classes.count()) * channels);
  const double low = params.low;
  const double da = double{params.high} - low;
  for (size_t o = 0; o < channels; ++o) {
    const double scale = params.scale.empty() ? 1.0 : params.scale[o];
    const double shift = params.shift.empty() ? 0.0 : params.shift[o];
    const double wl = params.weight_low[o];
    const double dw = double{params.weight_high[o]} - wl;
    constants.a[o] = static_cast<float>(scale * dw * da);
    constants.b[o] = static_cast<float>(scale * wl * da);
    float* c = constants.c.data() + o;
    for (const TapRange& rows : constants.classes.row_sets) {
      for (const TapRange& columns : constants.classes.column_sets) {
        const double n =
            double{1} * (rows.end - rows.begin) * (columns.end - columns.begin) * g.group_in();
        const double ones = CountOnes(g, params.bits.data() + o * row_words, rows, columns);
        *c = static_cast<float>(scale * (wl * low * n + dw * low * ones) + shift);
        c += channels;
      }
    }
  }
  return constants;
}

}  // namespace adabin::kernels
