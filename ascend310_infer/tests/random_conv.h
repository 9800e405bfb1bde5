// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TESTS_RANDOM_CONV_H_
#define ADABIN_TESTS_RANDOM_CONV_H_

#include <cstdint>
#include <random>
#include <vector>

#include "kernels/bconv2d.h"

namespace adabin::test {

using Rng = std::mt19937;

// Fills in `out` and returns whether the window fits the map.
bool FitGeometry(ConvGeometry* geometry);

// A binary convolution that owns its data, with an input (NHWC) and a residual.
struct RandomConv {
  ConvGeometry geometry;
  Compare compare = Compare::kAtLeast;
  float threshold = 0;
  float high = 0;
  float low = 0;
  std::vector<uint32_t> bits;
  std::vector<float> weight_low, weight_high;
  Epilogue after;
  std::vector<float> x;
  std::vector<float> residual;

  RandomConv(const ConvGeometry& geometry, Rng* rng);
  // Parameters that no training would give: steps that are tiny, denormal or huge beside their
  // means, BatchNorms that overflow, NaN and infinities among input, residual and thresholds.
  void MakeExtreme(Rng* rng);
  kernels::BConv2DParams Params() const;

  // The float convolution that all this stands for, tap by tap in double. NHWC. `magnitude` gets,
  // for each output, the sum of the absolute values of the four products per tap that
  // kernels/bconv2d.h makes of it: what its rounding errors are relative to.
  std::vector<double> LiteralConvolution(std::vector<double>* magnitude) const;
  // One weight as the float network has it.
  float Weight(int o, int c, int kh, int kw) const;
};

// A geometry with every property drawn, that fits and has at most `max_macs` multiplications.
ConvGeometry RandomGeometry(Rng* rng, int64_t max_macs = int64_t{1} << 40);

}  // namespace adabin::test

#endif  // ADABIN_TESTS_RANDOM_CONV_H_
