// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <span>
#include <type_traits>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace adabin::passes {
namespace {

using graph::Step;
using graph::StepKind;

constexpr int kMaxKernel = 1 << 10;  // as a plan allows

size_t Index(int i) { return static_cast<size_t>(i); }

// Takes over the affine steps before the layer, for each of its inputs. False: there are none.
bool TakeBefore(Rewrite* rewrite, Step* step, Epilogue* before) {
  bool folds = false;
  for (int own = rewrite->OwnProducer(step->input()); own >= 0;
       own = rewrite->OwnProducer(step->input())) {
    const Step& affine = rewrite->step(Index(own));
    if (affine.kind != StepKind::kAffine) break;
    before->Prepend(affine.after);
    folds = true;
    rewrite->Remove(Index(own));
    step->inputs = affine.inputs;
  }
  return folds;
}

// The same of those behind it, up to step `*last`, for each of its outputs.
bool TakeAfter(Rewrite* rewrite, size_t* last, Epilogue* after) {
  bool folds = false;
  for (int reader = rewrite->OwnReader(static_cast<int>(*last) + 1); reader >= 0;
       reader = rewrite->OwnReader(static_cast<int>(*last) + 1)) {
    const Step& affine = rewrite->step(Index(reader));
    if (affine.kind != StepKind::kAffine) break;
    Epilogue all = affine.after;
    all.Prepend(*after);
    *after = std::move(all);
    folds = true;
    rewrite->Remove(*last);
    *last = Index(reader);
  }
  return folds;
}

// Rows in fours: each is a sum that waits for its last addition.
void FoldWeights(const Epilogue& before, Step* step, Epilogue* after) {
  const size_t in = before.scale.size();
  const std::vector<double>& scale = after->scale;
  const auto shift = after->shift.begin();
  const std::span<float> weights = step->weights.Edit();
  const auto fold = [&]<size_t kRows>(size_t o, std::integral_constant<size_t, kRows>) {
    float* rows = weights.data() + o * in;
    double sums[kRows];
    std::copy_n(shift + static_cast<ptrdiff_t>(o), kRows, sums);
    for (size_t c = 0; c < in; ++c) {
      for (size_t row = 0; row < kRows; ++row) {
        float& number = rows[row * in + c];
        const double weight = scale[o + row] * number;
        sums[row] += weight * before.shift[c];
        number = static_cast<float>(weight * before.scale[c]);
      }
    }
    std::copy_n(sums, kRows, shift + static_cast<ptrdiff_t>(o));
  };
  size_t o = 0;
  for (; o + 4 <= scale.size(); o += 4) fold(o, std::integral_constant<size_t, 4>());
  for (; o < scale.size(); ++o) fold(o, std::integral_constant<size_t, 1>());
}

void ReadMapAsItLies(Rewrite* rewrite, Step* step) {
  const int own = rewrite->OwnProducer(step->input());
  if (own < 0 || rewrite->step(Index(own)).kind != StepKind::kReshape) return;
  const Step& reshape = rewrite->step(Index(own));
  const TensorShape& tensor = rewrite->ShapeOf(reshape.input());
  if (!tensor.has_channels() || tensor.map().h > kMaxKernel || tensor.map().w > kMaxKernel) return;
  step->kind = StepKind::kConv;
  step->inputs = reshape.inputs;
  step->geometry.kernel_h = tensor.map().h;
  step->geometry.kernel_w = tensor.map().w;
  rewrite->Remove(Index(own));
}

// Layer `i` with all that it takes over.
void FoldLayer(Rewrite* rewrite, size_t i) {
  Step step = std::move(rewrite->step(i));
  const auto in = Index(rewrite->ShapeOf(step.input()).map().c);
  const auto out = Index(step.out_channels);
  Epilogue before, after = step.after;
  before.scale.assign(in, 1.0);
  before.shift.assign(in, 0.0);
  after.scale.assign(out, 1.0);
  after.shift.resize(out, 0.0);
  size_t last = i;
  const bool folds_before = TakeBefore(rewrite, &step, &before);
  const bool folds_after = TakeAfter(rewrite, &last, &after);
  if (folds_before || folds_after) {
    FoldWeights(before, &step, &after);
    step.after.shift = std::move(after.shift);
  }
  ReadMapAsItLies(rewrite, &step);
  rewrite->Put(last, std::move(step));
}

}  // namespace

graph::Plan FoldDense(graph::Plan plan) {
  Rewrite rewrite(std::move(plan));
  for (size_t i = 0; i < rewrite.size(); ++i) {
    if (!rewrite.IsGone(i) && rewrite.step(i).kind == StepKind::kDense) FoldLayer(&rewrite, i);
  }
  return rewrite.Finish();
}

}  // namespace adabin::passes
