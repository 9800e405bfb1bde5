// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/finite.h"
#include "ops/binary_layer.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace adabin::passes {
namespace {

using graph::Step;
using graph::StepKind;

bool IsFinite(float value) { return std::isfinite(value); }

constexpr int kMaxKernel = 1 << 10;  // as a plan allows

class Recognition {
 public:
  explicit Recognition(graph::Plan plan) : rewrite_(std::move(plan)) {}

  graph::Plan Run(const std::vector<int>& outputs) {
    std::vector<bool> binarized(rewrite_.size() + 1, false);  // of each value
    for (size_t i = 0; i < rewrite_.size(); ++i) {
      const Step& step = rewrite_.step(i);
      const bool passes = ops::OperatorOf(step.kind).passes_values &&
                          std::ranges::all_of(step.inputs, [&](int from) {
                            return binarized[static_cast<size_t>(from)];
                          });
      binarized[i + 1] = step.kind == StepKind::kThreshold || passes;
      const bool layer = step.kind == StepKind::kConv || step.kind == StepKind::kDense;
      if (layer && binarized[static_cast<size_t>(step.input())]) Recognize(i);
    }
    RemoveUnread(outputs);
    return rewrite_.Finish();
  }

 private:
  const Step& Maker(int value) { return rewrite_.step(static_cast<size_t>(value) - 1); }

  // What such a layer is as a convolution. A dense layer of a flattened map has a kernel as large
  // as the map.
  void AsConvolution(Step* layer) {
    Shape in = rewrite_.ShapeOf(layer->input()).map();
    if (layer->kind == StepKind::kDense) {
      const Step& flatten = Maker(layer->input());
      if (flatten.kind == StepKind::kReshape) {
        const TensorShape& tensor = rewrite_.ShapeOf(flatten.input());
        const bool map =
            tensor.has_channels() && tensor.map().h <= kMaxKernel && tensor.map().w <= kMaxKernel;
        if (map && Maker(flatten.input()).kind == StepKind::kThreshold) {
          in = tensor.map();
          layer->inputs[0] = flatten.input();
        }
      }
      layer->geometry.kernel_h = in.h;
      layer->geometry.kernel_w = in.w;
    }
    layer->geometry.in = in;
  }

  // No layer that is binary runs as float unasked: what cannot be packed is refused.
  void Recognize(size_t i) {
    Step& layer = rewrite_.step(i);
    if (!AllFinite(layer.weights)) {
      ops::Fail(layer,
                "its input is binarized and a weight is not finite; export the network again");
    }
    SharedArray<float> numbers = std::move(layer.weights);  // which `conv` is not to keep
    Step conv = layer;
    AsConvolution(&conv);
    auto weights = ops::MatchBinaryWeights(numbers, conv.out_channels, conv.geometry.group_in(),
                                           conv.geometry.taps());
    if (!weights) {
      layer.weights = std::move(numbers);
      return;
    }
    const Step& binarizer = Maker(conv.input());
    if (binarizer.kind != StepKind::kThreshold || binarizer.unknown) {
      const bool dense = layer.kind == StepKind::kDense;
      ops::Fail(layer,
                std::string("is binary but cannot be packed: its input has to be "
                            "Select(GreaterEqual(x, t), high, low) or Select(GreaterEqual(t, x), "
                            "low, high) of scalar constants, with nothing ") +
                    (dense ? "but a Flatten in between" : "in between"));
    }
    // Infinite values have no difference.
    if (!IsFinite(binarizer.high) || !IsFinite(binarizer.low)) {
      ops::Fail(layer, "its binarized input takes a value that is not finite");
    }
    conv.kind = StepKind::kBinaryConv;
    conv.inputs[0] = binarizer.input();
    conv.compare = binarizer.compare;
    conv.threshold = binarizer.threshold;
    conv.high = binarizer.high;
    conv.low = binarizer.low;
    conv.bits = std::move(weights->bits);
    conv.weight_low = std::move(weights->low);
    conv.weight_high = std::move(weights->high);
    rewrite_.Put(i, std::move(conv));
  }

  // Steps that only binary layers read have gone into these. Inputs stay: the caller gives them
  // all.
  void RemoveUnread(const std::vector<int>& outputs) {
    std::vector<bool> read(rewrite_.size() + 1, false);  // each value
    for (const int output : outputs) read[static_cast<size_t>(output)] = true;
    for (size_t i = rewrite_.size(); i-- > 0;) {
      const Step& step = rewrite_.step(i);
      if (!read[i + 1] && step.kind != StepKind::kInput) {
        rewrite_.Remove(i);
        continue;
      }
      for (const int input : step.inputs) read[static_cast<size_t>(input)] = true;
    }
    for (size_t i = 0; i < rewrite_.size(); ++i) {
      if (rewrite_.IsGone(i) || !rewrite_.step(i).unknown) continue;
      ops::Fail(rewrite_.step(i), "not supported here; supported are " + ops::SupportedOperators());
    }
  }

  Rewrite rewrite_;
};

}  // namespace

graph::Plan RecognizeBinary(graph::Plan plan) {
  const std::vector<int> outputs = plan.outputs;
  return Recognition(std::move(plan)).Run(outputs);
}

}  // namespace adabin::passes
