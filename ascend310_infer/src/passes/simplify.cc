// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include "base/error.h"
#include "passes/passes.h"
#include "passes/translate.h"

namespace adabin::passes {
namespace {

constexpr size_t kMost = size_t{1} << 28;  // values of a sample: 1 GiB, as its maps may take

}  // namespace

// Whoever runs the network makes room for inputs and outputs; few bytes of a file can name many of
// either, and a value can be listed as output any number of times.
void CheckSides(const graph::Plan& plan) {
  const auto check = [](const std::string& what, size_t count, size_t values) {
    if (values <= kMost) return;
    throw Error("its " + std::to_string(count) + " " + what + " have " + std::to_string(values) +
                " values in all, more than " + std::to_string(kMost) + "; export it with fewer " +
                what);
  };
  const size_t inputs = plan.InputCount();
  size_t in = 0;
  for (size_t i = 0; i < inputs; ++i) in += plan.values[i].size();
  check("inputs", inputs, in);
  size_t out = 0;
  for (const int output : plan.outputs) out += plan.values[static_cast<size_t>(output)].size();
  check("outputs", plan.outputs.size(), out);
}

graph::Plan Recognized(graph::Graph graph) {
  return RoundLoneAffines(DropReshapes(RecognizeBinary(Translate(std::move(graph)))));
}

graph::Plan Simplify(graph::Plan plan) {
  CheckSides(plan);
  for (const auto pass :
       {DropReshapes, MergePools, FoldConvolutions, Attach, FoldDense, RoundConstants}) {
    plan = pass(std::move(plan));
  }
  return plan;
}

}  // namespace adabin::passes
