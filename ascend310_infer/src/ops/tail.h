// SPDX-License-Identifier: Apache-2.0
//
// BatchNorm and activation that run within the pass of the operator before them.
#ifndef ADABIN_OPS_TAIL_H_
#define ADABIN_OPS_TAIL_H_

#include <string>

#include "schedule/scheduler.h"

namespace adabin::ops {

// What a step's pass does behind it, or behind the pooling of a convolution. `value` is the last
// step's.
struct Followers {
  int value = -1;
  const graph::Step* pool = nullptr;
  Epilogue after;
};

Followers FollowersOf(const schedule::Scheduler& scheduler, const graph::Step& step);
std::string TailText(const Epilogue& after);

// What Operator::fuse can be: the activation behind a step, or affine step and activation.
void FuseActivation(const graph::Fusing& fusing, const graph::Step& step, graph::Pass* pass);
void FuseTail(const graph::Fusing& fusing, const graph::Step& step, graph::Pass* pass);

// An operator that is an Epilogue, with what follows it. `residual` is a value, or -1.
void EmitMap(schedule::Scheduler* scheduler, const graph::Step& step, int residual);

// A function of each row of pixels, with the BatchNorm and activation that follow it.
void EmitRows(schedule::Scheduler* scheduler, const graph::Step& step, const std::string& name,
              schedule::RowFunction function);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_TAIL_H_
