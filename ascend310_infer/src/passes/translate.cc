// SPDX-License-Identifier: Apache-2.0
//
// Backward from the outputs: what each operator that something needs reads, but for what belongs to
// its pattern. Forward: each becomes a step at its place, where everything that it reads exists.
#include "passes/translate.h"

#include <utility>

#include "base/error.h"
#include "graph/node_view.h"
#include "ops/append.h"
#include "ops/operator.h"

namespace adabin::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::NodeView;
using graph::Plan;
using graph::Step;

// What one step is made from.
struct Group {
  bool needed = false;
  const ops::Operator* op = nullptr;  // null: none that is supported
  bool matched = false;               // the step reads all of `inputs`, else only the first
  std::vector<int> inputs;            // graph values
};

class Translation {
 public:
  explicit Translation(Graph graph)
      : graph_(std::move(graph)), groups_(graph_.nodes.size()), reads_(graph_.values.size()) {
    const auto count = [this](const std::vector<int>& values) {
      for (const int v : values) ++reads_[static_cast<size_t>(v)];
    };
    for (const Node& node : graph_.nodes) count(node.inputs);
    count(graph_.outputs);
  }

  Plan Run() {
    for (const int output : graph_.outputs) Need(output);
    for (size_t i = graph_.nodes.size(); i-- > 0;) {
      if (!groups_[i].needed) continue;
      FormGroup(i);
      for (const int input : groups_[i].inputs) Need(input);
    }
    SetUpInputs();
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
    const graph::GraphValue& v = graph_.values[static_cast<size_t>(value)];
    if (v.kind == graph::GraphValue::Kind::kNode)
      groups_[static_cast<size_t>(v.node)].needed = true;
  }

  void FormGroup(size_t i) {
    Group& group = groups_[i];
    const Node& node = graph_.nodes[i];
    const int v = graph_.node_value[i];
    group.inputs = node.inputs;
    for (const ops::Operator* op : ops::OperatorsFrom(node.op)) {
      const auto reads = op->match != nullptr ? op->match(graph_, v) : std::nullopt;
      if (op->match != nullptr && !reads) continue;
      group.op = op;
      group.matched = reads.has_value();
      if (reads) group.inputs = *reads;
      return;
    }
  }

  // All of them, read or not: the caller gives them by number.
  void SetUpInputs() {
    plan_value_.assign(graph_.values.size(), -1);
    for (size_t i = 0; i < graph_.inputs.size(); ++i) {
      const TensorShape shape = InputShape(i);
      plan_value_[i] = static_cast<int>(i);
      if (i == 0) {
        ops::SetInput(&plan_, shape);
        continue;
      }
      Step step;
      step.kind = graph::StepKind::kInput;
      step.inputs.clear();
      step.shape = shape;
      ops::Append(&plan_, std::move(step));
    }
  }

  TensorShape InputShape(size_t i) const {
    const std::vector<int64_t>& shape = graph_.inputs[i].shape;
    std::string input = "the network's input";
    if (graph_.inputs.size() > 1) input.append(" ").append(std::to_string(i));
    constexpr int64_t kLimit = 1 << 30;
    for (const int64_t dim : shape) {
      if (dim < 1 || dim > kLimit) {
        throw Error(input + " has a dynamic or impossible shape; export a fixed one");
      }
    }
    if (shape.size() != 4 && shape.size() != 2) {
      throw Error(input + " has rank " + std::to_string(shape.size()) +
                  "; NCHW images or NC vectors are needed");
    }
    if (shape[0] != graph_.inputs[0].shape[0]) {
      throw Error(input + " has another batch than input 0; export one batch for all");
    }
    return TensorShape(std::vector<int>(shape.begin() + 1, shape.end()));
  }

  // The feature map that `reader` reads as `v`.
  int PlanValue(const Node& reader, int v) const {
    const int value = plan_value_[static_cast<size_t>(v)];
    if (value < 0) NodeView(graph_, reader).Fail("a constant as its operand is not supported");
    return value;
  }

  void Emit(size_t i) {
    const int v = graph_.node_value[i];
    const Node& node = graph_.nodes[i];
    Step step = StepOf(node, v, groups_[i]);
    if (step.origin.op.empty()) step.origin = {node.op, node.name};
    plan_value_[static_cast<size_t>(v)] = ops::Append(&plan_, std::move(step));
  }

  Step StepOf(const Node& node, int v, const Group& group) {
    if (group.op == nullptr) {
      NodeView(graph_, node).Fail("not supported here; supported are " + ops::SupportedOperators());
    }
    std::vector<TensorShape> shapes;
    for (const int input : group.inputs) {
      const int value = plan_value_[static_cast<size_t>(input)];
      shapes.push_back(value < 0 ? TensorShape() : plan_.values[static_cast<size_t>(value)]);
    }
    const TensorShape in = shapes.empty() ? TensorShape() : shapes[0];
    Step step;
    step.kind = group.op->kind;
    if (group.op->parse != nullptr) {
      step = group.op->parse({graph_, node, v, in, shapes, graph_.inputs[0].shape[0], reads_});
    }
    if (group.inputs.empty()) NodeView(graph_, node).Fail("lacks input 0");
    step.inputs.clear();
    for (size_t i = 0; i < (group.matched ? group.inputs.size() : 1); ++i) {
      step.inputs.push_back(PlanValue(node, group.inputs[i]));
    }
    return step;
  }

  Graph graph_;
  std::vector<Group> groups_;    // per node; used where it is needed
  std::vector<int> reads_;       // of each graph value
  std::vector<int> plan_value_;  // per graph value, or -1
  Plan plan_;
};

}  // namespace

Plan Translate(Graph graph) {
  std::vector<std::string> names;
  for (const graph::GraphInput& input : graph.inputs) names.push_back(input.name);
  Plan plan = Translation(std::move(graph)).Run();
  plan.input_names = graph::NamesIfAny(std::move(names));
  return plan;
}

}  // namespace adabin::passes
