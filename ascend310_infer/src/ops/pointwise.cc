// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <string>

#include "ops/check.h"
#include "ops/operator.h"
#include "ops/tail.h"

namespace adabin::ops {
namespace {

using graph::Step;

struct Function {
  const char* mindir;
  float (*of)(float x);
  double (*formula)(double x);
};

// By their number in the packed file. A NaN stays one, but ReLU6 makes it 0, as MindSpore does.
float Clip(float x, float high) { return x < 0.0f ? 0.0f : x > high ? high : x; }
double Clamp(double x) { return std::isnan(x) ? x : std::clamp(x, 0.0, 6.0); }
constexpr Function kFunctions[] = {
    {"Sigmoid", [](float x) { return 1.0f / (1.0f + std::exp(-x)); },
     [](double x) { return 1 / (1 + std::exp(-x)); }},
    {"ReLU6", [](float x) { return x != x ? 0.0f : Clip(x, 6.0f); },
     [](double x) { return std::isnan(x) ? 0 : Clamp(x); }},
    {"HSigmoid", [](float x) { return Clip(x + 3.0f, 6.0f) / 6.0f; },
     [](double x) { return Clamp(x + 3) / 6; }},
    {"HSwish", [](float x) { return x <= -3.0f ? 0.0f : x * Clip(x + 3.0f, 6.0f) / 6.0f; },
     [](double x) { return x <= -3 ? 0 : x * Clamp(x + 3) / 6; }},
    {"Tanh", [](float x) { return std::tanh(x); }, [](double x) { return std::tanh(x); }},
    {"Exp", [](float x) { return std::exp(x); }, [](double x) { return std::exp(x); }},
    {"Sqrt", [](float x) { return std::sqrt(x); }, [](double x) { return std::sqrt(x); }},
    {"Neg", [](float x) { return -x; }, [](double x) { return -x; }},
    {"Abs", [](float x) { return std::abs(x); }, [](double x) { return std::abs(x); }},
};

Step Parse(const Source& source) {
  Step step;
  step.kind = graph::StepKind::kPointwise;
  const auto* found = std::ranges::find_if(
      kFunctions, [&](const Function& f) { return source.node.op == f.mindir; });
  step.function = static_cast<uint8_t>(found - std::begin(kFunctions));
  return step;
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  if (step->function >= std::size(kFunctions)) {
    Fail(*step, "unknown function " + std::to_string(step->function));
  }
  return InputTensor(plan, *step);
}

void ListFields(Fields& fields, Step& step) { fields.Number(step.function); }

void Emit(schedule::Scheduler* scheduler, const Step& step) {
  const Shape shape = scheduler->ShapeOf(step.input());
  const size_t count = static_cast<size_t>(shape.w) * static_cast<size_t>(shape.c);
  const Function& function = kFunctions[step.function];
  EmitRows(scheduler, step, function.mindir, [count, of = function.of](const float* x, float* z) {
    for (size_t i = 0; i < count; ++i) z[i] = of(x[i]);
  });
}

void Compute(const Formula& f) {
  for (size_t i = 0; i < f.z.size(); ++i) {
    f.z[i] = static_cast<float>(kFunctions[f.step.function].formula(f.in[0].x[i]));
  }
}

}  // namespace

const Operator kPointwise = {
    .kind = graph::StepKind::kPointwise,
    .mindir = {"Sigmoid", "ReLU6", "HSigmoid", "HSwish", "Tanh", "Exp", "Sqrt", "Neg", "Abs"},
    .words = "Sigmoid, ReLU6, HSigmoid, HSwish, Tanh, Exp, Sqrt, Neg, Abs",
    .parse = Parse,
    .infer = Infer,
    .fields = ListFields,
    .fuse = FuseTail,
    .emit = Emit,
    .formula = Compute};

}  // namespace adabin::ops
