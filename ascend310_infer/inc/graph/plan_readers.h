// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_GRAPH_PLAN_READERS_H_
#define ADABIN_GRAPH_PLAN_READERS_H_

#include <vector>

#include "graph/plan.h"

namespace adabin::graph {

// Who reads each value of a plan: what may be fused is what nothing else reads.
class PlanReaders {
 public:
  explicit PlanReaders(const Plan& plan);

  // Steps by number, a step that reads the value twice counted twice; -1: the network's output.
  const std::vector<int>& Of(int value) const { return readers_[static_cast<size_t>(value)]; }
  bool IsReadOnce(int value) const { return Of(value).size() == 1; }
  // The only reader, if that is a step which reads the value as its input; else null.
  const Step* Only(int value) const;
  // The same, if it is of kind `kind`.
  const Step* Only(int value, StepKind kind) const;

 private:
  const Plan& plan_;
  std::vector<std::vector<int>> readers_;
};

}  // namespace adabin::graph

#endif  // ADABIN_GRAPH_PLAN_READERS_H_
