// SPDX-License-Identifier: Apache-2.0
#include "ops/tail.h"

#include <utility>

#include "schedule/step_text.h"

namespace adabin::ops {

using graph::Step;
using graph::StepKind;
using schedule::Scheduler;

Followers FollowersOf(const Scheduler& scheduler, const Step& step) {
  const graph::Pass& pass = scheduler.PassOf(step);
  Followers followers{scheduler.ValueOf(step), nullptr, step.after};
  const auto take = [&](int number) {
    followers.value = number + 1;
    return &scheduler.plan().steps[static_cast<size_t>(number)];
  };
  if (pass.pool >= 0) {
    followers.pool = take(pass.pool);
    followers.after = {};  // the convolution does its own before
  }
  if (pass.affine >= 0) followers.after = take(pass.affine)->after;
  if (pass.activation >= 0) followers.after.SetActivation(take(pass.activation)->after);
  return followers;
}

void FuseActivation(const graph::Fusing& fusing, const Step& step, graph::Pass* pass) {
  pass->activation = fusing.Next(fusing.Number(step), StepKind::kActivation);
}

void FuseTail(const graph::Fusing& fusing, const Step& step, graph::Pass* pass) {
  pass->affine = fusing.Next(fusing.Number(step), StepKind::kAffine);
  FuseActivation(fusing, pass->affine < 0 ? step : fusing.At(pass->affine), pass);
}

std::string TailText(const Epilogue& after) {
  return (after.HasFactors() ? " BatchNorm" : "") + schedule::Text(after.act);
}

void EmitMap(Scheduler* scheduler, const Step& step, int residual) {
  const int input = scheduler->values().ReadFloats(step.input());
  const Followers followers = FollowersOf(*scheduler, step);
  const schedule::Output output =
      scheduler->values().MakeOutput(followers.value, residual, step.input());
  const bool own = step.kind == StepKind::kActivation;
  scheduler->Emit(schedule::MakeMap(input, followers.after, output, scheduler->simd()),
                  std::string(graph::StepName(step.kind)) + " " + schedule::Text(output.shape) +
                      (own ? "" : TailText(followers.after)) + scheduler->Results(output));
  scheduler->EmitRemainingBits(followers.value);
}

void EmitRows(Scheduler* scheduler, const Step& step, const std::string& name,
              schedule::RowFunction function) {
  const int input = scheduler->values().ReadFloats(step.input());
  const Followers followers = FollowersOf(*scheduler, step);
  const schedule::Output output = scheduler->values().MakeOutput(followers.value, -1, step.input());
  scheduler->Emit(schedule::MakeRowFunction(std::move(function), input, followers.after, output,
                                            scheduler->simd()),
                  name + " " + schedule::Text(scheduler->TensorOf(followers.value)) +
                      TailText(followers.after) + scheduler->Results(output));
  scheduler->EmitRemainingBits(followers.value);
}

}  // namespace adabin::ops
