// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_KERNELS_BLOCK_H_
#define ADABIN_KERNELS_BLOCK_H_

#include <cstring>

namespace adabin::kernels {

// Sums of neighboring output channels. A compiler vector rather than an array: it stays in
// registers on every instruction set, and each lane adds in program order, so that results are the
// same on all of them.
constexpr int kBlock = 16;
using Block = float __attribute__((vector_size(kBlock * sizeof(float))));

// total += sum over i of x[i] * w[i][0..kBlock). The sum is formed on its own first: callers hand
// in short stretches (a tap, a few dozen inputs), for adding thousands of terms one after the other
// would lose float32 digits.
inline void AddDot(const float* x, int count, const float* w, Block* total) {
  Block sum = {};
  for (int i = 0; i < count; ++i, w += kBlock) {
    Block row;
    std::memcpy(&row, w, sizeof(row));
    sum += x[i] * row;
  }
  *total += sum;
}

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_BLOCK_H_
