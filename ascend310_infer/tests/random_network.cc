// SPDX-License-Identifier: Apache-2.0
#include "random_network.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "mindir_builder.h"

namespace adabin::test {
namespace {

// What a map can hold: multiples of 2^-fraction of at most `largest`. They are exact in float32 as
// long as both together take no more than its 24 bits.
struct Range {
  int fraction = 0;
  double largest = 0;

  bool fits() const { return fraction + std::log2(std::max(largest, 1.0)) <= 23; }
};

class Builder {
 public:
  Builder(unsigned seed, Numbers numbers)
      : rng_(seed),
        exact_(numbers == Numbers::kExact),
        size_(Pick({4, 8, 8, 16})),
        b_({1, 3, size_, size_}) {}

  std::string Build() {
    Stem();
    if (size_ > 4 && OneIn(4)) {
      x_ = b_.MaxPool(x_, 3, 2, "SAME");
      size_ /= 2;
    }
    const int layers = Draw(2, 6);
    for (int i = 0; i < layers; ++i) BinaryLayer();
    Head();
    return b_.Serialize();
  }

 private:
  int Draw(int low, int high) { return std::uniform_int_distribution(low, high)(rng_); }
  bool OneIn(int n) { return Draw(1, n) == 1; }
  template <typename T>
  T Pick(const std::vector<T>& from) {
    return from[static_cast<size_t>(Draw(0, static_cast<int>(from.size()) - 1))];
  }
  int Pick(std::initializer_list<int> from) { return Pick(std::vector<int>(from)); }
  float Uniform(float low, float high) {
    return std::uniform_real_distribution<float>(low, high)(rng_);
  }
  // A multiple of `unit` of at most `steps` of them.
  float Fraction(float unit, int steps) { return unit * static_cast<float>(Draw(-steps, steps)); }
  // Of either sign, ordinary or far from it, but so that float32 holds products of several.
  float Extreme() {
    constexpr float kMagnitudes[] = {1, 1, 1, 1e-3f, 1e-12f, 1e-30f, 1e-42f, 1e4f};
    return Uniform(-1.5f, 1.5f) * kMagnitudes[Draw(0, 7)];
  }
  template <typename Function>
  std::vector<float> Fill(int64_t count, const Function& draw) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& v : values) v = draw();
    return values;
  }

  void Stem() {
    channels_ = Pick({3, 8, 16, 17, 24});
    const std::vector<int64_t> shape = {channels_, 3, 3, 3};
    MindIrBuilder::Conv conv{shape, Fill(channels_ * 27, [&] { return FloatWeight(); })};
    conv.pad = {1, 1, 1, 1};
    range_ = {2, 2};  // the input's, see the tests
    range_ = {range_.fraction + 1, 27 * range_.largest};
    x_ = b_.Conv2D(b_.Input(), conv);
    x_ = BatchNorm(x_, channels_, &range_);
    Activate();
  }

  float FloatWeight() { return exact_ ? Fraction(0.5f, 2) : Uniform(-0.5f, 0.5f); }

  // Both forms of the paper's binary set as the export states them: x >= threshold ? high : low.
  std::string Binarize(const std::string& x, Range* range) {
    const bool released = OneIn(2);
    float alpha = exact_ ? 0.5f * static_cast<float>(Pick({-2, -1, 1, 2})) : Extreme();
    float beta = exact_ ? Fraction(0.5f, 2) : Uniform(-0.5f, 0.5f);
    if (!exact_ && OneIn(4)) beta = Extreme();
    if (!exact_ && OneIn(8)) beta *= 1e6f;
    if (!exact_ && OneIn(10)) alpha = 0;
    const auto value = [&](float sign) {
      return released ? alpha * (sign + beta) : alpha * sign + beta;
    };
    const bool rising = alpha >= 0;
    const float threshold =
        rising ? beta : std::nextafter(beta, std::numeric_limits<float>::infinity());
    const float high = value(rising ? 1.0f : -1.0f);
    const float low = value(rising ? -1.0f : 1.0f);
    *range = {2, double{std::abs(low)} + std::abs(high - low)};
    return OneIn(2) ? b_.Binarize(x, threshold, high, low)
                    : b_.BinarizeFalling(x, threshold, high, low);
  }

  // At most two values per output channel.
  std::vector<float> BinaryWeights(int64_t channels, int64_t filter) {
    std::vector<float> weights;
    for (int64_t o = 0; o < channels; ++o) {
      float mean = exact_ ? Fraction(0.5f, 1) : Uniform(-0.3f, 0.3f);
      float deviation = exact_ ? 0.5f : Uniform(0.01f, 0.3f);
      if (!exact_ && OneIn(4)) mean = Extreme();
      if (!exact_ && OneIn(4)) deviation = std::abs(Extreme());
      if (OneIn(8)) deviation = 0;  // a filter without variance
      for (int64_t i = 0; i < filter; ++i) {
        weights.push_back(OneIn(2) ? mean - deviation : mean + deviation);
      }
    }
    return weights;
  }

  std::string BatchNorm(const std::string& x, int64_t channels, Range* range) {
    const auto gamma = Fill(channels, [&] {
      if (exact_) return Pick(std::vector<float>{-1.0f, -0.5f, 0.5f, 1.0f, 1.0f});
      return OneIn(4) ? Extreme() : Uniform(-1.5f, 1.5f);
    });
    const auto beta = Fill(channels, [&] { return exact_ ? Fraction(0.5f, 4) : Extreme(); });
    const auto mean = Fill(channels, [&] {
      const float shift = exact_ ? Fraction(0.5f, 4) : Uniform(-1.0f, 1.0f);
      return !exact_ && OneIn(4) ? shift * 1e6f : shift;
    });
    const auto variance = Fill(channels, [&] {
      return exact_ ? 1.0f : OneIn(4) ? std::abs(Extreme()) : Uniform(0.1f, 2.0f);
    });
    *range = {range->fraction + 1, range->largest + 4};
    std::vector<std::string> inputs = {x};
    for (const auto& part : {gamma, beta, mean, variance}) {
      inputs.push_back(b_.Parameter({channels}, part));
    }
    inputs.push_back(b_.Int(0));
    inputs.push_back(b_.Float(exact_ ? 0.0f : 1e-5f));
    const std::string all = b_.Node("BatchNorm", inputs);
    const std::string first = b_.Int(0);
    return b_.Node("TupleGetItem", {all, first});
  }

  // None, ReLU, PReLU or Maxout, on x_.
  void Activate() {
    const Range halved{range_.fraction + 1, range_.largest};
    const bool halve = halved.fits();
    const auto slope = [&] {
      if (!exact_) return OneIn(6) ? Extreme() : Uniform(-0.5f, 1.5f);
      return halve ? Fraction(0.5f, 2) : Fraction(1.0f, 1);
    };
    const int kind = Draw(0, 5);
    if (kind == 0) return;
    if (kind == 1) {
      x_ = b_.Node("ReLU", {x_});
      return;
    }
    const std::vector<float> negative = Fill(channels_, slope);
    if (kind == 2) {
      x_ = b_.Node("PReLU", {x_, b_.Parameter({channels_}, negative)});
    } else {
      x_ = b_.Maxout(x_, Fill(channels_, slope), negative);
    }
    if (halve) range_ = halved;
  }

  void BinaryLayer() {
    const int64_t stride = size_ > 2 && OneIn(4) ? 2 : 1;
    const int64_t out = stride == 2 || OneIn(4) ? channels_ + Pick({0, 1, 8, 16}) : channels_;
    const int64_t kernel = Pick({1, 3, 3, 3});
    const int64_t pad = kernel / 2;
    Range range;
    const std::string bits = Binarize(x_, &range);
    const MindIrBuilder::Conv conv{{out, channels_, kernel, kernel},
                                   BinaryWeights(out, channels_ * kernel * kernel),
                                   stride,
                                   {pad, pad, pad, pad}};
    const double terms = static_cast<double>(channels_ * kernel * kernel);
    range = {range.fraction + 1, range.largest * 2.5 * terms};
    std::string y = b_.Conv2D(bits, conv);
    y = BatchNorm(y, out, &range);
    if (!OneIn(6)) AddShortcut(stride, out, &y, &range);
    x_ = y;
    range_ = range;
    channels_ = out;
    size_ /= stride;
    Activate();
  }

  // The stream itself, its average in a 1x1 convolution, or every second pixel of it with zero
  // channels; nothing where sums would no longer be exact.
  void AddShortcut(int64_t stride, int64_t out, std::string* y, Range* range) {
    std::string shortcut = x_;
    Range of = range_;
    if (stride == 2 || out != channels_) {
      const Range averaged{of.fraction + 3, of.largest * static_cast<double>(channels_)};
      const bool pads = out == channels_ && OneIn(2);
      if (stride == 2) {
        shortcut = b_.AvgPool(x_, pads ? 1 : 2, 2, 2);
      }
      if (!pads) {
        const MindIrBuilder::Conv conv{{out, channels_, 1, 1},
                                       Fill(out * channels_, [&] { return FloatWeight(); })};
        of = averaged;
        shortcut = BatchNorm(b_.Conv2D(shortcut, conv), out, &of);
      }
    }
    const Range sum{std::max(of.fraction, range->fraction), of.largest + range->largest};
    if (exact_ && (!sum.fits() || !of.fits())) return;
    *y = OneIn(2) ? b_.Node("Add", {*y, shortcut}) : b_.Node("Add", {shortcut, *y});
    *range = sum;
  }

  void Head() {
    const int64_t classes = 7;
    const Range mean{range_.fraction + 2 * static_cast<int>(std::log2(size_)), range_.largest};
    const Range logits{mean.fraction + 1, mean.largest * static_cast<double>(channels_) + 2};
    if (exact_ && (!mean.fits() || !logits.fits())) return b_.Output({x_});
    x_ = b_.Node("ReduceMean", {x_, b_.Ints({2, 3}), b_.Int(0)});
    const auto weights = Fill(classes * channels_, [&] { return FloatWeight(); });
    const auto bias = Fill(classes, [&] { return FloatWeight(); });
    x_ = b_.Node("MatMul", {x_, b_.Parameter({classes, channels_}, weights), b_.Int(0), b_.Int(1)});
    b_.Output({b_.Node("BiasAdd", {x_, b_.Parameter({classes}, bias), b_.Int(0)})});
  }

  std::mt19937 rng_;
  const bool exact_;
  int64_t size_;  // a power of two: means are exact
  MindIrBuilder b_;
  std::string x_;  // the float stream, and what it can hold
  Range range_;
  int64_t channels_ = 0;
};

}  // namespace

std::string RandomResidualNetwork(unsigned seed, Numbers numbers) {
  return Builder(seed, numbers).Build();
}

}  // namespace adabin::test
