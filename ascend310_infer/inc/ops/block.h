// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_BLOCK_H_
#define ADABIN_OPS_BLOCK_H_

#include <cstring>

namespace adabin::ops {

// Sums of neighbouring output channels. A compiler vector rather than an array: it stays in registers
// on every instruction set, and each lane adds in program order, so that results are the same on
// all of them.
constexpr int kBlock = 16;
using Block = float __attribute__((vector_size(kBlock * sizeof(float))));

// sums += sum over i of x[i] * w[i][0..kBlock)
inline void MultiplyAdd(const float* x, int count, const float* w, Block* sums) {
  Block sum = *sums;
  for (int i = 0; i < count; ++i, w += kBlock) {
    Block row;
    std::memcpy(&row, w, sizeof(row));
    sum += x[i] * row;
  }
  *sums = sum;
}

}  // namespace adabin::ops

#endif  // ADABIN_OPS_BLOCK_H_
