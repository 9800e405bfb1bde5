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
  kernels::Compare compare = kernels::Compare::kAtLeast;
  float threshold = 0;
  float high = 0;
  float low = 0;
  std::vector<uint32_t> bits;
  std::vector<float> weight_low, weight_high, positive, negative;
  std::vector<double> scale, shift;
  kernels::Activation act = kernels::Activation::kNone;
  std::vector<float> x;
  std::vector<float> residual;

  RandomConv(const ConvGeometry& geometry, Rng* rng);
  kernels::BConv2DParams Params() const;

  // The float convolution that all this stands for, tap by tap in double. NHWC. `magnitude` gets,
  // for each output, the sum of the absolute values that went into it.
  std::vector<double> LiteralConvolution(std::vector<double>* magnitude) const;
  // One weight as the float network has it.
  float Weight(int o, int c, int kh, int kw) const;
};

// Binarizes and convolves; checks that nothing is written outside `out`.
std::vector<float> RunKernel(const kernels::BConv2D& conv, const RandomConv& random,
                             bool with_residual, std::vector<uint8_t>* bits = nullptr);

// A geometry with every property drawn, that fits.
ConvGeometry RandomGeometry(Rng* rng);

}  // namespace adabin::test

#endif  // ADABIN_TESTS_RANDOM_CONV_H_
