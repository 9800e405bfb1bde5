// SPDX-License-Identifier: Apache-2.0
//
// Which side of the threshold a float falls on: every kernel, and the float path, must agree with x
// >= t.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "backend/memory_plan.h"
#include "kernels/select_kernel.h"
#include "ops/feature_map.h"
#include "random_conv.h"

namespace adabin {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min();

void Check(float threshold, const std::vector<float>& values,
           const std::vector<uint8_t>& expected) {
  ConvGeometry g;
  g.in = {static_cast<int>(values.size()), 1, 1};
  g.out = {1, 1, 1};
  test::Rng rng(1);
  test::RandomConv random(g, &rng);
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
  ops::Threshold(values.size(), values.data(), threshold, 1.0f, 0.0f, out.data());
  EXPECT_EQ(std::vector<uint8_t>(out.begin(), out.end()), expected);
}

TEST(Threshold, ExactlyThereAndBothNeighbors) {
  for (const float t : {0.0f, 0.1f, -0.1f, 1.0f, -3.5f, 1e-30f, 1e30f, kDenormal, -kDenormal,
                        std::numeric_limits<float>::min()}) {
    Check(t, {t, std::nextafter(t, kInf), std::nextafter(t, -kInf)}, {1, 1, 0});
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

}  // namespace
}  // namespace adabin
