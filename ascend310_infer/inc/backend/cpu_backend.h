// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_CPU_BACKEND_H_
#define ADABIN_BACKEND_CPU_BACKEND_H_

#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/schedule.h"
#include "base/thread_pool.h"
#include "ir/plan.h"

namespace adabin::backend {

// Runs a plan with this project's own kernels. Files are split by samples as far as they go round,
// and what is left by rows and channels of each layer; either way every output is computed by the
// same sequence of operations, so the number of threads cannot change a bit of it. Nothing is
// allocated while running.
class CpuBackend : public Backend {
 public:
  CpuBackend(ir::Plan plan, const Options& options);

  const ModelInfo& info() const override { return info_; }
  void Run(const float* input, size_t samples, std::vector<std::vector<float>>* outputs) override;
  std::vector<StepInfo> DescribeSteps() const override;

 private:
  schedule::Frame FrameOf(const float* input, size_t sample, int arena,
                          std::vector<std::vector<float>>* outputs, float** pointers) const;
  void RunAlone(const schedule::Frame& frame, std::byte* scratch);
  void RunTogether(const schedule::Frame& frame);

  ir::Plan plan_;
  ModelInfo info_;
  bool profile_;
  schedule::Schedule schedule_;
  ThreadPool pool_;
  std::vector<schedule::AlignedBuffer> arenas_;  // one per thread
  std::vector<schedule::AlignedBuffer> scratch_;
  std::vector<float*> pointers_;                 // [thread][output]
  std::vector<std::vector<double>> step_times_;  // with `profile`: ms by step, by sample
};

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_CPU_BACKEND_H_
