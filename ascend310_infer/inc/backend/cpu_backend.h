// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_CPU_BACKEND_H_
#define ADABIN_BACKEND_CPU_BACKEND_H_

#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu_step.h"
#include "backend/memory_plan.h"
#include "base/thread_pool.h"
#include "ir/plan.h"

namespace adabin::backend {

// Runs a plan with this project's own kernels. A file with at least as many samples as threads is
// split by samples, a smaller one by rows of each layer; either way every output is computed by
// the same sequence of operations, so the number of threads cannot change a bit of it.
class CpuBackend : public Backend {
 public:
  CpuBackend(ir::Plan plan, const Options& options);

  const ModelInfo& info() const override { return info_; }
  void Run(const float* input, size_t samples, std::vector<std::vector<float>>* outputs) override;

 private:
  void RunSample(const float* input, size_t sample, std::byte* arena, ThreadPool* pool,
                 std::vector<std::vector<float>>* outputs) const;

  ir::Plan plan_;
  ModelInfo info_;
  std::vector<std::unique_ptr<CpuStep>> steps_;
  MemoryPlan memory_;
  std::vector<AlignedBuffer> arenas_;  // one per thread
  ThreadPool pool_;
};

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_CPU_BACKEND_H_
