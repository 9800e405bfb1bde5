// SPDX-License-Identifier: Apache-2.0
#include "ops/convolution.h"

#include <string>
#include <utility>

#include "ops/activation.h"
#include "ops/check.h"
#include "ops/pooling.h"
#include "ops/window.h"
#include "schedule/step_text.h"

namespace adabin::ops {

using graph::Step;
using graph::StepKind;
using schedule::Scheduler;
using schedule::Text;

int64_t InferFilter(const graph::Plan& plan, Step* step) {
  const Shape in = InputMap(plan, *step);
  const int groups = step->geometry.groups;
  const int channels = step->out_channels;
  if (channels < 1 || channels > kMaxDim || groups < 1 || groups > in.c || in.c % groups != 0 ||
      channels % groups != 0) {
    Fail(*step, "channels and groups do not fit: " + std::to_string(in.c) + " in, " +
                    std::to_string(channels) + " out, " + std::to_string(groups) + " groups");
  }
  InferWindow(step, in, channels);
  const ConvGeometry& g = step->geometry;
  const int64_t filter = int64_t{g.group_in()} * g.kernel_h * g.kernel_w;
  if (filter > kMaxWeights || filter * channels > kMaxWeights) Fail(*step, "too many weights");
  return filter;
}

Shape InferResults(const graph::Plan& plan, Step* step) {
  CheckAffine(*step, step->out_channels);
  CheckActivation(*step, step->out_channels);
  if (step->second() >= 0 && SecondTensor(plan, *step) != step->geometry.out) {
    Fail(*step, "the residual's shape differs from the output's");
  }
  return step->geometry.out;
}

void ConvolutionFields(Fields& fields, Step& step) {
  WindowFields(fields, step.geometry);
  fields.Number(step.out_channels);
}

kernels::Conv2DParams FloatParams(const graph::Plan& plan, const Step& step,
                                  std::span<const float> weights) {
  kernels::Conv2DParams params;
  params.geometry = step.geometry;
  if (step.kind == StepKind::kDense) {
    params.geometry.in = InputTensor(plan, step).pixels();
    params.geometry.out = {step.out_channels, 1, 1};
  }
  params.weights = weights;
  params.after = step.after;
  return params;
}

void FusePool(const graph::Fusing& fusing, const Step& step, graph::Pass* pass) {
  if (step.second() >= 0) return;
  const int pool = fusing.Next(fusing.Number(step), StepKind::kMaxPool);
  // A ring of rows as high as the window holds no dilated one.
  if (pool < 0 || fusing.At(pool).geometry.dilation_h != 1) return;
  pass->pool = pool;
  FuseTail(fusing, fusing.At(pool), pass);
}

void FuseFloat(const graph::Fusing& fusing, const Step& step, graph::Pass* pass) {
  FusePool(fusing, step, pass);
  const bool own = step.input() > 0 && fusing.readers.Only(step.input()) == &step;
  if (!own || !IsAverage(fusing.At(step.input() - 1))) return;
  const ConvGeometry& g = step.geometry;
  const bool pixelwise = g.taps() == 1 && g.stride_h == 1 && g.stride_w == 1 &&
                         g.pad_top + g.pad_bottom + g.pad_left + g.pad_right == 0;
  if (pixelwise && kernels::FitsRows(FloatParams(fusing.plan, step, step.weights))) {
    pass->average = step.input() - 1;
  }
}

void EmitFloat(Scheduler* scheduler, const Step& step) {
  schedule::ValueBuffers& values = scheduler->values();
  kernels::Conv2DParams params = FloatParams(scheduler->plan(), step, step.weights);
  std::string name;
  int source = step.input();
  ConvGeometry average;
  if (scheduler->PassOf(step).average >= 0) {
    const Step& before = *scheduler->Producer(source);
    average = AverageGeometry(*scheduler, before);
    params.average = &average;
    name = before.kind == StepKind::kMean ? "Mean " : "AvgPool " + Text(average) + " ";
    source = before.input();
  }
  const Operator& op = OperatorOf(step.kind);
  params.reads_nchw = op.reads_nchw != nullptr && op.reads_nchw(*scheduler, step);
  name += step.kind == StepKind::kDense ? "Dense " : "Conv " + Text(params.geometry) + " ";
  name += Text(params.average != nullptr ? average.in : params.geometry.in) + " -> " +
          Text(params.geometry.out) + Text(step.after.act);
  int input = schedule::kNetworkInput;
  if (params.reads_nchw) {
    values.SkipRead(0);
  } else {
    input = values.ReadFloats(source);
  }
  auto conv = kernels::CreateConv2D(params, scheduler->simd());
  const Followers pooled = FollowersOf(*scheduler, step);
  if (pooled.pool != nullptr) {
    const ConvGeometry& pool = pooled.pool->geometry;
    const schedule::Output output = values.MakeOutput(pooled.value, -1, -1);
    scheduler->Emit(
        schedule::MakePooled(std::move(conv), input, pool, pooled.after, output, scheduler->simd()),
        name + " MaxPool " + Text(pool) + TailText(pooled.after) + scheduler->Results(output));
    return scheduler->EmitRemainingBits(pooled.value);
  }
  // A convolution still reads pixels around the one that it writes. Two values may lie in one
  // buffer.
  const bool reads_it = step.second() >= 0 && values.floats(step.second()) == input;
  const int replaced = reads_it ? -1 : step.second();
  const schedule::Output output =
      values.MakeOutput(scheduler->ValueOf(step), step.second(), replaced);
  scheduler->Emit(schedule::MakeConv(std::move(conv), input, output),
                  name + scheduler->Results(output));
  scheduler->EmitRemainingBits(scheduler->ValueOf(step));
}

}  // namespace adabin::ops
