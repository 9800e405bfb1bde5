// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_ALIAS_H_
#define ADABIN_OPS_ALIAS_H_

#include "schedule/scheduler.h"

namespace adabin::ops {

// Steps that only say otherwise what lies in memory. `step`'s output is its input with `strides`,
// and no pass is emitted, where that is its usual order or all that read it take any. False if not:
// the step has to copy.
bool EmitAlias(schedule::Scheduler* scheduler, const graph::Step& step, const Strides& strides);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_ALIAS_H_
