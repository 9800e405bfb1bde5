// SPDX-License-Identifier: Apache-2.0
#include "ops/tail.h"

#include <utility>

#include "schedule/step_text.h"

namespace adabin::ops {

using ir::Step;
using ir::StepKind;
using schedule::Scheduler;

const Step* Follow(Scheduler* scheduler, StepKind kind, Followers* followers) {
  const Step* step = scheduler->readers().Only(followers->value, kind);
  if (step == nullptr) return nullptr;
  scheduler->MarkDone(*step);
  followers->value = scheduler->ValueOf(*step);
  return step;
}

void FollowTail(Scheduler* scheduler, Followers* followers) {
  if (!scheduler->fuse()) return;
  followers->affine = Follow(scheduler, StepKind::kAffine, followers);
  followers->activation = Follow(scheduler, StepKind::kActivation, followers);
}

schedule::Tail TailOf(const Followers& followers, int channels) {
  const Step none;
  const Step& affine = followers.affine != nullptr ? *followers.affine : none;
  const Step& act = followers.activation != nullptr ? *followers.activation : none;
  return schedule::MakeTail(channels, affine.scale, affine.shift, act.act, act.positive,
                            act.negative);
}

std::string TailText(const Followers& followers) {
  std::string text = followers.affine != nullptr ? " BatchNorm" : "";
  if (followers.activation != nullptr) text += schedule::Text(followers.activation->act);
  return text;
}

void EmitMap(Scheduler* scheduler, const Step& step, const Followers& followers, int residual,
             const std::string& text) {
  const int input = scheduler->values().ReadFloats(step.input());
  const schedule::Output output =
      scheduler->values().MakeOutput(followers.value, residual, step.input());
  scheduler->Emit(
      schedule::MakeMap(input, TailOf(followers, output.shape.c), output, scheduler->simd()),
      std::string(ir::StepName(step.kind)) + " " + schedule::Text(output.shape) + text +
          scheduler->Results(output));
  scheduler->EmitRemainingBits(followers.value);
}

void EmitRows(Scheduler* scheduler, const Step& step, const std::string& name,
              schedule::RowFunction function) {
  const int input = scheduler->values().ReadFloats(step.input());
  Followers followers;
  followers.value = scheduler->ValueOf(step);
  FollowTail(scheduler, &followers);
  const schedule::Output output = scheduler->values().MakeOutput(followers.value, -1, step.input());
  scheduler->Emit(
      schedule::MakeRowFunction(std::move(function), input, TailOf(followers, output.shape.c),
                                output, scheduler->simd()),
      name + " " + schedule::Text(scheduler->TensorOf(followers.value)) + TailText(followers) +
          scheduler->Results(output));
  scheduler->EmitRemainingBits(followers.value);
}

}  // namespace adabin::ops
