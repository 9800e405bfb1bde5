// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_CPU_STEP_H_
#define ADABIN_BACKEND_CPU_STEP_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "ir/plan.h"
#include "kernels/bconv2d.h"

namespace adabin::backend {

// One step, ready to run. NHWC in, NHWC out.
class CpuStep {
 public:
  virtual ~CpuStep() = default;
  virtual size_t workspace_bytes() const { return 0; }
  // Whether this is a binary layer that runs on bits.
  virtual bool packed() const { return false; }
  virtual void Run(const float* x, const float* second, float* out, std::byte* workspace,
                   ThreadPool* pool) const = 0;
};

// `step` must outlive the result; `in` is the shape of what it reads. `kernel` is a name for
// SelectKernel, or "float" for binary layers as float convolutions.
std::unique_ptr<CpuStep> CreateCpuStep(const ir::Step& step, const Shape& in, const Shape& out,
                                       const std::string& kernel);

// The kernel's view of a kBinaryConv step.
kernels::BConv2DParams BinaryParams(const ir::Step& step);
// The convolution itself, without BatchNorm, residual and activation: what tools and tests compare.
kernels::BConv2DParams RawBinaryParams(const ir::Step& step);
// The weights of a kBinaryConv step as float32 OIHW.
std::vector<float> FloatWeights(const ir::Step& step);

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_CPU_STEP_H_
