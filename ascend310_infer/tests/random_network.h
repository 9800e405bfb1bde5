// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TESTS_RANDOM_NETWORK_H_
#define ADABIN_TESTS_RANDOM_NETWORK_H_

#include <string>

namespace adabin::test {

enum class Numbers {
  // Small binary fractions, so that every product and sum on any path is exact in float32: two
  // paths that compute the same give the same bits, in whatever order they add.
  kExact,
  // Negative, tiny and huge alphas, filters without variance, means beside which the deviations
  // vanish, BatchNorms that blow up or wipe out.
  kExtreme,
};

// A residual network in the form in which the Python side exports it (MindIR): float stem, binary
// convolutions with BatchNorm, shortcut and Maxout, PReLU, ReLU or none, in both forms of the
// activation binarizer, with strides over either shortcut, then mean and dense layer. Widths,
// depth and map are drawn.
std::string RandomResidualNetwork(unsigned seed, Numbers numbers);

}  // namespace adabin::test

#endif  // ADABIN_TESTS_RANDOM_NETWORK_H_
