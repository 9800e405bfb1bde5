// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace adabin::passes {
namespace {

using graph::Step;
using graph::StepKind;

// What the steps behind it do to a convolution's results: x * scale + shift; empty: nothing.
struct Affine {
  std::vector<double> scale;
  std::vector<double> shift;

  // The same behind what `before` does.
  void Prepend(const Step& before) {
    const size_t n =
        std::max({before.scale.size(), before.shift.size(), scale.size(), shift.size()});
    const auto at = [](const std::vector<double>& v, size_t i, double none) {
      return v.empty() ? none : v[i];
    };
    std::vector<double> new_scale(n), new_shift(n);
    for (size_t i = 0; i < n; ++i) {
      new_scale[i] = at(before.scale, i, 1) * at(scale, i, 1);
      new_shift[i] = at(before.shift, i, 0) * at(scale, i, 1) + at(shift, i, 0);
    }
    scale = std::move(new_scale);
    shift = std::move(new_shift);
  }
};

bool IsBare(const Step& step) {
  return (step.kind == StepKind::kConv || step.kind == StepKind::kBinaryConv) &&
         step.act == Activation::kNone && step.second() < 0;
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
    Affine all;
    size_t i = last;
    while (i != conv) {
      const Step& affine = rewrite.step(i);
      all.Prepend(affine);
      rewrite.Remove(i);
      i = static_cast<size_t>(affine.input()) - 1;
    }
    Step& step = rewrite.step(conv);
    if (!step.scale.empty() || !step.shift.empty()) all.Prepend(step);
    step.scale = std::move(all.scale);
    step.shift = std::move(all.shift);
    rewrite.Move(conv, last);
  }
  return rewrite.Finish();
}

}  // namespace adabin::passes
