// SPDX-License-Identifier: Apache-2.0
//
// From the plan, which says what is computed, to passes over memory: what operators build them
// with. A map exists as float32 only where something reads floats, and overwrites the residual that
// it is the last to read.
#ifndef ADABIN_SCHEDULE_SCHEDULER_H_
#define ADABIN_SCHEDULE_SCHEDULER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "graph/fusion.h"
#include "graph/plan_readers.h"
#include "kernels/bconv2d.h"
#include "kernels/select_kernel.h"
#include "schedule/cpu_step.h"
#include "schedule/memory_plan.h"
#include "schedule/value_buffers.h"

namespace adabin::schedule {

struct Schedule {
  std::vector<CpuStepPtr> steps;
  MemoryPlan memory;
  size_t scratch_bytes = 0;  // the most that one step wants for each thread
};

struct ScheduleOptions {
  std::string kernel = "auto";  // of SelectKernel, or "float"
  bool fuse = true;             // false: every step of the plan alone, for comparison
};

class Scheduler {
 public:
  // `reads_bits[i]`: step i reads its input as bits. `plan` must outlive the schedule.
  Scheduler(const graph::Plan& plan, const ScheduleOptions& options, graph::Fusion fusion,
            const std::vector<bool>& reads_bits);
  Schedule Finish();

  const graph::Plan& plan() const { return plan_; }
  bool fuse() const { return fuse_; }
  bool float_binary() const { return float_binary_; }  // binary layers run as float convolutions
  const kernels::Kernel& kernel() const { return kernel_; }
  const isa::FloatLoops& simd() const { return simd_; }
  const graph::PlanReaders& readers() const { return readers_; }
  ValueBuffers& values() { return values_; }

  const TensorShape& TensorOf(int value) const { return plan_.values[static_cast<size_t>(value)]; }
  Shape ShapeOf(int value) const { return TensorOf(value).pixels(); }  // as it lies in memory
  int ValueOf(const graph::Step& step) const { return static_cast<int>(Number(step)) + 1; }
  // The step that makes `value`; null for the network's input.
  const graph::Step* Producer(int value) const {
    return value > 0 ? &plan_.steps[static_cast<size_t>(value) - 1] : nullptr;
  }

  // Whether it runs within another one's pass, and what runs within its own.
  bool IsInside(const graph::Step& step) const { return fusion_.inside[Number(step)]; }
  const graph::Pass& PassOf(const graph::Step& step) const { return fusion_.passes[Number(step)]; }

  void Emit(CpuStepPtr step, std::string description);
  // Bits of `value` that its own step has not written.
  void EmitRemainingBits(int value);
  // What a step writes, in words.
  std::string Results(const Output& output) const;

  // Kernels that say which padding they want before anything writes their bits.
  void Keep(const graph::Step& step, std::unique_ptr<kernels::BConv2D> conv) {
    binary_convs_[Number(step)] = std::move(conv);
  }
  std::unique_ptr<kernels::BConv2D> Take(const graph::Step& step) {
    return std::move(binary_convs_[Number(step)]);
  }

 private:
  size_t Number(const graph::Step& step) const {
    return static_cast<size_t>(&step - plan_.steps.data());
  }

  const graph::Plan& plan_;
  const bool fuse_;
  const bool float_binary_;
  const kernels::Kernel& kernel_;
  const isa::FloatLoops& simd_;
  const graph::PlanReaders readers_;
  const graph::Fusion fusion_;
  ValueBuffers values_;
  std::vector<std::unique_ptr<kernels::BConv2D>> binary_convs_;  // by step
  Schedule schedule_;
};

}  // namespace adabin::schedule

#endif  // ADABIN_SCHEDULE_SCHEDULER_H_
