// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <string>

#include "graph/node_view.h"
#include "kernels/normalize.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "ops/tail.h"

namespace adabin::ops {
namespace {

using graph::Graph;
using graph::Node;
using graph::Step;
using graph::Value;

struct Norm {
  int x = -1;
  float epsilon = 0;
};

// ReduceSum(Mul(x, x), 1) with the axis kept.
bool IsSumOfSquares(const Graph& graph, const Node& sum, int x) {
  const graph::NodeView view(graph, sum);
  if (!view.has_input(0)) return false;
  const Node* square = graph::Producer(graph, view.input(0), "Mul");
  if (square == nullptr || square->inputs != std::vector<int>{x, x}) return false;
  const Value& axis = view.argument("axis", 1);
  const Value& keep = view.argument("keep_dims", 2);
  const Value& only =
      axis.kind == Value::Kind::kList && axis.list.size() == 1 ? axis.list[0] : axis;
  return only.kind == Value::Kind::kInt && only.i == 1 && keep.kind == Value::Kind::kInt &&
         keep.i != 0;
}

// RealDiv(x, Sqrt(Add(ReduceSum(Mul(x, x), 1), epsilon))); the scale behind it is an affine step,
// which runs in the same pass.
std::optional<Norm> MatchNorm(const Graph& graph, int v) {
  const Node* quotient = graph::Producer(graph, v);
  if (quotient == nullptr || quotient->inputs.size() != 2) return std::nullopt;
  const Node* root = graph::Producer(graph, quotient->inputs[1], "Sqrt");
  if (root == nullptr || root->inputs.size() != 1) return std::nullopt;
  const Node* add = graph::Producer(graph, root->inputs[0], "Add");
  if (add == nullptr || add->inputs.size() != 2) return std::nullopt;
  for (size_t side = 0; side < 2; ++side) {
    const auto epsilon = graph::ConstantScalar(graph, add->inputs[side]);
    const Node* sum = graph::Producer(graph, add->inputs[1 - side], "ReduceSum");
    if (epsilon && sum != nullptr && IsSumOfSquares(graph, *sum, quotient->inputs[0])) {
      return Norm{quotient->inputs[0], *epsilon};
    }
  }
  return std::nullopt;
}

std::optional<std::vector<int>> Match(const Graph& graph, int v) {
  if (const auto norm = MatchNorm(graph, v)) return std::vector<int>{norm->x};
  return std::nullopt;
}

Step Parse(const Source& source) {
  Step step;
  step.kind = graph::StepKind::kL2Norm;
  source.Map();
  step.epsilon = MatchNorm(source.graph, source.value)->epsilon;
  return step;
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  InputMap(plan, *step);
  return InputTensor(plan, *step);
}

void ListFields(Fields& fields, Step& step) { fields.Number(step.epsilon); }

void Emit(schedule::Scheduler* scheduler, const Step& step) {
  const Shape shape = scheduler->ShapeOf(step.input());
  EmitRows(scheduler, step, "L2Norm", [shape, epsilon = step.epsilon](const float* x, float* z) {
    kernels::UnitPixels(shape.w, shape.c, epsilon, x, z);
  });
}

void Compute(const Formula& f) {
  const auto channels = static_cast<size_t>(f.in[0].shape.map().c);
  const size_t pixels = f.z.size() / channels;
  for (size_t pixel = 0; pixel < pixels; ++pixel) {
    double squares = 0;
    for (size_t c = 0; c < channels; ++c) {
      const double x = f.in[0].x[c * pixels + pixel];
      squares += x * x;
    }
    const double norm = std::sqrt(squares + f.step.epsilon);
    for (size_t c = 0; c < channels; ++c) {
      f.z[c * pixels + pixel] = static_cast<float>(f.in[0].x[c * pixels + pixel] / norm);
    }
  }
}

}  // namespace

const Operator kL2Norm = {.kind = graph::StepKind::kL2Norm,
                          .mindir = {"RealDiv", "Div"},
                          .words = "L2 normalization over channels",
                          .match = Match,
                          .parse = Parse,
                          .infer = Infer,
                          .fields = ListFields,
                          .fuse = FuseTail,
                          .emit = Emit,
                          .formula = Compute};

}  // namespace adabin::ops
