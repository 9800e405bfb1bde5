// SPDX-License-Identifier: Apache-2.0
//
// BatchNorm and activation that run within the pass of the operator before them.
#ifndef ADABIN_OPS_TAIL_H_
#define ADABIN_OPS_TAIL_H_

#include <string>

#include "schedule/scheduler.h"

namespace adabin::ops {

// Steps that run within a step's pass, behind it. `value` is the last one's.
struct Followers {
  int value = -1;
  const graph::Step* pool = nullptr;
  const graph::Step* affine = nullptr;
  const graph::Step* activation = nullptr;
};

Followers FollowersOf(const schedule::Scheduler& scheduler, const graph::Step& step);
schedule::Tail TailOf(schedule::Scheduler* scheduler, const Followers& followers, int channels);
std::string TailText(const Followers& followers);

// What Operator::fuse can be: the activation behind a step, or affine step and activation.
void FuseActivation(const graph::Fusing& fusing, const graph::Step& step, graph::Pass* pass);
void FuseTail(const graph::Fusing& fusing, const graph::Step& step, graph::Pass* pass);

// An operator on each value, with what follows it; `followers` has the operator itself.
void EmitMap(schedule::Scheduler* scheduler, const graph::Step& step, const Followers& followers,
             int residual, const std::string& text);

// A function of each row of pixels, with the BatchNorm and activation that follow it.
void EmitRows(schedule::Scheduler* scheduler, const graph::Step& step, const std::string& name,
              schedule::RowFunction function);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_TAIL_H_
