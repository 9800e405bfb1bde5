// SPDX-License-Identifier: Apache-2.0
//
// Passes that take one row of pixels after the other.
#include <utility>

#include "kernels/channel_constants.h"
#include "schedule/cpu_step.h"

namespace adabin::schedule {
namespace {

class MapStep : public CpuStep {
 public:
  MapStep(int input, const Epilogue& after, const Output& output, const isa::FloatLoops& simd)
      : input_(input), after_(after, output.shape.c), output_(output), simd_(simd) {}
  int rows() const override { return output_.shape.h; }
  void Run(const Frame& frame, const Work& work, std::byte*) const override {
    for (int h = work.row_begin; h < work.row_end; ++h) {
      const float* row = frame.Floats(input_) + int64_t{h} * output_.shape.w * output_.shape.c;
      kernels::FinishRow(simd_, after_, output_.shape, h, row, output_.At(frame, h));
    }
  }

 private:
  int input_;
  kernels::ChannelConstants after_;
  Output output_;
  const isa::FloatLoops& simd_;
};

class RowFunctionStep : public CpuStep {
 public:
  RowFunctionStep(RowFunction function, int input, const Epilogue& after, const Output& output,
                  const isa::FloatLoops& simd)
      : function_(std::move(function)),
        input_(input),
        after_(after, output.shape.c),
        output_(output),
        simd_(simd) {}
  int rows() const override { return output_.shape.h; }
  size_t scratch_bytes() const override { return RowFloats() * sizeof(float); }
  void Run(const Frame& frame, const Work& work, std::byte* scratch) const override {
    auto* row = reinterpret_cast<float*>(scratch);
    for (int h = work.row_begin; h < work.row_end; ++h) {
      function_(frame.Floats(input_) + static_cast<size_t>(h) * RowFloats(), row);
      kernels::FinishRow(simd_, after_, output_.shape, h, row, output_.At(frame, h));
    }
  }

 private:
  size_t RowFloats() const {
    return static_cast<size_t>(output_.shape.w) * static_cast<size_t>(output_.shape.c);
  }

  RowFunction function_;
  int input_;
  kernels::ChannelConstants after_;
  Output output_;
  const isa::FloatLoops& simd_;
};

}  // namespace

CpuStepPtr MakeMap(int input, const Epilogue& after, const Output& output,
                   const isa::FloatLoops& simd) {
  return std::make_unique<MapStep>(input, after, output, simd);
}

CpuStepPtr MakeRowFunction(RowFunction function, int input, const Epilogue& after,
                           const Output& output, const isa::FloatLoops& simd) {
  return std::make_unique<RowFunctionStep>(std::move(function), input, after, output, simd);
}

}  // namespace adabin::schedule
