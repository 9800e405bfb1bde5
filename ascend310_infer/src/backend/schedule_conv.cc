// SPDX-License-Identifier: Apache-2.0
//
// Convolutions and dense layers, with the average before them and the pooling behind them.
#include <utility>

#include "backend/binary_layer.h"
#include "backend/scheduler.h"
#include "backend/step_text.h"
#include "kernels/feature_map.h"

namespace adabin::backend {

using ir::Step;
using ir::StepKind;

// The kernels say which padding they want before anything writes their bits.
void Scheduler::MakeBinaryConvs() {
  binary_convs_.resize(plan_.steps.size());
  for (const Step& step : plan_.steps) {
    if (!runs_on_bits_[Number(step)]) continue;
    auto& conv = binary_convs_[Number(step)] = kernel_.create(BinaryParams(step));
    values_.AskForPadding(step, conv->padding());
  }
}

void Scheduler::EmitBinary(const Step& step) {
  const BitRequest& bits = values_.RequestOf(step);
  const std::string name = "BinaryConv " + Text(step.geometry) + " " + Text(step.geometry.in) +
                           " -> " + Text(step.geometry.out);
  std::unique_ptr<kernels::BConv2D> conv = std::move(binary_convs_[Number(step)]);
  const Followers pooled = FindPool(step);
  if (pooled.pool != nullptr) {
    const ConvGeometry& pool = pooled.pool->geometry;
    const Output output = values_.MakeOutput(pooled.value, -1, -1);
    Emit(MakePooled(std::move(conv), bits.buffer, bits.layout, pool, TailOf(pooled, pool.in.c),
                    output, simd_),
         name + Text(step.act) + " MaxPool " + Text(pool) + TailText(pooled) + Results(output));
    return EmitRemainingBits(pooled.value);
  }
  const int value = ValueOf(step);
  const Output output = values_.MakeOutput(value, step.second, step.second);
  Emit(MakeConv(std::move(conv), bits.buffer, bits.layout, output),
       name + Text(step.act) + Results(output));
  EmitRemainingBits(value);
}

// A binary layer as the float convolution that it stands for.
void Scheduler::EmitFloatBinary(const Step& step) {
  const int binarized = values_.New(step.geometry.in.size() * sizeof(float));
  const int input = values_.ReadFloats(step.input);
  const Step* s = &step;
  Emit(MakeWhole([s, input, binarized](const Frame& frame) {
         kernels::Threshold(s->geometry.in.size(), frame.Floats(input), s->compare, s->threshold,
                            s->high, s->low, frame.Floats(binarized));
       }),
       "Threshold " + Text(step.geometry.in));
  values_.UseUntilNow(binarized);
  const Output output = values_.MakeOutput(ValueOf(step), step.second, step.second);
  const std::vector<float> weights = FloatWeights(step);
  Emit(MakeConv(kernels::CreateConv2D(FloatParams(step, weights), simd_), binarized, output),
       "Conv " + Text(step.geometry) + " " + Text(step.geometry.in) + " -> " +
           Text(step.geometry.out) + Text(step.act) + Results(output));
  EmitRemainingBits(ValueOf(step));
}

void Scheduler::EmitFloat(const Step& step) {
  kernels::Conv2DParams params = FloatParams(step, step.weights);
  std::string name;
  int source = step.input;
  ConvGeometry average;
  if (source > 0) {
    const Step& before = plan_.steps[static_cast<size_t>(source) - 1];
    const bool averages = before.kind == StepKind::kAvgPool || before.kind == StepKind::kMean;
    if (fuse_ && averages && !values_.HasFloats(source)) {
      average = AverageGeometry(before);
      params.average = &average;
      name = before.kind == StepKind::kMean ? "Mean " : "AvgPool " + Text(average) + " ";
      source = before.input;
    }
  }
  params.reads_nchw = ReadsNchw(step);
  name += step.kind == StepKind::kDense ? "Dense " : "Conv " + Text(params.geometry) + " ";
  name += Text(params.average != nullptr ? average.in : params.geometry.in) + " -> " +
          Text(params.geometry.out) + Text(step.act);
  int input = kNetworkInput;
  if (params.reads_nchw) {
    values_.SkipRead(0);
  } else {
    input = values_.ReadFloats(source);
  }
  auto conv = kernels::CreateConv2D(params, simd_);
  const Followers pooled = FindPool(step);
  if (pooled.pool != nullptr) {
    const ConvGeometry& pool = pooled.pool->geometry;
    const Output output = values_.MakeOutput(pooled.value, -1, -1);
    Emit(MakePooled(std::move(conv), input, pool, TailOf(pooled, pool.in.c), output, simd_),
         name + " MaxPool " + Text(pool) + TailText(pooled) + Results(output));
    return EmitRemainingBits(pooled.value);
  }
  // A convolution still reads pixels around the one that it writes.
  const int replaced = step.second == source ? -1 : step.second;
  const Output output = values_.MakeOutput(ValueOf(step), step.second, replaced);
  Emit(MakeConv(std::move(conv), input, output), name + Results(output));
  EmitRemainingBits(ValueOf(step));
}

// The maximum pooling that alone reads this convolution, and what follows it.
Scheduler::Followers Scheduler::FindPool(const Step& step) {
  Followers followers;
  if (!fuse_ || step.second >= 0) return followers;
  followers.pool = Follow(readers_.Only(ValueOf(step), StepKind::kMaxPool), &followers);
  if (followers.pool != nullptr) FollowTail(&followers);
  return followers;
}

// Whether the only reader of this average is a layer that can average by itself.
bool Scheduler::TakesOverAverage(int value) const {
  for (const StepKind kind : {StepKind::kConv, StepKind::kDense}) {
    const Step* reader = readers_.Only(value, kind);
    if (reader == nullptr) continue;
    const ConvGeometry& g = reader->geometry;
    const bool pixelwise = g.taps() == 1 && g.stride_h == 1 && g.stride_w == 1 &&
                           g.pad_top + g.pad_bottom + g.pad_left + g.pad_right == 0;
    if (pixelwise && kernels::FitsRows(FloatParams(*reader, reader->weights))) return true;
  }
  return false;
}

bool Scheduler::ReadsNchw(const Step& step) const {
  return step.kind == StepKind::kConv && step.input == 0 && step.second != 0 &&
         kernels::FitsRows(FloatParams(step, step.weights));
}

// The mean of a map is the average pooling with a window as large as the map.
ConvGeometry Scheduler::AverageGeometry(const Step& step) const {
  if (step.kind == StepKind::kAvgPool) return step.geometry;
  ConvGeometry whole;
  whole.in = ShapeOf(step.input);
  whole.out = {whole.in.c, 1, 1};
  whole.kernel_h = whole.in.h;
  whole.kernel_w = whole.in.w;
  return whole;
}

kernels::Conv2DParams Scheduler::FloatParams(const Step& step,
                                             std::span<const float> weights) const {
  kernels::Conv2DParams params;
  params.geometry = step.geometry;
  if (step.kind == StepKind::kDense) {
    params.geometry.in = ShapeOf(step.input);
    params.geometry.out = {step.out_channels, 1, 1};
  }
  params.weights = weights;
  params.scale = step.scale;
  params.shift = step.shift;
  params.act = step.act;
  params.positive = step.positive;
  params.negative = step.negative;
  return params;
}

}  // namespace adabin::backend
