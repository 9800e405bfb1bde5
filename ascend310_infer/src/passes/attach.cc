// SPDX-License-Identifier: Apache-2.0
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace adabin::passes {
namespace {

using graph::Step;
using graph::StepKind;

// The convolution that makes `value`, which has no activation yet and nobody else reads; or -1.
int OwnConvolution(Rewrite* rewrite, int value) {
  const int own = rewrite->OwnProducer(value);
  if (own < 0) return -1;
  const Step& step = rewrite->step(static_cast<size_t>(own));
  const bool is = step.kind == StepKind::kConv || step.kind == StepKind::kBinaryConv;
  return is && step.after.act == Activation::kNone ? own : -1;
}

void AttachResidual(Rewrite* rewrite, size_t i) {
  const std::vector<int> summands = rewrite->step(i).inputs;
  for (size_t side = 0; side < 2; ++side) {
    const int own = OwnConvolution(rewrite, summands[side]);
    if (own < 0 || rewrite->step(static_cast<size_t>(own)).second() >= 0) continue;
    rewrite->Move(static_cast<size_t>(own), i);
    rewrite->step(i).SetSecond(summands[1 - side]);
    return;
  }
}

void AttachActivation(Rewrite* rewrite, size_t i) {
  const int own = OwnConvolution(rewrite, rewrite->step(i).input());
  if (own < 0) return;
  const Epilogue activation = std::move(rewrite->step(i).after);
  rewrite->Move(static_cast<size_t>(own), i);
  rewrite->step(i).after.SetActivation(activation);
}

}  // namespace

graph::Plan Attach(graph::Plan plan) {
  Rewrite rewrite(std::move(plan));
  for (size_t i = 0; i < rewrite.size(); ++i) {
    const StepKind kind = rewrite.step(i).kind;
    if (kind == StepKind::kAdd) AttachResidual(&rewrite, i);
    if (kind == StepKind::kActivation) AttachActivation(&rewrite, i);
  }
  return rewrite.Finish();
}

}  // namespace adabin::passes
