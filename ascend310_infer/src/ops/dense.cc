// SPDX-License-Identifier: Apache-2.0
#include "ops/dense.h"

#include <algorithm>
#include <vector>

#include "ops/block.h"

namespace adabin::ops {
namespace {

constexpr int kStretch = 64;  // inputs per partial sum

class PlainDense : public Dense {
 public:
  PlainDense(int in, int out, std::span<const float> weights, std::span<const float> shift)
      : in_(in), out_(out), shift_(shift) {
    const size_t blocks = static_cast<size_t>((out + kBlock - 1) / kBlock);
    weights_.assign(blocks * static_cast<size_t>(in) * kBlock, 0);
    for (size_t o = 0; o < static_cast<size_t>(out); ++o) {
      float* block = weights_.data() + o / kBlock * static_cast<size_t>(in) * kBlock + o % kBlock;
      for (size_t i = 0; i < static_cast<size_t>(in); ++i) {
        block[i * kBlock] = weights[o * static_cast<size_t>(in) + i];
      }
    }
  }

  void Run(const float* x, float* out, ThreadPool* pool) const override {
    ParallelRanges(pool, (out_ + kBlock - 1) / kBlock, [&](int begin, int end) {
      for (int b = begin; b < end; ++b) {
        const float* w = weights_.data() + int64_t{b} * in_ * kBlock;
        Block sum = {};
        for (int i = 0; i < in_; i += kStretch) {
          AddDot(x + i, std::min(kStretch, in_ - i), w + int64_t{i} * kBlock, &sum);
        }
        for (int o = b * kBlock; o < std::min(out_, (b + 1) * kBlock); ++o) {
          const float value = sum[o - b * kBlock];
          out[o] = shift_.empty() ? value : value + shift_[static_cast<size_t>(o)];
        }
      }
    });
  }

 private:
  int in_;
  int out_;
  std::span<const float> shift_;
  std::vector<float> weights_;  // [block][in][kBlock]
};

}  // namespace

std::unique_ptr<Dense> CreateDense(int in, int out, std::span<const float> weights,
                                   std::span<const float> shift) {
  return std::make_unique<PlainDense>(in, out, weights, shift);
}

}  // namespace adabin::ops
