// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "base/finite.h"
#include "ops/binary_layer.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace adabin::passes {
namespace {

using ir::Step;
using ir::StepKind;

bool IsFinite(float value) { return std::isfinite(value); }

class Recognition {
 public:
  explicit Recognition(ir::Plan plan)
      : rewrite_(std::move(plan)), readers_left_(rewrite_.size() + 1) {
    for (size_t v = 0; v < readers_left_.size(); ++v) {
      readers_left_[v] = rewrite_.readers().Of(static_cast<int>(v)).size();
    }
  }

  ir::Plan Run() {
    std::vector<bool> binarized(rewrite_.size() + 1, false);  // of each value
    for (size_t i = 0; i < rewrite_.size(); ++i) {
      const Step& step = rewrite_.step(i);
      const auto input = static_cast<size_t>(step.input());
      binarized[i + 1] = step.kind == StepKind::kThreshold ||
                         (ops::OperatorOf(step.kind).passes_values && binarized[input]);
      if (step.kind == StepKind::kConv && binarized[input]) Recognize(&rewrite_.step(i));
    }
    for (size_t i = 0; i < rewrite_.size(); ++i) {
      const Step& step = rewrite_.step(i);
      if (step.kind != StepKind::kThreshold) continue;
      if (readers_left_[i + 1] == 0) {
        rewrite_.Remove(i);
      } else if (step.unknown) {
        ops::Fail(step, "not supported here; supported are " + ops::SupportedOperators());
      }
    }
    return rewrite_.Finish();
  }

 private:
  // No layer that is binary runs as float unasked: what cannot be packed is refused.
  void Recognize(Step* conv) {
    if (!AllFinite(conv->weights)) {
      ops::Fail(*conv,
                "its input is binarized and a weight is not finite; export the network again");
    }
    auto weights = ops::MatchBinaryWeights(*conv);
    if (!weights) return;
    const int value = conv->input();
    const Step& binarizer = rewrite_.step(static_cast<size_t>(value) - 1);
    if (binarizer.kind != StepKind::kThreshold || binarizer.unknown) {
      ops::Fail(*conv,
                "is binary but cannot be packed: its input has to be Select(GreaterEqual(x, t), "
                "high, low) or Select(GreaterEqual(t, x), low, high) of scalar constants, with "
                "nothing in between");
    }
    // Infinite values have no difference.
    if (!IsFinite(binarizer.high) || !IsFinite(binarizer.low)) {
      ops::Fail(*conv, "its binarized input takes a value that is not finite");
    }
    conv->kind = StepKind::kBinaryConv;
    conv->inputs[0] = binarizer.input();
    --readers_left_[static_cast<size_t>(value)];
    conv->compare = binarizer.compare;
    conv->threshold = binarizer.threshold;
    conv->high = binarizer.high;
    conv->low = binarizer.low;
    conv->bits = std::move(weights->bits);
    conv->weight_low = std::move(weights->low);
    conv->weight_high = std::move(weights->high);
    std::vector<float>().swap(conv->weights);
  }

  Rewrite rewrite_;
  std::vector<size_t> readers_left_;  // of each value
};

}  // namespace

ir::Plan RecognizeBinary(ir::Plan plan) { return Recognition(std::move(plan)).Run(); }

}  // namespace adabin::passes
