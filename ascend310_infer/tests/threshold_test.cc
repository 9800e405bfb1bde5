// SPDX-License-Identifier: Apache-2.0
//
// Which side of the threshold a float falls on: every kernel, and the float path, must agree with
// the comparison that the network states.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "backend/cpu_backend.h"
#include "check_kernels.h"
#include "files/packed_file.h"
#include "kernels/feature_map.h"
#include "kernels/select_kernel.h"
#include "lowered.h"
#include "mindir_builder.h"

namespace adabin {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min();

void Check(float threshold, const std::vector<float>& values, const std::vector<uint8_t>& expected,
           Compare compare = Compare::kAtLeast) {
  ConvGeometry g;
  g.in = {static_cast<int>(values.size()), 1, 1};
  g.out = {1, 1, 1};
  test::Rng rng(1);
  test::RandomConv random(g, &rng);
  random.compare = compare;
  random.threshold = threshold;
  random.x = values;
  for (const kernels::Kernel& kernel : kernels::KernelTable()) {
    if (!kernel.supported()) continue;
    SCOPED_TRACE(kernel.name);
    std::vector<uint8_t> bits;
    test::RunKernel(*kernel.create(random.Params()), random, false, &bits);
    EXPECT_EQ(bits, expected) << "threshold " << threshold;
  }
  std::vector<float> out(values.size());
  kernels::Threshold(values.size(), values.data(), compare, threshold, 1.0f, 0.0f, out.data());
  EXPECT_EQ(std::vector<uint8_t>(out.begin(), out.end()), expected);
}

TEST(Threshold, ExactlyThereAndBothNeighbors) {
  for (const float t : {0.0f, 0.1f, -0.1f, 1.0f, -3.5f, 1e-30f, 1e30f, kDenormal, -kDenormal,
                        std::numeric_limits<float>::min()}) {
    Check(t, {t, std::nextafter(t, kInf), std::nextafter(t, -kInf)}, {1, 1, 0});
    Check(t, {t, std::nextafter(t, kInf), std::nextafter(t, -kInf)}, {0, 1, 0},
          Compare::kNotAtMost);
  }
}

TEST(Threshold, SpecialValues) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Check(0.0f, {0.0f, -0.0f, kDenormal, -kDenormal, kInf, -kInf, nan}, {1, 1, 1, 0, 1, 0, 0});
  Check(-0.0f, {0.0f, -0.0f, kDenormal, -kDenormal, kInf, -kInf, nan}, {1, 1, 1, 0, 1, 0, 0});
  Check(kDenormal, {0.0f, kDenormal, 2 * kDenormal, nan}, {0, 1, 1, 0});
  Check(nan, {0.0f, kInf, nan}, {0, 0, 0});
  Check(kInf, {kInf, 1e38f}, {1, 0});
  Check(-kInf, {-kInf, nan}, {1, 0});
}

TEST(Threshold, SpecialValuesNotAtMost) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto check = [](float threshold, const std::vector<float>& values,
                        const std::vector<uint8_t>& expected) {
    Check(threshold, values, expected, Compare::kNotAtMost);
  };
  check(0.0f, {0.0f, -0.0f, kDenormal, -kDenormal, kInf, -kInf, nan}, {0, 0, 1, 0, 1, 0, 1});
  check(-0.0f, {0.0f, -0.0f, kDenormal, -kDenormal, kInf, -kInf, nan}, {0, 0, 1, 0, 1, 0, 1});
  check(kDenormal, {0.0f, kDenormal, 2 * kDenormal, nan}, {0, 0, 1, 1});
  check(nan, {0.0f, kInf, nan}, {1, 1, 1});
  check(kInf, {kInf, 1e38f, nan}, {0, 0, 1});
  check(-kInf, {-kInf, -1e38f, nan}, {0, 1, 1});
}

// From the graph to the output: what Select yields, for every threshold and value, by every kernel,
// from either file.
TEST(Threshold, NetworkTakesTheValueOfItsSelect) {
  constexpr float kHigh = 0.75f, kLow = -0.5f;  // exact in the arithmetic of the kernels
  const std::vector<float> specials = {std::numeric_limits<float>::quiet_NaN(),
                                       kInf,
                                       -kInf,
                                       0.0f,
                                       -0.0f,
                                       kDenormal,
                                       -kDenormal,
                                       2 * kDenormal,
                                       std::numeric_limits<float>::min(),
                                       1.5f,
                                       std::nextafter(1.5f, kInf),
                                       std::nextafter(1.5f, -kInf),
                                       std::numeric_limits<float>::max()};
  for (const float t : specials) {
    if (std::isnan(t)) continue;  // refused
    for (const bool falling : {false, true}) {
      const auto width = static_cast<int64_t>(specials.size());
      test::MindIrBuilder b({1, 1, 1, width});
      const std::string x = falling ? b.BinarizeFalling(b.Input(), t, kHigh, kLow)
                                    : b.Binarize(b.Input(), t, kHigh, kLow);
      b.Output({b.Conv2D(x, {{1, 1, 1, 1}, {1.0f}})});
      const graph::Plan network = test::NetworkOf(b.Serialize());
      const graph::Plan plan = passes::Simplify(network);
      const graph::Plan packed =
          passes::Simplify(files::ReadPackedFile(files::WritePackedFile(network)));
      std::vector<float> expected;
      for (const float v : specials) {
        expected.push_back(falling ? (t >= v ? kLow : kHigh) : (v >= t ? kHigh : kLow));
      }
      for (const std::string kernel : {"reference", "portable", "float"}) {
        for (const graph::Plan* source : {&plan, &packed}) {
          backend::Options options;
          options.kernel = kernel;
          backend::CpuBackend backend(*source, options);
          std::vector<std::vector<float>> outputs;
          backend.Run(specials.data(), 1, &outputs);
          EXPECT_EQ(outputs[0], expected) << kernel << ", falling " << falling << ", t " << t;
        }
      }
    }
  }
}

}  // namespace
}  // namespace adabin
