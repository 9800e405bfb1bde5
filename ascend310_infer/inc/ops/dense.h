// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_DENSE_H_
#define ADABIN_OPS_DENSE_H_

#include <memory>
#include <span>

#include "base/thread_pool.h"

namespace adabin::ops {

// out = weights x + shift, behind an interface so that a library can take over.
class Dense {
 public:
  virtual ~Dense() = default;
  virtual void Run(const float* x, float* out, ThreadPool* pool) const = 0;
};

// `weights` is [out][in] and copied; `shift` is empty or per output and must outlive the operator.
std::unique_ptr<Dense> CreateDense(int in, int out, std::span<const float> weights,
                                   std::span<const float> shift);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_DENSE_H_
