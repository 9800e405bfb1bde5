// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include "base/error.h"
#include "passes/passes.h"
#include "passes/translate.h"

namespace adabin::passes {
namespace {

constexpr size_t kMostOutputs = size_t{1} << 28;  // values of a sample: 1 GiB, as its maps may take

// Whoever runs the network makes room for them, and a value can be listed any number of times.
void CheckOutputs(const ir::Plan& plan) {
  size_t values = 0;
  for (const int output : plan.outputs) values += plan.values[static_cast<size_t>(output)].size();
  if (values <= kMostOutputs) return;
  throw Error("its " + std::to_string(plan.outputs.size()) + " outputs have " +
              std::to_string(values) + " values in all, more than " + std::to_string(kMostOutputs) +
              "; export it with fewer outputs");
}

}  // namespace

ir::Plan Recognized(ir::Graph graph) {
  return RoundLoneAffines(DropReshapes(RecognizeBinary(Translate(std::move(graph)))));
}

ir::Plan Simplify(ir::Plan plan) {
  CheckOutputs(plan);
  for (const auto pass :
       {DropReshapes, MergePools, FoldConvolutions, Attach, FoldDense, RoundConstants}) {
    plan = pass(std::move(plan));
  }
  return plan;
}

}  // namespace adabin::passes
