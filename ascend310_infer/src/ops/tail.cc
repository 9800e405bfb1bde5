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
  Followers followers;
  followers.value = scheduler.ValueOf(step);
  const auto take = [&](int number, const Step** follower) {
    if (number < 0) return;
    *follower = &scheduler.plan().steps[static_cast<size_t>(number)];
    followers.value = number + 1;
  };
  take(pass.pool, &followers.pool);
  take(pass.affine, &followers.affine);
  take(pass.activation, &followers.activation);
  return followers;
}

void FuseActivation(const graph::Fusing& fusing, const Step& step, graph::Pass* pass) {
  pass->activation = fusing.Next(fusing.Number(step), StepKind::kActivation);
}

void FuseTail(const graph::Fusing& fusing, const Step& step, graph::Pass* pass) {
  pass->affine = fusing.Next(fusing.Number(step), StepKind::kAffine);
  FuseActivation(fusing, pass->affine < 0 ? step : fusing.At(pass->affine), pass);
}

schedule::Tail TailOf(Scheduler* scheduler, const Followers& followers, int channels) {
  const Step none;
  const Step& affine = followers.affine != nullptr ? *followers.affine : none;
  const Step& act = followers.activation != nullptr ? *followers.activation : none;
  return schedule::MakeTail(&scheduler->neutral_tail(), channels, affine.scale, affine.shift,
                            act.act, act.positive, act.negative);
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
  scheduler->Emit(schedule::MakeMap(input, TailOf(scheduler, followers, output.shape.c), output,
                                    scheduler->simd()),
                  std::string(graph::StepName(step.kind)) + " " + schedule::Text(output.shape) +
                      text + scheduler->Results(output));
  scheduler->EmitRemainingBits(followers.value);
}

void EmitRows(Scheduler* scheduler, const Step& step, const std::string& name,
              schedule::RowFunction function) {
  const int input = scheduler->values().ReadFloats(step.input());
  const Followers followers = FollowersOf(*scheduler, step);
  const schedule::Output output = scheduler->values().MakeOutput(followers.value, -1, step.input());
  scheduler->Emit(schedule::MakeRowFunction(std::move(function), input,
                                            TailOf(scheduler, followers, output.shape.c), output,
                                            scheduler->simd()),
                  name + " " + schedule::Text(scheduler->TensorOf(followers.value)) +
                      TailText(followers) + scheduler->Results(output));
  scheduler->EmitRemainingBits(followers.value);
}

}  // namespace adabin::ops
