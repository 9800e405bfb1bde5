// SPDX-License-Identifier: Apache-2.0
#include "random_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "ops/append.h"

namespace adabin::test {

using graph::Plan;
using graph::Step;
using graph::StepKind;

RandomPlan::RandomPlan(unsigned seed) : rng_(seed) {
  const bool tiny = OneIn(8);
  const int most = tiny ? 3 : 13;
  const int least = tiny ? 1 : 4;
  const auto map = [&] {
    return Shape{Pick({1, 3, 16, 31, 32, 33, 65}), Draw(least, most), Draw(least, most)};
  };
  ops::SetInput(&plan_, map());
  const int inputs = seed % 4 == 3 ? Draw(1, 2) : 0;  // besides the first
  for (int i = 0; i < inputs; ++i) {
    Step step;
    step.kind = StepKind::kInput;
    step.inputs.clear();
    const Shape other = map();
    step.shape = OneIn(2)   ? plan_.values[0]
                 : OneIn(2) ? TensorShape(other)
                            : TensorShape(std::vector{other.c});
    ops::Append(&plan_, std::move(step));
  }
  const int steps = inputs + Draw(3, 14);
  while (static_cast<int>(plan_.steps.size()) < steps) AddStep();
  for (int extra = Draw(0, 2); extra > 0; --extra) plan_.outputs.push_back(AnyValue());
  plan_.outputs.push_back(static_cast<int>(plan_.steps.size()));
}

std::vector<float> RandomPlan::Floats(size_t count, float low, float high) {
  std::uniform_real_distribution<float> draw(low, high);
  std::vector<float> out(count);
  for (float& v : out) v = draw(rng_);
  return out;
}

// Mostly the newest, so that chains come about.
int RandomPlan::AnyValue() {
  const int last = static_cast<int>(plan_.steps.size());
  return OneIn(3) ? Draw(0, last) : last;
}

// Ordinary, tiny, denormal or huge.
float RandomPlan::Extreme() {
  const float magnitude[] = {1, 1, 1, 1e-20f, 1e-42f, 1e6f};
  return Floats(1)[0] * magnitude[Draw(0, 5)];
}

void RandomPlan::AddStep() {
  Step step;
  step.inputs = {AnyValue()};
  const Shape in = plan_.values[static_cast<size_t>(step.input())].pixels();
  const int kind = Pick({1,  1,  1,  1,  1,  2,  2,  3,  4,  5,  6,  7,  7,  8, 9,
                         10, 11, 11, 12, 13, 13, 14, 14, 15, 16, 17, 18, 19, 20});
  step.kind = static_cast<StepKind>(kind);
  ConvGeometry& g = step.geometry;
  switch (step.kind) {
    case StepKind::kBinaryConv:
    case StepKind::kConv:
      SetConv(&step, in);
      break;
    case StepKind::kDense:
      step.out_channels = Pick({1, 10, 33});
      step.weights = Floats(static_cast<size_t>(step.out_channels * in.c));
      step.after.shift = Doubles(static_cast<size_t>(step.out_channels));
      break;
    case StepKind::kAffine:
      step.after.scale = Doubles(static_cast<size_t>(in.c));
      if (OneIn(2)) step.after.shift = Doubles(static_cast<size_t>(in.c));
      break;
    case StepKind::kActivation:
      SetActivation(&step, in.c);
      break;
    case StepKind::kAdd:
      step.SetSecond(LikeShape(in));
      break;
    case StepKind::kMaxPool:
    case StepKind::kAvgPool:
      g.kernel_h = Draw(1, 4);
      g.kernel_w = OneIn(3) ? Draw(1, 4) : g.kernel_h;
      g.stride_h = Draw(1, 4);
      g.stride_w = OneIn(3) ? Draw(1, 4) : g.stride_h;
      g.pad_top = Draw(0, g.kernel_h - 1);
      g.pad_bottom = Draw(0, g.kernel_h - 1);
      g.pad_left = Draw(0, g.kernel_w - 1);
      g.pad_right = Draw(0, g.kernel_w - 1);
      if (step.kind == StepKind::kMaxPool && OneIn(4)) g.dilation_h = g.dilation_w = 2;
      break;
    case StepKind::kPaddedAverage:
      g.kernel_h = g.kernel_w = Draw(2, 4);
      g.stride_h = g.stride_w = Draw(1, 3);
      g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 1;
      step.divisor = {Draw(0, 1), Draw(0, 1), Draw(0, 1), Draw(0, 1), OneIn(3) ? 5 : 0};
      break;
    case StepKind::kPad:
      step.pads[0] = Draw(0, 9);
      step.pads[1] = Draw(0, 9);
      if (OneIn(3)) step.pads[2] = step.pads[5] = 1;
      break;
    case StepKind::kReshape:
      step.shape = Pick({1, 1, 2}) == 1 ? TensorShape(Shape{static_cast<int>(in.size()), 1, 1})
                                        : AnyShape(static_cast<int>(in.size()));
      if (in.size() > 600 && step.shape.rank() == 3) return;
      break;
    case StepKind::kThreshold:
      SetBinarizer(&step);
      break;
    case StepKind::kTranspose:
    case StepKind::kConcat:
    case StepKind::kSoftmax:
    case StepKind::kSlice:
      SetAxes(&step);
      break;
    case StepKind::kL2Norm:
      step.epsilon = 0.25f;
      break;
    case StepKind::kPointwise:
      step.function = static_cast<uint8_t>(Draw(0, 8));
      break;
    case StepKind::kArithmetic:
      step.function = static_cast<uint8_t>(Draw(0, 5));
      step.SetSecond(OneIn(3) ? AnyValue() : LikeShape(InputOf(step)));
      break;
    default:
      break;
  }
  try {
    ops::Append(&plan_, step);
  } catch (const Error&) {  // does not fit: draw another
  }
}

std::vector<double> RandomPlan::Doubles(size_t count) {
  std::vector<double> out;
  for (size_t i = 0; i < count; ++i) out.push_back(OneIn(8) ? Extreme() : Floats(1)[0]);
  return out;
}

// Of so many elements, in a few factors.
TensorShape RandomPlan::AnyShape(int size) {
  std::vector<int> dims;
  for (int rank = Draw(0, 3); rank > 0; --rank) {
    const int factor = Pick({1, 2, 3, 4});
    if (size % factor != 0) continue;
    dims.push_back(factor);
    size /= factor;
  }
  dims.insert(dims.begin() + Draw(0, static_cast<int>(dims.size())), size);
  return TensorShape(dims);
}

void RandomPlan::SetAxes(Step* step) {
  const TensorShape& in = InputOf(*step);
  const auto rank = static_cast<size_t>(in.rank());
  if (step->kind == StepKind::kTranspose) {
    step->axes.resize(rank);
    std::iota(step->axes.begin(), step->axes.end(), 0);
    std::shuffle(step->axes.begin(), step->axes.end(), rng_);
  } else if (step->kind == StepKind::kSlice) {
    step->first.assign(rank, 0);
    step->steps.assign(rank, 1);
    step->shape = in;
    const int axis = Draw(0, in.rank() - 1);
    step->first[static_cast<size_t>(axis)] = Draw(0, 1);
    step->steps[static_cast<size_t>(axis)] = Draw(1, 2);
    step->shape[axis] = Draw(1, in[axis]);
  } else {
    step->axes = {Draw(0, in.rank() - 1)};
    if (step->kind != StepKind::kConcat) return;
    for (int more = Draw(0, 2); more > 0; --more) step->inputs.push_back(LikeShape(in));
  }
}

// An earlier value of that shape, or -1.
int RandomPlan::LikeShape(const TensorShape& shape) {
  std::vector<int> like;
  for (size_t v = 0; v < plan_.values.size(); ++v) {
    if (plan_.values[v] == shape) like.push_back(static_cast<int>(v));
  }
  return like.empty() ? -1 : Pick(like);
}

void RandomPlan::SetActivation(Step* step, int channels) {
  step->after.act = static_cast<Activation>(Draw(0, 2));
  if (step->after.act != Activation::kTwoSlope) return;
  step->after.positive = Floats(static_cast<size_t>(channels), -0.5f, 1.5f);
  step->after.negative = Floats(static_cast<size_t>(channels));
}

void RandomPlan::SetBinarizer(Step* step) {
  step->compare = static_cast<Compare>(Draw(0, 1));
  step->threshold = OneIn(4) ? 0.0f : Extreme() * 0.3f;
  if (OneIn(20)) step->threshold = std::numeric_limits<float>::infinity() * (OneIn(2) ? 1 : -1);
  step->high = Extreme();
  step->low = OneIn(10) ? step->high : Extreme();
}

void RandomPlan::SetConv(Step* step, const Shape& in) {
  ConvGeometry& g = step->geometry;
  const bool binary = step->kind == StepKind::kBinaryConv;
  g.kernel_h = g.kernel_w = Pick({1, 1, 2, 3, 3, 3, 5});
  g.stride_h = g.stride_w = Pick({1, 1, 1, 2});
  g.pad_top = g.pad_left = g.kernel_h / 2;
  g.pad_bottom = g.pad_right = OneIn(4) ? 0 : g.pad_top;
  if (OneIn(8)) g.dilation_h = g.dilation_w = 2;
  if (OneIn(3)) g.kernel_w = Draw(1, 4);
  if (OneIn(3)) g.pad_left = Draw(0, 3);
  if (OneIn(3)) g.pad_bottom = Draw(0, 3);
  if (OneIn(8)) g.stride_h = Draw(1, 6);
  if (OneIn(5)) g.groups = Pick({2, 3, 11, in.c, in.c});
  if (in.c % g.groups != 0) g.groups = 1;
  // Often as many as before, so that residuals fit.
  step->out_channels = OneIn(2) ? in.c : Pick({2, 16, 18, 31, 32, 33, 48, 64, 65, 80});
  if (step->out_channels % g.groups != 0) step->out_channels = g.groups * Draw(1, 3);
  const auto out = static_cast<size_t>(step->out_channels);
  const auto filter = static_cast<size_t>(in.c / g.groups * g.taps());
  if (binary) {
    SetBinarizer(step);
    const size_t words = RowWords(static_cast<int>(filter));
    std::vector<uint32_t> bits(out * words);
    for (size_t o = 0; o < out; ++o) {
      step->weight_low.push_back(Extreme());
      const bool equal = OneIn(8);
      step->weight_high.push_back(equal ? step->weight_low[o]
                                        : step->weight_low[o] + std::abs(Extreme()));
      for (size_t i = 0; !equal && i < filter; ++i) {
        if (OneIn(2)) SetBit(&bits[o * words], i);
      }
    }
    step->bits = std::move(bits);
  } else {
    step->weights = Floats(out * filter);
  }
  if (!OneIn(4)) step->after.scale = Doubles(out);
  if (!OneIn(4)) step->after.shift = Doubles(out);
  SetActivation(step, step->out_channels);
  if (!OneIn(3)) {
    // The output's shape is known once the plan has inferred it.
    Plan trial = plan_;
    try {
      ops::Append(&trial, *step);
      step->SetSecond(LikeShape(trial.values.back()));
    } catch (const Error&) {
    }
  }
}

}  // namespace adabin::test
