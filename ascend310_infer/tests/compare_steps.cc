// SPDX-License-Identifier: Apache-2.0
#include "compare_steps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "backend/cpu_backend.h"
#include "backend/reference_model.h"
#include "ops/append.h"
#include "ops/formula.h"

namespace adabin::test {
namespace {

using graph::Plan;
using graph::Step;
using graph::StepKind;

constexpr size_t kLongestVector = size_t{1} << 20;  // ops::kMaxDim

// The step with an input for each operand: vectors, which a reshape makes what it reads.
Plan Alone(const Plan& plan, Step step) {
  Plan alone;
  std::vector<TensorShape> shapes;
  for (const int value : step.inputs) shapes.push_back(plan.values[static_cast<size_t>(value)]);
  const auto flat = [&](size_t i) {
    return TensorShape(std::vector{static_cast<int>(shapes[i].size())});
  };
  ops::SetInput(&alone, flat(0));
  for (size_t i = 1; i < shapes.size(); ++i) {
    Step input;
    input.kind = StepKind::kInput;
    input.inputs.clear();
    input.shape = flat(i);
    ops::Append(&alone, input);
  }
  for (size_t i = 0; i < shapes.size(); ++i) {
    Step reshape;
    reshape.kind = StepKind::kReshape;
    reshape.inputs = {static_cast<int>(i)};
    reshape.shape = shapes[i];
    step.inputs[i] = ops::Append(&alone, reshape);
  }
  alone.outputs = {ops::Append(&alone, std::move(step))};
  return alone;
}

std::vector<float> Numbers(const Plan& alone, const Step& step, std::mt19937* rng) {
  size_t count = 0;
  for (size_t i = 0; i < alone.InputCount(); ++i) count += alone.values[i].size();
  std::vector<float> numbers(count);
  const bool binarizes = step.kind == StepKind::kThreshold || step.kind == StepKind::kBinaryConv;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (float& x : numbers) {
    x = 0.125f * static_cast<float>(std::uniform_int_distribution(-24, 24)(*rng)) +
        std::uniform_real_distribution(-0.01f, 0.01f)(*rng);
    switch (binarizes ? std::uniform_int_distribution(0, 7)(*rng) : 7) {
      case 0:
        x = step.threshold;
        break;
      case 1:
        x = std::nextafter(step.threshold, kInfinity);
        break;
      case 2:
        x = std::nextafter(step.threshold, -kInfinity);
        break;
      default:
        break;
    }
    if (!std::isfinite(x)) x = 1.0f;
  }
  return numbers;
}

// Whether nothing but one product, sum or quotient can be rounded.
bool IsExact(const Step& step) {
  switch (step.kind) {
    case StepKind::kBinaryConv:
    case StepKind::kConv:
    case StepKind::kDense:
    case StepKind::kAffine:
    case StepKind::kAvgPool:
    case StepKind::kPaddedAverage:
    case StepKind::kMean:
    case StepKind::kL2Norm:
    case StepKind::kSoftmax:
    case StepKind::kPointwise:
      return false;
    default:
      return true;
  }
}

// The step of the same terms without their signs: its result is what rounding is relative to.
Step Magnitudes(Step step) {
  const auto abs = [](auto* numbers) {
    for (auto& v : *numbers) v = std::abs(v);
  };
  for (float& weight : step.weights.Edit()) weight = std::abs(weight);
  abs(&step.after.scale);
  abs(&step.after.shift);
  for (size_t o = 0; o < step.weight_low.size(); ++o) {
    const float low = step.weight_low[o], high = step.weight_high[o];
    step.weight_low[o] = step.weight_high[o] = std::abs(low) + std::abs(high - low);
  }
  step.low = step.high = std::abs(step.low) + std::abs(step.high - step.low);
  for (size_t c = 0; c < step.after.positive.size(); ++c) {
    const float larger =
        std::max(std::abs(step.after.positive[c]), std::abs(step.after.negative[c]));
    step.after.positive[c] = step.after.negative[c] = larger;
  }
  return step;
}

double Terms(const Step& step, size_t operand) {
  switch (step.kind) {
    case StepKind::kBinaryConv:
    case StepKind::kConv:
      return step.geometry.filter_size();
    case StepKind::kAvgPool:
    case StepKind::kPaddedAverage:
      return step.geometry.taps();
    default:
      return static_cast<double>(operand);
  }
}

// How much float32 may lose of each element. Fast convolutions add and subtract what lies around a
// window: the largest sum of the channel counts.
std::vector<double> Tolerance(const Plan& alone, const Step& step, std::vector<float> input,
                              const std::vector<float>& expected) {
  const TensorShape& shape = alone.values.back();
  std::vector<double> tolerance(shape.size());
  if (IsExact(step)) return tolerance;
  const bool sums = step.kind != StepKind::kL2Norm && step.kind != StepKind::kSoftmax &&
                    step.kind != StepKind::kPointwise;
  std::vector<float> terms = expected;
  if (sums) {
    Plan absolute = alone;
    absolute.steps.back() = Magnitudes(absolute.steps.back());
    for (float& x : input) x = std::abs(x);
    terms = RunReference(absolute, input, 1)[0];
  }
  std::vector<double> largest(shape.size(), sums ? 0.0 : 4.0);
  for (size_t i = 0; i < terms.size(); ++i) {
    double& of_channel = largest[ops::ChannelOf(shape, i)];
    of_channel = std::max(of_channel, double{std::abs(terms[i])});
  }
  const double count = Terms(step, alone.values[0].size());
  for (size_t i = 0; i < tolerance.size(); ++i) {
    tolerance[i] = std::ldexp(count + 32, -24) * largest[ops::ChannelOf(shape, i)] + 1e-37;
  }
  return tolerance;
}

void CompareStep(const Plan& plan, const Step& step, std::mt19937* rng) {
  const Plan alone = Alone(plan, step);
  const std::vector<float> input = Numbers(alone, step, rng);
  const std::vector<float> expected = RunReference(alone, input, 1)[0];
  const std::vector<double> tolerance = Tolerance(alone, step, input, expected);
  for (const auto& [kernel, fuse] :
       {std::pair("auto", true), std::pair("float", true), std::pair("reference", false)}) {
    SCOPED_TRACE(kernel);
    backend::Options options;
    options.kernel = kernel;
    options.fuse = fuse;
    std::vector<std::vector<float>> outputs;
    backend::CpuBackend(alone, options).Run(input.data(), 1, &outputs);
    const std::vector<float>& got = outputs[0];
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      if (got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i]))) continue;
      if (!(std::abs(tolerance[i]) < 1e30)) continue;  // float32 may be left on the way
      ASSERT_LE(std::abs(double{got[i]} - double{expected[i]}), tolerance[i])
          << "element " << i << ": " << got[i] << " for " << expected[i];
    }
  }
}

}  // namespace

std::vector<std::vector<float>> RunReference(const Plan& plan, const std::vector<float>& input,
                                             size_t samples) {
  const backend::ReferenceModel model(plan, {});
  const auto session = model.NewSession({});
  std::vector<const void*> inputs;
  const float* from = input.data();
  for (const backend::TensorInfo& tensor : model.info().inputs) {
    inputs.push_back(from);
    from += samples * tensor.size;
  }
  std::vector<std::vector<float>> outputs;
  std::vector<float*> pointers;
  for (const backend::TensorInfo& tensor : model.info().outputs) {
    outputs.emplace_back(samples * tensor.size);
    pointers.push_back(outputs.back().data());
  }
  session->Run(inputs.data(), samples, pointers.data());
  return outputs;
}

void CompareSteps(const Plan& plan, unsigned seed) {
  std::mt19937 rng(seed);
  for (size_t i = 0; i < plan.steps.size() && !testing::Test::HasFatalFailure(); ++i) {
    const Step& step = plan.steps[i];
    const bool fits = std::ranges::all_of(step.inputs, [&](int value) {
      return plan.values[static_cast<size_t>(value)].size() <= kLongestVector;
    });
    if (step.inputs.empty() || !fits) continue;
    SCOPED_TRACE("seed " + std::to_string(seed) + ", step " + std::to_string(i) + ", " +
                 graph::StepName(step.kind));
    CompareStep(plan, step, &rng);
  }
}

}  // namespace adabin::test
