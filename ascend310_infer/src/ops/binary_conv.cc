// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/border_classes.h"
#include "kernels/feature_map.h"
#include "ops/binary_layer.h"
#include "ops/check.h"
#include "ops/convolution.h"
#include "ops/threshold.h"
#include "schedule/step_text.h"

namespace adabin::ops {
namespace {

using graph::Step;
using schedule::Frame;
using schedule::Scheduler;
using schedule::Text;

constexpr int64_t kMaxBorderConstants = int64_t{1} << 24;

// Bits that stand for no weight would count wherever a kernel reads the input's padding as data.
void CheckBits(const Step& step) {
  const int filter = step.geometry.filter_size();
  if (filter % 32 == 0) return;
  const size_t row_words = RowWords(filter);
  for (size_t last = row_words - 1; last < step.bits.size(); last += row_words) {
    if (step.bits[last] >> (filter % 32) != 0) Fail(step, "has bits behind the last weight");
  }
}

// An infinite value has no difference to the other one.
void CheckBinaryValues(const Step& step) {
  const auto finite = [](float value) { return std::isfinite(value); };
  if (!finite(step.high) || !finite(step.low)) {
    Fail(step, "a value of its binarized input is not finite");
  }
  for (const std::vector<float>* values : {&step.weight_low, &step.weight_high}) {
    if (!std::all_of(values->begin(), values->end(), finite)) Fail(step, "a weight is not finite");
  }
}

// A large kernel on a small map with much padding has a constant for nearly each output.
void CheckBorders(const Step& step) {
  const int64_t classes = FindBorderClasses(step.geometry).count();
  if (classes * step.out_channels > kMaxBorderConstants) {
    Fail(step, "its padding gives " + std::to_string(classes) + " kinds of border for " +
                   std::to_string(step.out_channels) + " channels, which is too many");
  }
}

TensorShape Infer(const graph::Plan& plan, Step* step) {
  InferFilter(plan, step);
  const auto out = static_cast<size_t>(step->out_channels);
  CheckSize(*step, "bits", step->bits.size(), out * RowWords(step->geometry.filter_size()));
  CheckSize(*step, "low weight", step->weight_low.size(), out);
  CheckSize(*step, "high weight", step->weight_high.size(), out);
  CheckBits(*step);
  CheckBinaryValues(*step);
  CheckCompare(*step);
  CheckBorders(*step);
  return InferResults(plan, step);
}

void ListFields(Fields& fields, Step& step) {
  ConvolutionFields(fields, step);
  BinarizerFields(fields, step);
  fields.Array(step.bits);
  fields.Array(step.weight_low);
  fields.Array(step.weight_high);
  fields.Array(step.after.shift);
}

void Fuse(const graph::Fusing& fusing, const Step& step, graph::Pass* pass) {
  if (!fusing.float_binary) FusePool(fusing, step, pass);
}

// The kernels say which padding they want before anything writes their bits.
void Prepare(Scheduler* scheduler, const Step& step) {
  if (scheduler->float_binary()) return;
  auto conv = scheduler->kernel().create(BinaryParams(step));
  scheduler->values().AskForPadding(step, conv->padding());
  scheduler->Keep(step, std::move(conv));
}

void EmitPacked(Scheduler* scheduler, const Step& step) {
  schedule::ValueBuffers& values = scheduler->values();
  const schedule::BitRequest& bits = values.RequestOf(step);
  const std::string name = "BinaryConv " + Text(step.geometry) + " " + Text(step.geometry.in) +
                           " -> " + Text(step.geometry.out);
  std::unique_ptr<kernels::BConv2D> conv = scheduler->Take(step);
  const Followers pooled = FollowersOf(*scheduler, step);
  if (pooled.pool != nullptr) {
    const ConvGeometry& pool = pooled.pool->geometry;
    const schedule::Output output = values.MakeOutput(pooled.value, -1, -1);
    const Target& to = output.target;
    auto maxima =
        output.z < 0 && output.bits >= 0
            ? kernels::FindMaximumBits(BinaryParams(step), pooled.after, to.compare, to.threshold)
            : std::nullopt;
    const std::string words = name + Text(step.after.act) + " MaxPool " + Text(pool) +
                              (maxima ? " of bits" : "") + TailText(pooled.after) +
                              scheduler->Results(output);
    scheduler->Emit(maxima ? schedule::MakePooled(std::move(conv), bits.buffer, bits.layout, pool,
                                                  *std::move(maxima), output)
                           : schedule::MakePooled(std::move(conv), bits.buffer, bits.layout, pool,
                                                  pooled.after, output, scheduler->simd()),
                    words);
    return scheduler->EmitRemainingBits(pooled.value);
  }
  const int value = scheduler->ValueOf(step);
  const schedule::Output output = values.MakeOutput(value, step.second(), step.second());
  scheduler->Emit(schedule::MakeConv(std::move(conv), bits.buffer, bits.layout, output),
                  name + Text(step.after.act) + scheduler->Results(output));
  scheduler->EmitRemainingBits(value);
}

// As the float convolution that it stands for.
void EmitAsFloat(Scheduler* scheduler, const Step& step) {
  schedule::ValueBuffers& values = scheduler->values();
  const int binarized = values.New(step.geometry.in.size() * sizeof(float));
  const int input = values.ReadFloats(step.input());
  const auto binarize = [s = &step, input, binarized](const Frame& frame) {
    kernels::Threshold(s->geometry.in.size(), frame.Floats(input), s->compare, s->threshold,
                       s->high, s->low, frame.Floats(binarized));
  };
  scheduler->Emit(schedule::MakeWhole(binarize), "Threshold " + Text(step.geometry.in));
  values.UseUntilNow(binarized);
  const int value = scheduler->ValueOf(step);
  const schedule::Output output = values.MakeOutput(value, step.second(), step.second());
  const std::vector<float> weights = FloatWeights(step);
  auto conv =
      kernels::CreateConv2D(FloatParams(scheduler->plan(), step, weights), scheduler->simd());
  scheduler->Emit(schedule::MakeConv(std::move(conv), binarized, output),
                  "Conv " + Text(step.geometry) + " " + Text(step.geometry.in) + " -> " +
                      Text(step.geometry.out) + Text(step.after.act) + scheduler->Results(output));
  scheduler->EmitRemainingBits(value);
}

void Emit(Scheduler* scheduler, const Step& step) {
  return scheduler->float_binary() ? EmitAsFloat(scheduler, step) : EmitPacked(scheduler, step);
}

// The float convolution of two-valued activations with two-valued weights.
void Compute(const Formula& f) {
  const Step& s = f.step;
  const auto group_in = static_cast<size_t>(s.geometry.group_in());
  const size_t row_words = RowWords(s.geometry.filter_size());
  Convolve(
      f,
      [&](size_t i) {
        return ActivationBit(s.compare, f.in[0].x[i], s.threshold) ? s.high : s.low;
      },
      [&](size_t o, size_t c, size_t tap) {
        const bool bit = GetBit(s.bits.data() + o * row_words, tap * group_in + c);
        return bit ? s.weight_high[o] : s.weight_low[o];
      });
}

}  // namespace

const Operator kBinaryConv = {.kind = graph::StepKind::kBinaryConv,
                              .infer = Infer,
                              .max_inputs = 2,
                              .reads_bits = true,
                              .fields = ListFields,
                              .fuse = Fuse,
                              .prepare = Prepare,
                              .emit = Emit,
                              .formula = Compute};

}  // namespace adabin::ops
