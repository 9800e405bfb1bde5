// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "passes/passes.h"
#include "passes/translate.h"

namespace adabin::passes {

ir::Plan Recognized(ir::Graph graph) {
  return RoundLoneAffines(DropReshapes(RecognizeBinary(Translate(std::move(graph)))));
}

ir::Plan Simplify(ir::Plan plan) {
  for (const auto pass :
       {DropReshapes, MergePools, FoldConvolutions, Attach, FoldDense, RoundConstants}) {
    plan = pass(std::move(plan));
  }
  return plan;
}

}  // namespace adabin::passes
