// SPDX-License-Identifier: Apache-2.0
#include "backend/cpu_step.h"

#include <stdexcept>

#include "kernels/bits.h"
#include "kernels/select_kernel.h"
#include "ops/conv2d.h"
#include "ops/dense.h"
#include "ops/feature_map.h"

namespace adabin::backend {
namespace {

using ir::Step;
using ir::StepKind;

ops::Conv2DParams FloatParams(const Step& step, std::span<const float> weights) {
  ops::Conv2DParams params;
  params.geometry = step.geometry;
  params.weights = weights;
  params.scale = step.scale;
  params.shift = step.shift;
  params.act = step.act;
  params.positive = step.positive;
  params.negative = step.negative;
  return params;
}

class BinaryConvStep : public CpuStep {
 public:
  BinaryConvStep(const Step& step, const std::string& kernel)
      : geometry_(step.geometry), conv_(kernels::SelectKernel(kernel).create(BinaryParams(step))) {}

  size_t workspace_bytes() const override { return conv_->workspace_bytes(); }
  bool packed() const override { return true; }

  void Run(const float* x, const float* second, float* out, std::byte* workspace,
           ThreadPool* pool) const override {
    ParallelRanges(pool, geometry_.in.h,
                   [&](int begin, int end) { conv_->Binarize(x, workspace, begin, end); });
    ParallelRanges(pool, geometry_.out.h,
                   [&](int begin, int end) { conv_->Compute(workspace, second, out, begin, end); });
  }

 private:
  ConvGeometry geometry_;
  std::unique_ptr<kernels::BConv2D> conv_;
};

// A binary layer as the float convolution it stands for.
class FloatBinaryConvStep : public CpuStep {
 public:
  explicit FloatBinaryConvStep(const Step& step)
      : step_(step), conv_(ops::CreateConv2D(FloatParams(step, FloatWeights(step)))) {}

  size_t workspace_bytes() const override { return step_.geometry.in.size() * sizeof(float); }

  void Run(const float* x, const float* second, float* out, std::byte* workspace,
           ThreadPool* pool) const override {
    auto* binarized = reinterpret_cast<float*>(workspace);
    ops::Threshold(step_.geometry.in.size(), x, step_.compare, step_.threshold, step_.high,
                   step_.low, binarized);
    conv_->Run(binarized, second, out, pool);
  }

 private:
  const Step& step_;
  std::unique_ptr<ops::Conv2D> conv_;
};

class ConvStep : public CpuStep {
 public:
  explicit ConvStep(const Step& step) : conv_(ops::CreateConv2D(FloatParams(step, step.weights))) {}
  void Run(const float* x, const float* second, float* out, std::byte*,
           ThreadPool* pool) const override {
    conv_->Run(x, second, out, pool);
  }

 private:
  std::unique_ptr<ops::Conv2D> conv_;
};

class DenseStep : public CpuStep {
 public:
  DenseStep(const Step& step, const Shape& in)
      : dense_(ops::CreateDense(in.c, step.out_channels, step.weights, step.shift)) {}
  void Run(const float* x, const float*, float* out, std::byte*, ThreadPool* pool) const override {
    dense_->Run(x, out, pool);
  }

 private:
  std::unique_ptr<ops::Dense> dense_;
};

// The operators that are one function of the whole map.
class FeatureMapStep : public CpuStep {
 public:
  FeatureMapStep(const Step& step, const Shape& in, const Shape& out)
      : step_(step), in_(in), out_(out) {}

  void Run(const float* x, const float* second, float* out, std::byte*,
           ThreadPool*) const override {
    switch (step_.kind) {
      case StepKind::kAffine:
        return ops::Affine(in_, x, step_.scale, step_.shift, out);
      case StepKind::kActivation:
        return ops::Activate(in_, x, {step_.act, step_.positive.data(), step_.negative.data()},
                             out);
      case StepKind::kAdd:
        return ops::Add(in_.size(), x, second, out);
      case StepKind::kMaxPool:
        return ops::MaxPool(step_.geometry, x, out);
      case StepKind::kAvgPool:
        return ops::AvgPool(step_.geometry, x, out);
      case StepKind::kPad:
        return ops::PadZeros(in_, out_, step_.pads, x, out);
      case StepKind::kMean:
        return ops::MeanOverPixels(in_, x, out);
      case StepKind::kReshape:
        return ops::Reshape(in_, out_, x, out);
      case StepKind::kThreshold:
        return ops::Threshold(in_.size(), x, step_.compare, step_.threshold, step_.high, step_.low,
                              out);
      case StepKind::kBinaryConv:
      case StepKind::kConv:
      case StepKind::kDense:
        break;  // CreateCpuStep gives these their own classes
    }
    throw std::logic_error(std::string("no implementation of step ") + ir::StepName(step_.kind));
  }

 private:
  const Step& step_;
  Shape in_;
  Shape out_;
};

}  // namespace

kernels::BConv2DParams BinaryParams(const Step& step) {
  kernels::BConv2DParams params;
  params.geometry = step.geometry;
  params.compare = step.compare;
  params.threshold = step.threshold;
  params.high = step.high;
  params.low = step.low;
  params.bits = step.bits;
  params.weight_low = step.weight_low;
  params.weight_high = step.weight_high;
  params.scale = step.scale;
  params.shift = step.shift;
  params.act = step.act;
  params.positive = step.positive;
  params.negative = step.negative;
  return params;
}

kernels::BConv2DParams RawBinaryParams(const Step& step) {
  kernels::BConv2DParams params = BinaryParams(step);
  params.scale = {};
  params.shift = {};
  params.act = kernels::Activation::kNone;
  return params;
}

std::vector<float> FloatWeights(const Step& step) {
  const ConvGeometry& g = step.geometry;
  const auto taps = static_cast<size_t>(g.taps());
  const auto group_in = static_cast<size_t>(g.group_in());
  const size_t row_words = kernels::RowWords(g.filter_size());
  std::vector<float> weights;
  weights.reserve(static_cast<size_t>(g.out.c) * taps * group_in);
  for (size_t o = 0; o < static_cast<size_t>(g.out.c); ++o) {
    const uint32_t* row = step.bits.data() + o * row_words;
    for (size_t c = 0; c < group_in; ++c) {
      for (size_t t = 0; t < taps; ++t) {
        weights.push_back(kernels::GetBit(row, t * group_in + c) ? step.weight_high[o]
                                                                 : step.weight_low[o]);
      }
    }
  }
  return weights;
}

std::unique_ptr<CpuStep> CreateCpuStep(const Step& step, const Shape& in, const Shape& out,
                                       const std::string& kernel) {
  switch (step.kind) {
    case StepKind::kBinaryConv:
      if (kernel == "float") return std::make_unique<FloatBinaryConvStep>(step);
      return std::make_unique<BinaryConvStep>(step, kernel);
    case StepKind::kConv:
      return std::make_unique<ConvStep>(step);
    case StepKind::kDense:
      return std::make_unique<DenseStep>(step, in);
    default:
      return std::make_unique<FeatureMapStep>(step, in, out);
  }
}

}  // namespace adabin::backend
