// SPDX-License-Identifier: Apache-2.0
//
// BatchNorm and activation that run within the pass of the operator before them.
#ifndef ADABIN_OPS_TAIL_H_
#define ADABIN_OPS_TAIL_H_

#include <string>

#include "schedule/scheduler.h"

namespace adabin::ops {

// Steps that follow one and run with it. `value` is the last one's.
struct Followers {
  int value = -1;
  const ir::Step* pool = nullptr;
  const ir::Step* affine = nullptr;
  const ir::Step* activation = nullptr;
};

// The only reader of `followers->value` if that is of kind `kind`, or null; it counts as emitted,
// and the value goes on behind it.
const ir::Step* Follow(schedule::Scheduler* scheduler, ir::StepKind kind, Followers* followers);
// Affine and activation behind `followers->value`.
void FollowTail(schedule::Scheduler* scheduler, Followers* followers);
schedule::Tail TailOf(const Followers& followers, int channels);
std::string TailText(const Followers& followers);

// An operator on each value, with what follows it; `followers` has the operator itself.
void EmitMap(schedule::Scheduler* scheduler, const ir::Step& step, const Followers& followers,
             int residual, const std::string& text);

// A function of each row of pixels, with the BatchNorm and activation that follow it.
void EmitRows(schedule::Scheduler* scheduler, const ir::Step& step, const std::string& name,
              schedule::RowFunction function);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_TAIL_H_
