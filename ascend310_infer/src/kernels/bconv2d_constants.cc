// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>

#include "kernels/bconv2d.h"
#include "kernels/bits.h"

namespace adabin::kernels {
namespace {

// Ones among `count` bits of `row`, from bit `first` on.
int CountOnes(const uint32_t* row, size_t first, size_t count) {
  int ones = 0;
  while (count > 0) {
    const size_t shift = first % 32;
    const size_t take = std::min(count, 32 - shift);
    uint32_t bits = row[first / 32] >> shift;
    if (take < 32) bits &= (1u << take) - 1;
    ones += std::popcount(bits);
    first += take;
    count -= take;
  }
  return ones;
}

// Weight ones of one output channel within any rectangle of taps, in constant time: at (h, w) the
// sum over all taps above h and left of w.
class TapSums {
 public:
  explicit TapSums(const ConvGeometry& g)
      : geometry_(g),
        width_(static_cast<size_t>(g.kernel_w) + 1),
        sums_(width_ * (static_cast<size_t>(g.kernel_h) + 1)) {}

  void Load(const uint32_t* row) {
    const auto channels = static_cast<size_t>(geometry_.group_in());
    size_t bit = 0;
    for (size_t at = width_; at < sums_.size(); at += width_) {
      int ones = 0;  // of this row of taps
      for (size_t w = 1; w < width_; ++w, bit += channels) {
        ones += CountOnes(row, bit, channels);
        sums_[at + w] = sums_[at + w - width_] + ones;
      }
    }
  }

  int Count(const TapRange& rows, const TapRange& columns) const {
    return At(rows.end, columns.end) - At(rows.begin, columns.end) - At(rows.end, columns.begin) +
           At(rows.begin, columns.begin);
  }

 private:
  int At(int h, int w) const {
    return sums_[static_cast<size_t>(h) * width_ + static_cast<size_t>(w)];
  }

  const ConvGeometry& geometry_;
  size_t width_;
  std::vector<int> sums_;
};

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
  TapSums sums(g);
  for (size_t o = 0; o < channels; ++o) {
    const double scale = params.scale.empty() ? 1.0 : params.scale[o];
    const double shift = params.shift.empty() ? 0.0 : params.shift[o];
    const double wl = params.weight_low[o];
    const double dw = double{params.weight_high[o]} - wl;
    constants.a[o] = static_cast<float>(scale * dw * da);
    constants.b[o] = static_cast<float>(scale * wl * da);
    sums.Load(params.bits.data() + o * row_words);
    float* c = constants.c.data() + o;
    for (const TapRange& rows : constants.classes.row_sets) {
      for (const TapRange& columns : constants.classes.column_sets) {
        const double n =
            double{1} * (rows.end - rows.begin) * (columns.end - columns.begin) * g.group_in();
        const double ones = sums.Count(rows, columns);
        *c = static_cast<float>(scale * (wl * low * n + dw * low * ones) + shift);
        c += channels;
      }
    }
  }
  return constants;
}

}  // namespace adabin::kernels
