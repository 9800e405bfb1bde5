// SPDX-License-Identifier: Apache-2.0
//
// Thousands of random layers: the reference against the float convolution that it stands for, and
// every kernel that this CPU can run against the reference, bit for bit. Kernel, stride, dilation,
// padding and groups are drawn, channels are mostly no multiples of a word, every second layer has
// extreme parameters. A failure names the seed of its layer; ADABIN_SEED=<seed> runs that one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "check_kernels.h"

namespace adabin {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned kLayers = 120;  // per test
#else
constexpr unsigned kLayers = 500;
#endif
constexpr unsigned kTests = 12;

void CheckLayer(unsigned seed) {
  SCOPED_TRACE("ADABIN_SEED=" + std::to_string(seed));
  test::Rng rng(seed);
  const bool large = seed % 16 == 0;
  test::RandomConv random(test::RandomGeometry(&rng, large ? 4000000 : 200000), &rng);
  if (seed % 2 == 1) random.MakeExtreme(&rng);
  test::CheckEveryKernel(random);
}

class BConv2DRandom : public testing::TestWithParam<unsigned> {};

TEST_P(BConv2DRandom, EveryKernelIsTheReference) {
  if (const char* seed = std::getenv("ADABIN_SEED"); seed != nullptr) {
    return CheckLayer(static_cast<unsigned>(std::strtoul(seed, nullptr, 10)));
  }
  for (unsigned i = 0; i < kLayers && !HasFailure(); ++i) CheckLayer(GetParam() * kLayers + i);
}

INSTANTIATE_TEST_SUITE_P(Seeds, BConv2DRandom, testing::Range(0u, kTests));

}  // namespace
}  // namespace adabin
