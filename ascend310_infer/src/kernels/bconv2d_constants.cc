// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/bits.h"
#include "kernels/bconv2d.h"

namespace adabin::kernels {
namespace {

// Without the processor's instruction, which not every one has: a compiler makes vectors of it.
int CountOnes(const uint32_t* words, size_t count) {
  uint32_t ones = 0;
  for (size_t i = 0; i < count; ++i) {
    uint32_t x = words[i];
    x -= (x >> 1) & 0x55555555u;
    x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0fu;
    x += x >> 8;
    ones += (x + (x >> 16)) & 0x3fu;
  }
  return static_cast<int>(ones);
}

// Ones among `count` bits of `row`, from bit `first` on.
int CountOnes(const uint32_t* row, size_t first, size_t count) {
  if (first % 32 == 0 && count % 32 == 0) return CountOnes(row + first / 32, count / 32);
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

double ScaleOf(const Epilogue& after, size_t o) {
  return after.scale.empty() ? 1.0 : after.scale[o];
}
double ShiftOf(const Epilogue& after, size_t o) {
  return after.shift.empty() ? 0.0 : after.shift[o];
}

// The constants of one output channel, not yet rounded.
struct Channel {
  double a = 0;
  double b = 0;
  std::vector<double> c;  // by class
};

// What the window at a class of pixels holds.
struct Window {
  double taps = 0;  // N
  double ones = 0;  // W
};

// The largest power of two of which `x` is a multiple; of zero, infinity; of no number, zero.
double Unit(double x) {
  if (x == 0) return std::numeric_limits<double>::infinity();
  if (!std::isfinite(x)) return 0;
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);  // 53 bits at most
  const auto digits = static_cast<uint64_t>(std::abs(std::ldexp(mantissa, 53)));
  return std::ldexp(1.0, exponent - 53 + std::countr_zero(digits));
}

// Whether float32 holds the constants of `channel`, into which `shift` went, and all that a kernel
// makes of them, where `largest` bounds what it ends with. Numbers are exact up to 2^24 times what
// they are multiples of.
bool IsExact(const Channel& channel, const std::vector<Window>& windows, double shift,
             double largest) {
  constexpr double kLimit = 1 << 24;
  const double unit_a = Unit(channel.a);
  const double unit_b = Unit(channel.b);
  for (size_t i = 0; i < windows.size(); ++i) {
    const double c = channel.c[i];
    const double unit_bc = std::min(unit_b, Unit(c));
    const double unit = std::min({unit_a, unit_bc, Unit(shift)});
    const double most_b = channel.b * windows[i].taps;
    if (unit < 1e-30) return false;  // denormal numbers are another matter
    if (std::abs(channel.a) * windows[i].ones > kLimit * unit_a ||
        std::abs(most_b) > kLimit * unit_b ||
        std::max(std::abs(c), std::abs(most_b + c)) > kLimit * unit_bc || largest > kLimit * unit) {
      return false;
    }
  }
  return largest < 1e30;
}

}  // namespace

BConv2DConstants ComputeConstants(const BConv2DParams& params) {
  const ConvGeometry& g = params.geometry;
  const auto channels = static_cast<size_t>(g.out.c);
  const size_t row_words = RowWords(g.filter_size());
  BConv2DConstants constants;
  constants.classes = FindBorderClasses(g);
  const auto classes = static_cast<size_t>(constants.classes.count());
  constants.a.resize(channels);
  constants.b.resize(channels);
  constants.c.resize(classes * channels);
  constants.after.SetActivation(params.after);
  const double low = params.low;
  const double da = double{params.high} - low;
  const double largest_value = std::max(std::abs(low), std::abs(double{params.high}));
  TapSums sums(g);
  std::vector<Window> windows(classes);
  Channel y{0, 0, std::vector<double>(classes)};
  Channel z = y;
  const auto compute = [&](size_t o) {
    const double scale = ScaleOf(params.after, o);
    const double shift = ShiftOf(params.after, o);
    const double wl = params.weight_low[o];
    const double dw = double{params.weight_high[o]} - wl;
    sums.Load(params.bits.data() + o * row_words);
    size_t i = 0;
    for (const TapRange& rows : constants.classes.rows.sets()) {
      for (const TapRange& columns : constants.classes.columns.sets()) {
        const double n =
            double{1} * (rows.end - rows.begin) * (columns.end - columns.begin) * g.group_in();
        windows[i++] = {n, double{1} * sums.Count(rows, columns)};
      }
    }
    y.a = dw * da;
    y.b = wl * da;
    z.a = scale * dw * da;
    z.b = scale * wl * da;
    for (i = 0; i < classes; ++i) {
      y.c[i] = wl * low * windows[i].taps + dw * low * windows[i].ones;
      z.c[i] = scale * y.c[i] + shift;
    }
  };
  const auto store = [&](size_t o, const Channel& used) {
    constants.a[o] = static_cast<float>(used.a);
    constants.b[o] = static_cast<float>(used.b);
    for (size_t i = 0; i < classes; ++i) {
      constants.c[i * channels + o] = static_cast<float>(used.c[i]);
    }
  };
  // Whether all sums are exact, and would no longer be with BatchNorm folded in.
  bool exact = true;
  bool folds = true;
  for (size_t o = 0; o < channels; ++o) {
    compute(o);
    store(o, z);
    if (!exact) continue;
    const double scale = ScaleOf(params.after, o);
    const double shift = ShiftOf(params.after, o);
    const double largest =
        g.filter_size() * largest_value *
        std::max(std::abs(params.weight_low[o]), std::abs(params.weight_high[o]));
    exact = std::isfinite(scale) && std::isfinite(shift) && IsExact(y, windows, 0, largest);
    folds =
        folds && exact && IsExact(z, windows, shift, std::abs(scale) * largest + std::abs(shift));
  }
  if (!exact || folds) return constants;
  for (size_t o = 0; o < channels; ++o) {
    compute(o);
    store(o, y);
    constants.after.scale.push_back(static_cast<float>(ScaleOf(params.after, o)));
    constants.after.shift.push_back(static_cast<float>(ShiftOf(params.after, o)));
  }
  return constants;
}

}  // namespace adabin::kernels
