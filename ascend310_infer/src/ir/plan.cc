// SPDX-License-Identifier: Apache-2.0
#include "ir/plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/bits.h"
#include "base/border_classes.h"
#include "base/error.h"

namespace adabin::ir {
namespace {

// Far above any real network, far below where int arithmetic on sizes could overflow.
constexpr int kMaxDim = 1 << 20;
constexpr int64_t kMaxElements = int64_t{1} << 28;
constexpr int kMaxKernel = 1 << 10;
constexpr int64_t kMaxBorderConstants = int64_t{1} << 24;

[[noreturn]] void Fail(const Step& step, const std::string& what) {
  throw Error(std::string("step ") + StepName(step.kind) + ": " + what);
}

void CheckShape(const Step& step, int64_t c, int64_t h, int64_t w) {
  if (c < 1 || h < 1 || w < 1) Fail(step, "the feature map is too small for this layer");
  if (c > kMaxDim || h > kMaxDim || w > kMaxDim || c * h > kMaxElements ||
      c * h * w > kMaxElements) {
    Fail(step, "the feature map is too large");
  }
}

void CheckSize(const Step& step, const char* what, size_t size, size_t expected) {
  if (size != expected) {
    Fail(step, std::string(what) + " has " + std::to_string(size) + " entries where " +
                   std::to_string(expected) + " are needed");
  }
}

void CheckOptional(const Step& step, const char* what, const std::vector<double>& data, int size) {
  if (!data.empty()) CheckSize(step, what, data.size(), static_cast<size_t>(size));
}

void CheckActivation(const Step& step, int channels) {
  switch (step.act) {
    case Activation::kNone:
    case Activation::kRelu:
    case Activation::kTwoSlope:
      break;
    default:
      Fail(step, "unknown activation " + std::to_string(static_cast<int>(step.act)));
  }
  const size_t slopes = step.act == Activation::kTwoSlope ? static_cast<size_t>(channels) : 0;
  CheckSize(step, "positive slope", step.positive.size(), slopes);
  CheckSize(step, "negative slope", step.negative.size(), slopes);
}

void CheckCompare(const Step& step) {
  if (step.compare != Compare::kAtLeast && step.compare != Compare::kNotAtMost) {
    Fail(step, "unknown comparison " + std::to_string(static_cast<int>(step.compare)));
  }
}

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

// Who reads a second operand compares its shape; a step of another kind has none.
void CheckSecond(const Step& step) {
  const bool takes_second = step.kind == StepKind::kBinaryConv || step.kind == StepKind::kConv ||
                            step.kind == StepKind::kAdd;
  if (step.second != -1 && !takes_second) Fail(step, "takes no second operand");
}

// A large kernel on a small map with much padding has a constant for nearly each output.
void CheckBorders(const Step& step) {
  const int64_t classes = FindBorderClasses(step.geometry).count();
  if (classes * step.out_channels > kMaxBorderConstants) {
    Fail(step, "its padding gives " + std::to_string(classes) + " kinds of border for " +
                   std::to_string(step.out_channels) + " channels, which is too many");
  }
}

// Fills the sizes of the window's input and output.
void InferWindow(Step* step, const Shape& in, int out_channels) {
  ConvGeometry& g = step->geometry;
  const auto within = [](int value, int low, int high) { return value >= low && value <= high; };
  if (!within(g.kernel_h, 1, kMaxKernel) || !within(g.kernel_w, 1, kMaxKernel) ||
      !within(g.stride_h, 1, kMaxDim) || !within(g.stride_w, 1, kMaxDim) ||
      !within(g.dilation_h, 1, kMaxDim) || !within(g.dilation_w, 1, kMaxDim)) {
    Fail(*step, "kernel size, stride or dilation is out of range");
  }
  for (const int pad : {g.pad_top, g.pad_bottom, g.pad_left, g.pad_right}) {
    if (!within(pad, 0, kMaxDim)) Fail(*step, "padding is out of range");
  }
  const int64_t h =
      WindowOutput(in.h, g.pad_top + g.pad_bottom, g.kernel_h, g.stride_h, g.dilation_h);
  const int64_t w =
      WindowOutput(in.w, g.pad_left + g.pad_right, g.kernel_w, g.stride_w, g.dilation_w);
  CheckShape(*step, out_channels, h, w);
  // The taps' coordinates are computed in int.
  if ((g.kernel_h - 1) * int64_t{g.dilation_h} > kMaxElements ||
      (g.kernel_w - 1) * int64_t{g.dilation_w} > kMaxElements) {
    Fail(*step, "the kernel's extent is too large");
  }
  g.in = in;
  g.out = {out_channels, static_cast<int>(h), static_cast<int>(w)};
}

void InferConv(Step* step, const Shape& in) {
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
  if (filter > kMaxElements || filter * channels > kMaxElements) Fail(*step, "too many weights");
  const auto out = static_cast<size_t>(channels);
  if (step->kind == StepKind::kConv) {
    CheckSize(*step, "weights", step->weights.size(), static_cast<size_t>(filter) * out);
  } else {
    CheckSize(*step, "bits", step->bits.size(), out * RowWords(g.filter_size()));
    CheckSize(*step, "low weight", step->weight_low.size(), out);
    CheckSize(*step, "high weight", step->weight_high.size(), out);
    CheckBits(*step);
    CheckBinaryValues(*step);
    CheckCompare(*step);
    CheckBorders(*step);
  }
  CheckOptional(*step, "scale", step->scale, channels);
  CheckOptional(*step, "shift", step->shift, channels);
  CheckActivation(*step, channels);
}

Shape InferPad(const Step& step, const Shape& in) {
  const int64_t size[3] = {in.c, in.h, in.w};
  int64_t out[3];
  for (int axis = 0; axis < 3; ++axis) {
    const int before = step.pads[2 * axis];
    const int after = step.pads[2 * axis + 1];
    if (before < 0 || after < 0 || before > kMaxDim || after > kMaxDim) {
      Fail(step, "padding is out of range");
    }
    out[axis] = size[axis] + before + after;
  }
  CheckShape(step, out[0], out[1], out[2]);
  return {static_cast<int>(out[0]), static_cast<int>(out[1]), static_cast<int>(out[2])};
}

Shape InferDense(const Step& step, const Shape& in) {
  if (in.h != 1 || in.w != 1) Fail(step, "the input is not flat");
  CheckShape(step, step.out_channels, 1, 1);
  if (int64_t{step.out_channels} * in.c > kMaxElements) Fail(step, "too many weights");
  CheckSize(step, "weights", step.weights.size(),
            static_cast<size_t>(step.out_channels) * static_cast<size_t>(in.c));
  CheckOptional(step, "shift", step.shift, step.out_channels);
  return {step.out_channels, 1, 1};
}

// Returns the step's output shape.
Shape Infer(const Plan& plan, Step* step) {
  const Shape in = plan.values[static_cast<size_t>(step->input)];
  CheckSecond(*step);
  const auto second = [&] { return plan.values[static_cast<size_t>(step->second)]; };
  switch (step->kind) {
    case StepKind::kBinaryConv:
    case StepKind::kConv:
      InferConv(step, in);
      if (step->second >= 0 && second() != step->geometry.out) {
        Fail(*step, "the residual's shape differs from the output's");
      }
      return step->geometry.out;
    case StepKind::kDense:
      return InferDense(*step, in);
    case StepKind::kAffine:
      CheckOptional(*step, "scale", step->scale, in.c);
      CheckOptional(*step, "shift", step->shift, in.c);
      return in;
    case StepKind::kActivation:
      CheckActivation(*step, in.c);
      return in;
    case StepKind::kAdd:
      if (step->second < 0 || second() != in) Fail(*step, "the two summands differ in shape");
      return in;
    case StepKind::kMaxPool:
    case StepKind::kAvgPool: {
      InferWindow(step, in, in.c);
      const ConvGeometry& g = step->geometry;
      // Each window must reach the map: a maximum or mean of nothing has no value.
      if (g.groups != 1 || g.dilation_h != 1 || g.dilation_w != 1 || g.pad_top >= g.kernel_h ||
          g.pad_left >= g.kernel_w || (g.out.h - 1) * int64_t{g.stride_h} - g.pad_top >= in.h ||
          (g.out.w - 1) * int64_t{g.stride_w} - g.pad_left >= in.w) {
        Fail(*step, "a pooling window lies outside the feature map");
      }
      return g.out;
    }
    case StepKind::kPad:
      return InferPad(*step, in);
    case StepKind::kMean:
      return {in.c, 1, 1};
    case StepKind::kReshape:
      CheckShape(*step, step->shape.c, step->shape.h, step->shape.w);
      if (step->shape.size() != in.size()) Fail(*step, "the number of elements changes");
      return step->shape;
    case StepKind::kThreshold:
      CheckCompare(*step);
      return in;
  }
  throw Error("unknown step kind " + std::to_string(static_cast<int>(step->kind)));
}

}  // namespace

const char* StepName(StepKind kind) {
  switch (kind) {
    case StepKind::kBinaryConv:
      return "BinaryConv";
    case StepKind::kConv:
      return "Conv";
    case StepKind::kDense:
      return "Dense";
    case StepKind::kAffine:
      return "Affine";
    case StepKind::kActivation:
      return "Activation";
    case StepKind::kAdd:
      return "Add";
    case StepKind::kMaxPool:
      return "MaxPool";
    case StepKind::kAvgPool:
      return "AvgPool";
    case StepKind::kPad:
      return "Pad";
    case StepKind::kMean:
      return "Mean";
    case StepKind::kReshape:
      return "Reshape";
    case StepKind::kThreshold:
      return "Threshold";
  }
  return "unknown";
}

int Plan::CountKind(StepKind kind) const {
  return static_cast<int>(
      std::count_if(steps.begin(), steps.end(), [&](const Step& s) { return s.kind == kind; }));
}

void SetInput(Plan* plan, Shape input) {
  Step step;
  step.kind = StepKind::kReshape;
  CheckShape(step, input.c, input.h, input.w);
  plan->input = input;
  plan->values.assign(1, input);
}

int Append(Plan* plan, Step step) {
  const int defined = static_cast<int>(plan->values.size());
  if (step.input < 0 || step.input >= defined || step.second < -1 || step.second >= defined) {
    Fail(step, "reads a value that does not exist");
  }
  plan->values.push_back(Infer(*plan, &step));
  plan->steps.push_back(std::move(step));
  return defined;
}

}  // namespace adabin::ir
