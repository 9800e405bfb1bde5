// SPDX-License-Identifier: Apache-2.0
//
// From the plan, which says what is computed, to passes over memory. Fused are
//
//   residual, activation and the next layer's bits     into the convolution or pooling before
//   MaxPool, BatchNorm and activation behind it        into the convolution before
//   AvgPool or the mean of the map                     into the 1x1 convolution or dense layer
//   after subsampling and zero channels                      into one copy
//
// A map exists as float32 only where something reads floats, and overwrites the residual that it
// is the last to read.
#ifndef ADABIN_BACKEND_SCHEDULE_H_
#define ADABIN_BACKEND_SCHEDULE_H_

#include <string>
#include <vector>

#include "backend/cpu_step.h"
#include "backend/memory_plan.h"
#include "ir/plan.h"

namespace adabin::backend {

struct Schedule {
  std::vector<CpuStepPtr> steps;
  MemoryPlan memory;
  size_t scratch_bytes = 0;  // the most that one step wants for each thread
};

struct ScheduleOptions {
  std::string kernel = "auto";  // of SelectKernel, or "float"
  bool fuse = true;             // false: every step of the plan alone, for comparison
};

// `plan` must outlive the result.
Schedule MakeSchedule(const ir::Plan& plan, const ScheduleOptions& options);

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_SCHEDULE_H_
