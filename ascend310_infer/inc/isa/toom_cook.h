// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_ISA_TOOM_COOK_H_
#define ADABIN_ISA_TOOM_COOK_H_

namespace adabin::isa {

// Toom-Cook (Winograd) filtering F(m, r): m neighboring outputs of a filter of r taps from
// n = m + r - 1 products in place of m * r:
//
//   y = outputs ((filter g) * (input d)),  * by element, d the n inputs under the m outputs.
//
// It is the transpose of multiplying two polynomials by their values at n points: `filter` and
// `outputs` evaluate at point p, `input` holds the numerators of Lagrange's polynomials, whose
// denominators are in `filter`. With points 0, 1, -1, 2^k `outputs` and `input` are exact in float.
template <int kOutputs, int kTaps>
struct ToomCook {
  static constexpr int kProducts = kOutputs + kTaps - 1;
  double outputs[kOutputs][kProducts] = {};
  double filter[kProducts][kTaps] = {};
  double input[kProducts][kProducts] = {};
};

constexpr double kInfinity = __builtin_inf();  // the point at which a polynomial's first
                                               // coefficient is its value

// One of the points is kInfinity.
template <int kOutputs, int kTaps>
constexpr ToomCook<kOutputs, kTaps> MakeToomCook(const double (&points)[kOutputs + kTaps - 1]) {
  using Result = ToomCook<kOutputs, kTaps>;
  Result result;
  for (int i = 0; i < Result::kProducts; ++i) {
    const double p = points[i];
    const bool finite = p != kInfinity;
    double denominator = 1;
    double* numerator = result.input[i];  // the product of (x - q) over the other finite points q
    numerator[0] = 1;
    for (int j = 0; j < Result::kProducts; ++j) {
      if (j == i || points[j] == kInfinity) continue;
      for (int k = Result::kProducts; k-- > 0;) {
        numerator[k] = (k > 0 ? numerator[k - 1] : 0) - points[j] * numerator[k];
      }
      if (finite) denominator *= p - points[j];
    }
    double power = 1;
    for (int k = 0; k < kTaps || k < kOutputs; ++k) {
      if (k < kTaps) result.filter[i][k] = finite ? power / denominator : k == kTaps - 1;
      if (k < kOutputs) result.outputs[k][i] = finite ? power : k == kOutputs - 1;
      if (finite) power *= p;
    }
  }
  return result;
}

}  // namespace adabin::isa

#endif  // ADABIN_ISA_TOOM_COOK_H_
