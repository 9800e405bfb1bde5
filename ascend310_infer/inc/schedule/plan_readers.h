// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_SCHEDULE_PLAN_READERS_H_
#define ADABIN_SCHEDULE_PLAN_READERS_H_

#include <vector>

#include "ir/plan.h"

namespace adabin::schedule {

// Who reads each value of a plan: what may be fused is what nothing else reads.
class PlanReaders {
 public:
  explicit PlanReaders(const ir::Plan& plan);

  // Steps by number, a step that reads the value twice counted twice; -1: the network's output.
  const std::vector<int>& Of(int value) const { return readers_[static_cast<size_t>(value)]; }
  // The only reader, if that is a step of kind `kind` which reads the value as its input.
  const ir::Step* Only(int value, ir::StepKind kind) const;

 private:
  const ir::Plan& plan_;
  std::vector<std::vector<int>> readers_;
};

}  // namespace adabin::schedule

#endif  // ADABIN_SCHEDULE_PLAN_READERS_H_
