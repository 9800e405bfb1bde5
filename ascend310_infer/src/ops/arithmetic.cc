// SPDX-License-Identifier: Apache-2.0
#include "ops/arithmetic.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "graph/node_view.h"
#include "kernels/tensor.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "schedule/step_text.h"

namespace adabin::ops {
namespace {

using graph::Step;

template <typename Function>
void Row(size_t count, const float* a, size_t a_step, const float* b, size_t b_step, float* z,
         size_t z_step) {
  const Function function;
  for (size_t i = 0; i < count; ++i) {
    z[i * z_step] = function(a[i * a_step], b[i * b_step]);
  }
}
// MindSpore's: the second one where they do not compare.
struct Larger {
  float operator()(float a, float b) const { return a > b ? a : b; }
};
struct Smaller {
  float operator()(float a, float b) const { return a < b ? a : b; }
};

struct Function {
  const char* name;
  kernels::CombineRow row;
  double (*formula)(double a, double b);
};
// By their number in the packed file.
constexpr Function kFunctions[] = {
    {"Add", Row<std::plus<float>>, [](double a, double b) { return a + b; }},
    {"Sub", Row<std::minus<float>>, [](double a, double b) { return a - b; }},
    {"Mul", Row<std::multiplies<float>>, [](double a, double b) { return a * b; }},
    {"RealDiv", Row<std::divides<float>>, [](double a, double b) { return a / b; }},
    {"Maximum", Row<Larger>, [](double a, double b) { return a > b ? a : b; }},
    {"Minimum", Row<Smaller>, [](double a, double b) { return a < b ? a : b; }},
};

std::optional<std::vector<int>> Match(const graph::Graph& graph, int v) {
  const graph::NodeView view(graph, *graph::Producer(graph, v));
  return std::vector<int>{view.input(0), view.input(1)};
}

// Each size is that of both, or of one beside a single element; 0 where they do not fit.
TensorShape Joined(const TensorShape& a, const TensorShape& b) {
  TensorShape out = a;
  for (int axis = 0; axis < out.rank(); ++axis) {
    if (a[axis] != b[axis] && a[axis] != 1 && b[axis] != 1) return {};
    out[axis] = std::max(a[axis], b[axis]);
  }
  return out;
}

// A vector counts as the map of one pixel beside a map.
std::pair<TensorShape, TensorShape> Operands(const graph::Plan& plan, const Step& step) {
  const int rank = std::max(InputTensor(plan, step).rank(), SecondTensor(plan, step).rank());
  return {OfRank(step, InputTensor(plan, step), rank),
          OfRank(step, SecondTensor(plan, step), rank)};
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  if (step->function >= std::size(kFunctions)) {
    Fail(*step, "unknown function " + std::to_string(step->function));
  }
  if (step->second() < 0) Fail(*step, "has one operand where two are needed");
  const auto [a, b] = Operands(plan, *step);
  const TensorShape out = Joined(a, b);
  if (out.rank() == 0) Fail(*step, "its operands do not fit each other");
  CheckShape(*step, out);
  return out;
}

void ListFields(Fields& fields, Step& step) { fields.Number(step.function); }

// Strides of an operand along the result: it stays where it has a single element.
Strides Along(const TensorShape& shape, Strides strides) {
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) strides[static_cast<size_t>(axis)] = 0;
  }
  return strides;
}

void Emit(schedule::Scheduler* scheduler, const Step& step) {
  schedule::ValueBuffers& values = scheduler->values();
  const int value = scheduler->ValueOf(step);
  const auto [first, second] = Operands(scheduler->plan(), step);
  const TensorShape out = scheduler->TensorOf(value);
  const Function& function = kFunctions[step.function];
  const Strides a_strides = Along(first, values.strides(step.input()));
  const Strides b_strides = Along(second, values.strides(step.second()));
  const int a = values.ReadFloats(step.input());
  const int b = values.ReadFloats(step.second());
  const int z = values.NewFloats(value);
  scheduler->Emit(schedule::MakeWhole([=, row = function.row](const schedule::Frame& frame) {
                    kernels::Combine(out, a_strides, frame.Floats(a), b_strides, frame.Floats(b),
                                     MemoryStrides(out), frame.Floats(z), row);
                  }),
                  std::string(function.name) + " " + schedule::Text(first) + " " +
                      schedule::Text(second) + " -> " + schedule::Text(out));
  scheduler->EmitRemainingBits(value);
}

void Compute(const Formula& f) {
  const TensorShape first = OfRank(f.step, f.in[0].shape, f.shape.rank());
  const TensorShape second = OfRank(f.step, f.in[1].shape, f.shape.rank());
  for (size_t i = 0; i < f.z.size(); ++i) {
    const Index index = IndexOf(f.shape, i);
    const double a = f.in[0].x[ElementOf(first, index)];
    const double b = f.in[1].x[ElementOf(second, index)];
    f.z[i] = static_cast<float>(kFunctions[f.step.function].formula(a, b));
  }
}

}  // namespace

Step ParseArithmetic(const Source& source) {
  Step step;
  step.kind = graph::StepKind::kArithmetic;
  const std::string op = source.node.op == "Div" ? "RealDiv" : source.node.op;
  const auto* found =
      std::ranges::find_if(kFunctions, [&](const Function& f) { return op == f.name; });
  step.function = static_cast<uint8_t>(found - std::begin(kFunctions));
  const std::vector<TensorShape>& inputs = source.inputs;
  if (inputs.size() == 2 && inputs[0].rank() != inputs[1].rank()) {
    graph::NodeView(source.graph, source.node)
        .Fail("of tensors of different rank is not supported");
  }
  return step;
}

const Operator kArithmetic = {.kind = graph::StepKind::kArithmetic,
                              .mindir = {"Sub", "Mul", "RealDiv", "Div", "Maximum", "Minimum"},
                              .words = "Sub, Mul, RealDiv, Maximum, Minimum",
                              .match = Match,
                              .parse = ParseArithmetic,
                              .infer = Infer,
                              .max_inputs = 2,
                              .any_order = true,
                              .fields = ListFields,
                              .emit = Emit,
                              .formula = Compute};

}  // namespace adabin::ops
