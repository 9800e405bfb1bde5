// SPDX-License-Identifier: Apache-2.0
//
// The formulas of src/adabin/binarize.py, forward and backward.
#ifndef ADABIN_CPU_BINARIZE_H_
#define ADABIN_CPU_BINARIZE_H_

#include <cstdint>
#include <vector>

#include "aot.h"
#include "simd.h"

namespace adabin_cpu {

enum class BinarySet : int32_t { kAdaBin = 0, kScale = 1, kFixed = 2 };
enum class Estimator : int32_t { kTanh = 0, kPolynomial = 1, kSte = 2, kClippedSte = 3 };

/// What is binarized and how: the last five elements of the geometry (conv_shape.h), from this one on.
constexpr int kGeometryCodes = 8;
struct Binarization {
  bool released;
  BinarySet weight_set;
  Estimator activation_estimator, weight_estimator;
};

AotResult ReadBinarization(const int32_t* geometry, Binarization* result);

/// Binarizing a layer's input.
struct ActivationSet {
  ActivationSet(float alpha, float beta, bool released);

  /// s = +1 (all ones) or -1 (0): for x from beta upwards, or up to beta where alpha is not >= 0.
  IntVec IsPlus(Vec x) const { return rising ? x >= Broadcast(beta) : x <= Broadcast(beta); }
  bool IsPlus(float x) const { return rising ? x >= beta : x <= beta; }

  float alpha, beta;
  bool released, rising;
  float high, low;  // the two results
};

/// Sums over all elements that the gradients of alpha and beta consist of.
struct ActivationSums {
  double alpha = 0;     // G s - dx u
  double gradient = 0;  // G
  double dx = 0;

  ActivationSums& operator+=(const ActivationSums& other) {
    alpha += other.alpha, gradient += other.gradient, dx += other.dx;
    return *this;
  }
};

/// Backward pass through the activation's binarization.
class ActivationGradient {
 public:
  ActivationGradient(const ActivationSet& set, Estimator estimator, float k, float t);

  /// gradient (of the binarized x) becomes that of x; adds to the sums.
  void Apply(const float* x, float* gradient, int64_t count, ActivationSums* sums) const;

  float Alpha(const ActivationSums& sums) const;
  float Beta(const ActivationSums& sums) const;

 private:
  template <Estimator estimator>
  void ApplyRun(const float* x, float* gradient, int64_t count, ActivationSums* sums) const;

  const ActivationSet set_;
  const Estimator estimator_;
  const float k_, t_, inverse_alpha_;
};

/// Binary weights of one filter: center +- distance, + where w >= center.
struct FilterSet {
  float center, distance;
};

FilterSet FilterStatistics(const float* w, int64_t count, BinarySet set);

/// Binary weights as floats, (filters, count).
void BinarizeFilter(const float* w, int64_t count, const FilterSet& set, float* binary);

/// dw from the gradient of the binary weights.
void FilterGradient(const float* w, int64_t count, BinarySet set, Estimator estimator, float k, float t,
                    const float* gradient, float* dw);

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_BINARIZE_H_
