// SPDX-License-Identifier: Apache-2.0
#include "run_conv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "schedule/memory_plan.h"

namespace adabin::test {

std::vector<float> RandomFloats(size_t count, Rng* rng) {
  std::normal_distribution<float> normal;
  std::vector<float> out(count);
  for (float& v : out) v = normal(*rng);
  return out;
}

std::vector<const isa::FloatLoops*> Supported() {
  std::vector<const isa::FloatLoops*> all;
  for (const isa::Isa* set : isa::Table()) {
    const bool known = std::find(all.begin(), all.end(), set->floats) != all.end();
    if (set->supported() && !known) all.push_back(set->floats);
  }
  return all;
}

std::vector<float> RunConv(const kernels::Conv2D& conv, const Shape& out, const float* x,
                           bool whole, const float* residual) {
  std::vector<float> z(out.size());
  const auto scratch = schedule::AllocateAligned(conv.scratch_bytes());
  conv.Start(scratch.get());
  const size_t row = out.size() / static_cast<size_t>(out.h);
  for (int h = whole ? 1 : out.h; h-- > 0;) {
    for (int block = whole ? 1 : conv.blocks(); block-- > 0;) {
      const size_t at = static_cast<size_t>(h) * row;
      Target target;
      target.z = z.data() + at;
      if (residual != nullptr) target.residual = residual + at;
      const Work part{h, h + 1, block, block + 1};
      conv.Run(x, whole ? Work{0, out.h, 0, conv.blocks()} : part, target, scratch.get());
    }
  }
  return z;
}

void ExpectDirectRows(const kernels::Conv2D& conv, const kernels::Conv2D& direct, const Shape& out,
                      const float* x, size_t first, size_t last) {
  const std::vector<float> z = RunConv(conv, out, x, true);
  const std::vector<float> expected = RunConv(direct, out, x, true);
  const auto same = [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  const size_t row = z.size() / static_cast<size_t>(out.h);
  for (size_t k = 0; k < z.size(); ++k) {
    if (k >= first * row && k < last * row) {
      ASSERT_PRED2(same, z[k], expected[k]);
    } else {
      ASSERT_NEAR(z[k], expected[k], 1e-3);
    }
  }
  const std::vector<float> split = RunConv(conv, out, x, false);
  EXPECT_TRUE(std::equal(z.begin(), z.end(), split.begin(), same));
}

}  // namespace adabin::test
