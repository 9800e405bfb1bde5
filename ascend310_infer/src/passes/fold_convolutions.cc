// SPDX-License-Identifier: Apache-2.0
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace adabin::passes {
namespace {

using graph::Step;
using graph::StepKind;

bool IsBare(const Step& step) {
  return (step.kind == StepKind::kConv || step.kind == StepKind::kBinaryConv) &&
         step.after.act == Activation::kNone && step.second() < 0;
}

}  // namespace

graph::Plan FoldConvolutions(graph::Plan plan) {
  Rewrite rewrite(std::move(plan));
  // Of each value the convolution behind which, but for affine steps that alone read each other,
  // nothing lies; or -1.
  std::vector<int> root(rewrite.size() + 1, -1);
  for (size_t i = 0; i < rewrite.size(); ++i) {
    const Step& step = rewrite.step(i);
    if (IsBare(step)) {
      root[i + 1] = static_cast<int>(i);
    } else if (step.kind == StepKind::kAffine && rewrite.OwnProducer(step.input()) >= 0) {
      root[i + 1] = root[static_cast<size_t>(step.input())];
    }
  }
  for (size_t last = rewrite.size(); last-- > 0;) {
    if (rewrite.IsGone(last) || rewrite.step(last).kind != StepKind::kAffine) continue;
    if (root[last + 1] < 0) continue;
    const auto conv = static_cast<size_t>(root[last + 1]);
    Epilogue all;
    size_t i = last;
    while (i != conv) {
      const Step& affine = rewrite.step(i);
      all.Prepend(affine.after);
      rewrite.Remove(i);
      i = static_cast<size_t>(affine.input()) - 1;
    }
    Step& step = rewrite.step(conv);
    if (step.after.HasFactors()) all.Prepend(step.after);
    step.after = std::move(all);
    rewrite.Move(conv, last);
  }
  return rewrite.Finish();
}

}  // namespace adabin::passes
