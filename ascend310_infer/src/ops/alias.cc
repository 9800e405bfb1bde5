// SPDX-License-Identifier: Apache-2.0
#include "ops/alias.h"

#include <algorithm>

#include "ops/operator.h"

namespace adabin::ops {
namespace {

// The network's outputs, readers of number -1, are copied out of any order.
bool TakeAnyOrder(const schedule::Scheduler& scheduler, int value) {
  return std::ranges::all_of(scheduler.readers().Of(value), [&](int reader) {
    return reader < 0 ||
           OperatorOf(scheduler.plan().steps[static_cast<size_t>(reader)].kind).any_order;
  });
}

}  // namespace

bool EmitAlias(schedule::Scheduler* scheduler, const graph::Step& step, const Strides& strides) {
  const int value = scheduler->ValueOf(step);
  const TensorShape& shape = scheduler->TensorOf(value);
  const bool usual = SamePlaces(shape, strides, MemoryStrides(shape));
  if (!scheduler->fuse() || (!usual && !TakeAnyOrder(*scheduler, value))) return false;
  scheduler->values().Alias(value, step.input(), strides);
  scheduler->EmitRemainingBits(value);
  return true;
}

}  // namespace adabin::ops
