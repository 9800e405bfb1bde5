// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_GRAPH_FUSION_H_
#define ADABIN_GRAPH_FUSION_H_

#include <vector>

#include "graph/plan.h"
#include "graph/plan_readers.h"

namespace adabin::graph {

// The steps that run within the pass over memory of another one, by number; -1: none.
struct Pass {
  int average = -1;  // before it: a convolution or dense layer averages what it reads
  // Behind it, in this order, each the only reader of the one before.
  int pool = -1;
  int affine = -1;
  int activation = -1;
  int pad = -1;  // of every n-th pixel
};

// All decisions of which steps share a pass over memory. They are made before any is laid out.
struct Fusion {
  std::vector<Pass> passes;  // of each step
  std::vector<bool> inside;  // of each step: it runs within another one's pass
};

// What operators decide by.
struct Fusing {
  const Plan& plan;
  const PlanReaders& readers;
  bool float_binary;  // binary layers run as float convolutions

  int Number(const Step& step) const { return static_cast<int>(&step - plan.steps.data()); }
  const Step& At(int number) const { return plan.steps[static_cast<size_t>(number)]; }
  // The only reader of what step `number` makes, if that is of kind `kind`; or -1.
  int Next(int number, StepKind kind) const {
    const Step* step = readers.Only(number + 1, kind);
    return step == nullptr ? -1 : Number(*step);
  }
};

}  // namespace adabin::graph

#endif  // ADABIN_GRAPH_FUSION_H_
