// SPDX-License-Identifier: Apache-2.0
#include "binarize.h"

#include <algorithm>
#include <cmath>

namespace adabin_cpu {
namespace {

// 1 / alpha of a tiny alpha would be infinite, and infinity * 0 is NaN.
constexpr float kLarge = 1e30f;
// Elements whose float sums are added up before they go on in double.
constexpr int64_t kRun = 1024;

float Inverse(float alpha) { return alpha == 0 ? 0.0f : std::clamp(1 / alpha, -kLarge, kLarge); }

/// e^z for z <= 0, within 2 units in the last place; 0 below -87.
inline Vec ExpOfNegative(Vec z) {
  const Vec kRound = Broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer, kept in the low bits
  const Vec shifted = MulAdd(z, Broadcast(1.44269504f), kRound);
  const Vec n = shifted - kRound;
  const Vec r = MulAdd(n, Broadcast(2.12194440e-4f), MulAdd(n, Broadcast(-0.693359375f), z));
  Vec p = Broadcast(1.9875691500e-4f);
  for (const float term : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f}) {
    p = MulAdd(p, r, Broadcast(term));
  }
  p = MulAdd(p * r, r, r) + 1.0f;
  const IntVec exponent = (IntVec)(((BitVec)shifted + 127u) << 23);
  const Vec result = p * (Vec)exponent;
  return Select(z < -87.0f, Vec{}, result);
}

/// Estimator e(u) of the sign's derivative.
template <Estimator estimator>
inline Vec Slope(Vec u, Vec k_t, Vec t) {
  if constexpr (estimator == Estimator::kTanh) {
    const Vec decay = ExpOfNegative(-2.0f * Abs(t * u));
    const Vec sum = 1.0f + decay;
    return k_t * 4.0f * decay / (sum * sum);
  } else if constexpr (estimator == Estimator::kPolynomial) {
    const Vec slope = 2.0f - 2.0f * Abs(u);
    return Select(slope < 0.0f, Vec{}, slope);
  } else if constexpr (estimator == Estimator::kClippedSte) {
    return Select(Abs(u) <= 1.0f, Broadcast(1.0f), Vec{});
  } else {
    return u * 0.0f + 1.0f;
  }
}

inline Vec SignOf(IntVec plus) { return Select(plus, Broadcast(1.0f), Broadcast(-1.0f)); }

/// Calls step(lanes loader) over [0, count): whole vectors, then a rest filled up with zeros.
template <typename Step>
inline void ForVectors(int64_t count, const Step& step) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) step(i, kLanes);
  if (i < count) step(i, static_cast<int>(count - i));
}

inline Vec LoadUpTo(const float* p, int lanes) { return lanes == kLanes ? Load<Vec>(p) : LoadFirst<Vec>(p, lanes); }

inline void StoreUpTo(float* p, Vec v, int lanes) {
  if (lanes == kLanes) {
    Store(p, v);
  } else {
    StoreFirst(p, v, lanes);
  }
}

/// sum over i of f(i-th elements), f returning a vector of terms (0 for lanes that do not exist).
template <typename Term>
double SumOf(int64_t count, const Term& term) {
  double total = 0;
  for (int64_t start = 0; start < count; start += kRun) {
    Vec sum = {};
    ForVectors(std::min(kRun, count - start), [&](int64_t i, int lanes) { sum += term(start + i, lanes); });
    total += Sum(sum);
  }
  return total;
}

/// Lanes that exist, as all ones.
inline IntVec Existing(int lanes) {
  IntVec index;
  for (int i = 0; i < kLanes; ++i) index[i] = i;
  return index < lanes;
}

template <Estimator estimator>
void FilterGradientOf(const float* w, int64_t count, BinarySet set, float k, float t, const float* gradient,
                      float* dw) {
  const FilterSet statistics = FilterStatistics(w, count, set);
  const Vec center = Broadcast(statistics.center), inverse = Broadcast(Inverse(statistics.distance));
  const Vec k_t = Broadcast(k * t), scale = Broadcast(t);
  double e_sum = 0, ev_sum = 0, signed_sum = 0, sum = 0;
  for (int64_t start = 0; start < count; start += kRun) {
    Vec e_part = {}, ev_part = {}, signed_part = {}, part = {};
    ForVectors(std::min(kRun, count - start), [&](int64_t i, int lanes) {
      const Vec x = LoadUpTo(w + start + i, lanes), g = LoadUpTo(gradient + start + i, lanes);
      const Vec v = (x - center) * inverse;
      const Vec e = Slope<estimator>(v, k_t, scale) * g;
      StoreUpTo(dw + start + i, e, lanes);
      const Vec ev = e * v, gs = g * SignOf(x >= center);
      // g is 0 where no element is, and so are all terms, unless v is not finite there.
      const IntVec existing = Existing(lanes);
      e_part += Select(existing, e, Vec{}), ev_part += Select(existing, ev, Vec{});
      signed_part += gs, part += g;
    });
    e_sum += Sum(e_part), ev_sum += Sum(ev_part), signed_sum += Sum(signed_part), sum += Sum(part);
  }
  if (set == BinarySet::kFixed) return;
  const float e_mean = static_cast<float>(e_sum / count), ev_mean = static_cast<float>(ev_sum / count);
  const float signed_mean = static_cast<float>(signed_sum / count), mean = static_cast<float>(sum / count);
  ForVectors(count, [&](int64_t i, int lanes) {
    const Vec x = LoadUpTo(w + i, lanes), e = LoadUpTo(dw + i, lanes);
    const Vec v = (x - center) * inverse, s = SignOf(x >= center);
    const Vec result = set == BinarySet::kAdaBin ? e - e_mean - v * ev_mean + v * signed_mean + mean
                                                 : e - s * ev_mean + s * signed_mean;
    StoreUpTo(dw + i, result, lanes);
  });
}

}  // namespace

AotResult ReadBinarization(const int32_t* geometry, Binarization* result) {
  const int32_t* codes = geometry + kGeometryCodes;
  if (codes[1] < 0 || codes[1] > 2 || codes[2] < 0 || codes[2] > 2) return kWrongValue;
  if (codes[3] < 0 || codes[3] > 3 || codes[4] < 0 || codes[4] > 3) return kWrongValue;
  *result = {codes[0] != 0, static_cast<BinarySet>(codes[2]), static_cast<Estimator>(codes[3]),
             static_cast<Estimator>(codes[4])};
  return kOk;
}

ActivationSet::ActivationSet(float alpha, float beta, bool released)
    : alpha(alpha), beta(beta), released(released), rising(alpha >= 0) {
  high = released ? alpha * (1 + beta) : alpha + beta;
  low = released ? alpha * (-1 + beta) : -alpha + beta;
}

ActivationGradient::ActivationGradient(const ActivationSet& set, Estimator estimator, float k, float t)
    : set_(set), estimator_(estimator), k_(k), t_(t), inverse_alpha_(Inverse(set.alpha)) {}

template <Estimator estimator>
void ActivationGradient::ApplyRun(const float* x, float* gradient, int64_t count, ActivationSums* sums) const {
  const Vec beta = Broadcast(set_.beta), inverse = Broadcast(inverse_alpha_);
  const Vec k_t = Broadcast(k_ * t_), scale = Broadcast(t_), defined = Broadcast(set_.alpha == 0 ? 0.0f : 1.0f);
  Vec alpha_sum = {}, gradient_sum = {}, dx_sum = {};
  ForVectors(count, [&](int64_t i, int lanes) {
    Vec in = LoadUpTo(x + i, lanes);
    const Vec g = LoadUpTo(gradient + i, lanes);
    const Vec u = (in - beta) * inverse;
    const Vec dx = g * (Slope<estimator>(u, k_t, scale) * defined);
    StoreUpTo(gradient + i, dx, lanes);
    Vec term = g * SignOf(set_.IsPlus(in)) - dx * u;
    Vec dx_term = dx;
    if (lanes < kLanes) {
      const IntVec existing = Existing(lanes);
      term = Select(existing, term, Vec{}), dx_term = Select(existing, dx, Vec{});
    }
    alpha_sum += term, gradient_sum += g, dx_sum += dx_term;
  });
  sums->alpha += Sum(alpha_sum), sums->gradient += Sum(gradient_sum), sums->dx += Sum(dx_sum);
}

void ActivationGradient::Apply(const float* x, float* gradient, int64_t count, ActivationSums* sums) const {
  for (int64_t i = 0; i < count; i += kRun) {
    const int64_t length = std::min(kRun, count - i);
    switch (estimator_) {
      case Estimator::kTanh:
        ApplyRun<Estimator::kTanh>(x + i, gradient + i, length, sums);
        break;
      case Estimator::kPolynomial:
        ApplyRun<Estimator::kPolynomial>(x + i, gradient + i, length, sums);
        break;
      case Estimator::kSte:
        ApplyRun<Estimator::kSte>(x + i, gradient + i, length, sums);
        break;
      case Estimator::kClippedSte:
        ApplyRun<Estimator::kClippedSte>(x + i, gradient + i, length, sums);
        break;
    }
  }
}

float ActivationGradient::Alpha(const ActivationSums& sums) const {
  return static_cast<float>(set_.released ? sums.alpha + set_.beta * sums.gradient : sums.alpha);
}

float ActivationGradient::Beta(const ActivationSums& sums) const {
  return static_cast<float>(set_.released ? set_.alpha * sums.gradient - sums.dx : sums.gradient - sums.dx);
}

FilterSet FilterStatistics(const float* w, int64_t count, BinarySet set) {
  if (set == BinarySet::kFixed) return {0.0f, 1.0f};
  double sum = 0;
  if (set == BinarySet::kScale) {
    for (int64_t i = 0; i < count; ++i) sum += std::fabs(w[i]);
    return {0.0f, static_cast<float>(sum / count)};
  }
  for (int64_t i = 0; i < count; ++i) sum += w[i];
  const float center = static_cast<float>(sum / count);
  double squares = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double difference = w[i] - center;
    squares += difference * difference;
  }
  return {center, static_cast<float>(std::sqrt(squares / count))};
}

void BinarizeFilter(const float* w, int64_t count, const FilterSet& set, float* binary) {
  const float high = set.center + set.distance, low = set.center - set.distance;
  for (int64_t i = 0; i < count; ++i) binary[i] = w[i] >= set.center ? high : low;
}

void FilterGradient(const float* w, int64_t count, BinarySet set, Estimator estimator, float k, float t,
                    const float* gradient, float* dw) {
  switch (estimator) {
    case Estimator::kTanh:
      return FilterGradientOf<Estimator::kTanh>(w, count, set, k, t, gradient, dw);
    case Estimator::kPolynomial:
      return FilterGradientOf<Estimator::kPolynomial>(w, count, set, k, t, gradient, dw);
    case Estimator::kSte:
      return FilterGradientOf<Estimator::kSte>(w, count, set, k, t, gradient, dw);
    case Estimator::kClippedSte:
      return FilterGradientOf<Estimator::kClippedSte>(w, count, set, k, t, gradient, dw);
  }
}

}  // namespace adabin_cpu
