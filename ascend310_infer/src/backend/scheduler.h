// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_SCHEDULER_H_
#define ADABIN_BACKEND_SCHEDULER_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/plan_readers.h"
#include "backend/schedule.h"
#include "backend/value_buffers.h"
#include "kernels/select_kernel.h"

namespace adabin::backend {

// Walks the plan once and emits a pass over memory for each step, together with the steps behind
// it that run within the same pass. By what it emits it is spread over files: schedule.cc the walk
// with input and output, schedule_conv.cc convolutions and dense layers, schedule_map.cc all
// else.
class Scheduler {
 public:
  Scheduler(const ir::Plan& plan, const ScheduleOptions& options);
  Schedule Run();

 private:
  // Steps that follow one and run with it. `value` is the last one's.
  struct Followers {
    int value = -1;
    const ir::Step* pool = nullptr;
    const ir::Step* affine = nullptr;
    const ir::Step* activation = nullptr;
  };

  const Shape& ShapeOf(int value) const { return plan_.values[static_cast<size_t>(value)]; }
  size_t Number(const ir::Step& step) const {
    return static_cast<size_t>(&step - plan_.steps.data());
  }
  int ValueOf(const ir::Step& step) const { return static_cast<int>(Number(step)) + 1; }
  // Marks a step as emitted together with an earlier one; the value goes on behind it.
  const ir::Step* Follow(const ir::Step* step, Followers* followers);
  // Affine and activation behind `followers->value`.
  void FollowTail(Followers* followers);
  static Tail TailOf(const Followers& followers, int channels);
  static std::string TailText(const Followers& followers);

  void EmitStep(const ir::Step& step);
  void Emit(CpuStepPtr step, std::string description);
  void EmitInput();
  void EmitOutputs();
  // Bits of `value` that its own step has not written.
  void EmitRemainingBits(int value);
  std::string Results(const Output& output) const;

  // schedule_conv.cc
  void MakeBinaryConvs();
  void EmitBinary(const ir::Step& step);
  void EmitFloatBinary(const ir::Step& step);
  void EmitFloat(const ir::Step& step);
  Followers FindPool(const ir::Step& step);
  bool TakesOverAverage(int value) const;
  bool ReadsNchw(const ir::Step& step) const;
  ConvGeometry AverageGeometry(const ir::Step& step) const;
  kernels::Conv2DParams FloatParams(const ir::Step& step, std::span<const float> weights) const;

  // schedule_map.cc
  void EmitPool(const ir::Step& step);
  void EmitMap(const ir::Step& step);
  bool EmitShortcut(const ir::Step& step);
  void EmitWhole(const ir::Step& step);

  const ir::Plan& plan_;
  const bool fuse_;
  const bool float_binary_;
  const kernels::Kernel& kernel_;
  const simd::Simd& simd_;
  const PlanReaders readers_;
  std::vector<bool> runs_on_bits_;
  ValueBuffers values_;
  std::vector<std::unique_ptr<kernels::BConv2D>> binary_convs_;  // by step
  std::vector<bool> done_;  // steps emitted together with an earlier one
  Schedule schedule_;
};

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_SCHEDULER_H_
