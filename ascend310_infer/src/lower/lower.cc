// SPDX-License-Identifier: Apache-2.0
//
// Two passes. Backward from the outputs: each operator that something needs becomes the tail of a
// group, and takes with it the operators before it that no one else reads (activation, residual,
// BatchNorm, bias, convolution, binarizer). Forward: each group becomes one step at its tail's
// place, where everything that it reads exists.
#include "lower/lower.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "lower/convert.h"
#include "lower/patterns.h"
#include "lower/simplify.h"

namespace adabin::lower {
namespace {

using ir::Graph;
using ir::Node;
using ir::Plan;
using ir::Step;
using ir::StepKind;

// A convolution or dense layer and what is folded into it.
struct Chain {
  const Node* core = nullptr;
  int input = -1;
  int residual = -1;
  std::optional<Binarizer> binarizer;
  std::optional<BinaryWeights> binary_weights;
  std::vector<double> scale;
  std::vector<double> shift;
  ActivationMatch activation;
};

// What one step of the plan is made from.
struct Group {
  bool needed = false;
  std::optional<Chain> chain;  // otherwise the operator stands alone, or
  const Node* pool = nullptr;  // takes every n-th pixel of this pooling
  std::vector<int> inputs;     // graph values that the step reads
};

// `scale` and `shift` hold what comes after `affine`; afterwards they hold both as one.
void Compose(const AffineMatch& affine, std::vector<double>* scale, std::vector<double>* shift) {
  const size_t n =
      std::max({affine.scale.size(), affine.shift.size(), scale->size(), shift->size()});
  for (const size_t size :
       {affine.scale.size(), affine.shift.size(), scale->size(), shift->size()}) {
    if (size > 1 && size != n) throw Error("a BatchNorm and a bias differ in channels");
  }
  const auto at = [](const std::vector<double>& v, size_t i, double none) {
    return v.empty() ? none : v[v.size() == 1 ? 0 : i];
  };
  std::vector<double> new_scale(n), new_shift(n);
  for (size_t i = 0; i < n; ++i) {
    new_scale[i] = at(affine.scale, i, 1) * at(*scale, i, 1);
    new_shift[i] = at(affine.shift, i, 0) * at(*scale, i, 1) + at(*shift, i, 0);
  }
  *scale = std::move(new_scale);
  *shift = std::move(new_shift);
}

class Lowering {
 public:
  explicit Lowering(const Graph& graph) : graph_(graph), groups_(graph.nodes.size()) {}

  Plan Run() {
    for (const int output : graph_.outputs) Need(output);
    for (size_t i = graph_.nodes.size(); i-- > 0;) {
      if (!groups_[i].needed) continue;
      FormGroup(i);
      for (const int input : groups_[i].inputs) Need(input);
    }
    SetUpInput();
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (groups_[i].needed) Emit(i);
    }
    for (const int output : graph_.outputs) {
      const int value = plan_value_[static_cast<size_t>(output)];
      if (value < 0) throw Error("an output of the network is a constant");
      plan_.outputs.push_back(value);
    }
    return std::move(plan_);
  }

 private:
  void Need(int value) {
    const ir::GraphValue& v = graph_.values[static_cast<size_t>(value)];
    if (v.kind == ir::GraphValue::Kind::kNode) groups_[static_cast<size_t>(v.node)].needed = true;
  }

  bool UsedOnce(int value) const { return graph_.values[static_cast<size_t>(value)].uses == 1; }

  // Follows BatchNorm and bias backward from `v` to a convolution. Nothing when there is none.
  std::optional<Chain> MatchCore(int v) const {
    Chain chain;
    while (const auto affine = MatchAffine(graph_, v)) {
      if (!UsedOnce(affine->x)) return std::nullopt;
      Compose(*affine, &chain.scale, &chain.shift);
      v = affine->x;
    }
    chain.core = Producer(graph_, v, "Conv2D");
    if (chain.core == nullptr) return std::nullopt;
    chain.input = NodeView(graph_, *chain.core).input(0);
    MatchBinary(&chain);
    return chain;
  }

  // No layer that is binary runs as float unasked: what cannot be packed is refused.
  void MatchBinary(Chain* chain) const {
    const NodeView conv(graph_, *chain->core);
    const ir::Tensor* weights = ConstantTensor(graph_, conv.input(1));
    if (weights == nullptr || !IsBinarized(graph_, chain->input)) return;
    const auto finite = [](float value) { return std::isfinite(value); };
    if (!std::all_of(weights->data.begin(), weights->data.end(), finite)) {
      conv.Fail("its input is binarized and a weight is not finite; export the network again");
    }
    chain->binary_weights = MatchBinaryWeights(*weights);
    if (!chain->binary_weights) return;
    chain->binarizer = MatchBinarizer(graph_, chain->input);
    if (!chain->binarizer) {
      conv.Fail(
          "is binary but cannot be packed: its input has to be Select(GreaterEqual(x, t), high, "
          "low) or Select(GreaterEqual(t, x), low, high) of scalar constants, with nothing in "
          "between");
    }
    // Infinite values have no difference.
    if (!finite(chain->binarizer->high) || !finite(chain->binarizer->low)) {
      conv.Fail("its binarized input takes a value that is not finite");
    }
    chain->input = chain->binarizer->x;
  }

  // The longest chain that ends in `v`: activation(core + residual), activation(core), core +
  // residual, core.
  std::optional<Chain> MatchChain(int v) const {
    ActivationMatch activation;
    if (const auto match = MatchActivation(graph_, v); match && match->exclusive) {
      activation = *match;
      v = match->x;
    }
    std::optional<Chain> chain = MatchCore(v);
    const Node* add = Producer(graph_, v, "Add");
    if (add != nullptr && add->inputs.size() == 2) {
      for (size_t side = 0; side < 2 && !chain; ++side) {
        if (!UsedOnce(add->inputs[side]) || IsConstant(add->inputs[1 - side])) continue;
        chain = MatchCore(add->inputs[side]);
        if (chain) chain->residual = add->inputs[1 - side];
      }
    }
    if (chain) chain->activation = activation;
    return chain;
  }

  bool IsConstant(int v) const {
    return graph_.values[static_cast<size_t>(v)].kind == ir::GraphValue::Kind::kConstant;
  }

  void FormGroup(size_t i) {
    Group& group = groups_[i];
    const int v = graph_.node_value[i];
    group.chain = MatchChain(v);
    if (group.chain) {
      group.inputs = {group.chain->input};
      if (group.chain->residual >= 0) group.inputs.push_back(group.chain->residual);
    } else if (const auto activation = MatchActivation(graph_, v)) {
      group.inputs = {activation->x};
    } else if (const auto binarizer = MatchBinarizer(graph_, v)) {
      group.inputs = {binarizer->x};
    } else if ((group.pool = MatchSubsampledPool(graph_.nodes[i])) != nullptr) {
      group.inputs = {NodeView(graph_, *group.pool).input(0)};
    } else {
      group.inputs = graph_.nodes[i].inputs;
    }
  }

  // The pooling of which `node` takes every n-th pixel, if no one else reads it; or null.
  const Node* MatchSubsampledPool(const Node& node) const {
    if (!OnlySubsamples(graph_, node)) return nullptr;
    const int inner = NodeView(graph_, node).input(0);
    const Node* pool = Producer(graph_, inner);
    return pool != nullptr && UsedOnce(inner) && PoolsEveryPixel(graph_, *pool) ? pool : nullptr;
  }

  void SetUpInput() {
    const std::vector<int64_t>& shape = graph_.input_shape;
    constexpr int64_t kLimit = 1 << 30;
    for (const int64_t dim : shape) {
      if (dim < 1 || dim > kLimit) {
        throw Error("the network's input has a dynamic or impossible shape; export a fixed one");
      }
    }
    if (shape.size() != 4 && shape.size() != 2) {
      throw Error("the network's input has rank " + std::to_string(shape.size()) +
                  "; NCHW images or NC vectors are needed");
    }
    const auto dim = [&](size_t i) { return shape.size() > i ? static_cast<int>(shape[i]) : 1; };
    ir::SetInput(&plan_, {dim(1), dim(2), dim(3)});
    plan_value_.assign(graph_.values.size(), -1);
    for (size_t v = 0; v < graph_.values.size(); ++v) {
      if (graph_.values[v].kind == ir::GraphValue::Kind::kInput) plan_value_[v] = 0;
    }
  }

  // The feature map that `reader` reads as `v`.
  int PlanValue(const Node& reader, int v) const {
    const int value = plan_value_[static_cast<size_t>(v)];
    if (value < 0) NodeView(graph_, reader).Fail("a constant as its operand is not supported");
    return value;
  }

  const Shape& ShapeOf(const Node& reader, int v) const {
    return plan_.values[static_cast<size_t>(PlanValue(reader, v))];
  }

  void Emit(size_t i) {
    const Node& node = graph_.nodes[i];
    const int v = graph_.node_value[i];
    const Group& group = groups_[i];
    Step step;
    if (group.chain) {
      step = EmitChain(*group.chain);
    } else if (const auto activation = MatchActivation(graph_, v)) {
      step.kind = StepKind::kActivation;
      step.input = PlanValue(node, activation->x);
      SetActivation(*activation, ShapeOf(node, activation->x).c, &step);
    } else if (const auto binarizer = MatchBinarizer(graph_, v)) {
      step.kind = StepKind::kThreshold;
      step.input = PlanValue(node, binarizer->x);
      SetBinarizer(*binarizer, &step);
    } else if (group.pool != nullptr) {
      const int input = NodeView(graph_, *group.pool).input(0);
      step = ConvertSubsampledPool(graph_, *group.pool, node, ShapeOf(node, input));
      step.input = PlanValue(node, input);
    } else {
      step = EmitPlain(node, v);
    }
    plan_value_[static_cast<size_t>(v)] = ir::Append(&plan_, std::move(step));
  }

  Step EmitChain(const Chain& chain) const {
    Step step = ConvertConv2D(graph_, *chain.core, ShapeOf(*chain.core, chain.input));
    step.input = PlanValue(*chain.core, chain.input);
    if (chain.residual >= 0) step.second = PlanValue(*chain.core, chain.residual);
    SetAffine(chain.scale, chain.shift, step.out_channels, &step);
    SetActivation(chain.activation, step.out_channels, &step);
    if (chain.binarizer) {
      step.kind = StepKind::kBinaryConv;
      SetBinarizer(*chain.binarizer, &step);
      step.bits = chain.binary_weights->bits;
      step.weight_low = chain.binary_weights->low;
      step.weight_high = chain.binary_weights->high;
      step.weights.clear();
    }
    return step;
  }

  // An operator on its own.
  Step EmitPlain(const Node& node, int v) const {
    const NodeView view(graph_, node);
    Step step;
    if (const auto affine = MatchAffine(graph_, v)) {
      step.kind = StepKind::kAffine;
      step.input = PlanValue(node, affine->x);
      SetAffine(affine->scale, affine->shift, ShapeOf(node, affine->x).c, &step);
    } else if (node.op == "Add") {
      step.kind = StepKind::kAdd;
      step.input = PlanValue(node, view.input(0));
      step.second = PlanValue(node, view.input(1));
    } else {
      const int input = node.inputs.empty() ? -1 : plan_value_[static_cast<size_t>(node.inputs[0])];
      const Shape shape = input < 0 ? Shape{} : plan_.values[static_cast<size_t>(input)];
      step = ConvertOperator(graph_, node, shape, graph_.input_shape[0]);
      step.input = PlanValue(node, view.input(0));
    }
    return step;
  }

  const Graph& graph_;
  std::vector<Group> groups_;    // per node; used where the node is a tail
  std::vector<int> plan_value_;  // per graph value, or -1
  Plan plan_;
};

// Folding is done in double; what comes out is rounded once, so that a packed file can hold it as
// it is.
void RoundConstants(Plan* plan) {
  for (Step& step : plan->steps) {
    for (double& value : step.scale) value = static_cast<float>(value);
    for (double& value : step.shift) value = static_cast<float>(value);
  }
}

}  // namespace

Plan Lower(const Graph& graph) {
  Plan plan = Simplify(Lowering(graph).Run());
  RoundConstants(&plan);
  return plan;
}

}  // namespace adabin::lower
