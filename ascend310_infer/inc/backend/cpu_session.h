// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_CPU_SESSION_H_
#define ADABIN_BACKEND_CPU_SESSION_H_

#include <cstddef>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu_model.h"
#include "backend/session_memory.h"
#include "backend/step_times.h"
#include "base/thread_pool.h"
#include "schedule/cpu_step.h"

namespace adabin::backend {

// Runs a model. Samples are split among the threads as far as they go round, and what is left by
// rows and channels of each layer; either way every output is computed by the same sequence of
// operations, so the number of threads cannot change a bit of it. Only a run that needs more memory
// than those before it allocates.
class CpuSession : public Session {
 public:
  // The model must outlive it.
  CpuSession(const CpuModel& model, const SessionOptions& options);

  void Run(const void* const* inputs, size_t samples, float* const* outputs) override;
  double StepMilliseconds(size_t step) const override { return times_.Median(step); }
  int threads() const override { return pool_.threads(); }

 private:
  // Where a sample's floats lie, or will: those of a picture are the worker's own.
  struct Sample {
    schedule::Frame frame;
    const uint8_t* pixels = nullptr;
    float* picture = nullptr;
  };
  Sample SampleOf(const void* const* inputs, size_t sample, size_t arena, float* const* outputs);
  // The share of worker `part` of `parts` in what makes floats of pixels.
  void Normalize(const Sample& sample, int part, int parts) const;
  void RunAlone(const Sample& sample, std::byte* scratch) const;
  void RunTogether(const Sample& sample);

  const CpuModel& model_;
  const std::shared_ptr<const PixelTable> pixels_;
  const bool profile_;
  SessionMemory memory_;
  ThreadPool pool_;
  std::vector<const float*> inputs_;  // [arena][input]
  std::vector<float*> outputs_;       // [arena][output]
  StepTimes times_;
};

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_CPU_SESSION_H_
