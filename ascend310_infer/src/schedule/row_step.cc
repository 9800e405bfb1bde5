// SPDX-License-Identifier: Apache-2.0
//
// Passes that take one row of pixels after the other.
#include <utility>

#include "schedule/cpu_step.h"
#include "schedule/finish_row.h"

namespace adabin::schedule {
namespace {

class MapStep : public CpuStep {
 public:
  MapStep(int input, Tail tail, const Output& output, const isa::FloatLoops& simd)
      : input_(input), tail_(std::move(tail)), output_(output), simd_(simd) {}
  int rows() const override { return output_.shape.h; }
  void Run(const Frame& frame, const Work& work, std::byte*) const override {
    for (int h = work.row_begin; h < work.row_end; ++h) {
      const float* row = frame.Floats(input_) + int64_t{h} * output_.shape.w * output_.shape.c;
      FinishRow(simd_, tail_, output_, frame, h, row);
    }
  }

 private:
  int input_;
  Tail tail_;
  Output output_;
  const isa::FloatLoops& simd_;
};

class RowFunctionStep : public CpuStep {
 public:
  RowFunctionStep(RowFunction function, int input, Tail tail, const Output& output,
                  const isa::FloatLoops& simd)
      : function_(std::move(function)),
        input_(input),
        tail_(std::move(tail)),
        output_(output),
        simd_(simd) {}
  int rows() const override { return output_.shape.h; }
  size_t scratch_bytes() const override { return RowFloats() * sizeof(float); }
  void Run(const Frame& frame, const Work& work, std::byte* scratch) const override {
    auto* row = reinterpret_cast<float*>(scratch);
    for (int h = work.row_begin; h < work.row_end; ++h) {
      function_(frame.Floats(input_) + static_cast<size_t>(h) * RowFloats(), row);
      FinishRow(simd_, tail_, output_, frame, h, row);
    }
  }

 private:
  size_t RowFloats() const {
    return static_cast<size_t>(output_.shape.w) * static_cast<size_t>(output_.shape.c);
  }

  RowFunction function_;
  int input_;
  Tail tail_;
  Output output_;
  const isa::FloatLoops& simd_;
};

}  // namespace

void FinishRow(const isa::FloatLoops& simd, const Tail& tail, const Output& output,
               const Frame& frame, int h, const float* sums) {
  const Target target = output.At(frame, h);
  isa::FinishTile tile;
  tile.sums = sums;
  tile.sum_vector_step = isa::kLanes;
  tile.sum_pixel_step = static_cast<size_t>(output.shape.c);
  tile.pixels = output.shape.w;
  tile.vectors = (output.shape.c + isa::kLanes - 1) / isa::kLanes;
  tile.channels = output.shape.c;
  tile.a = tail.scale->data();
  tile.c = tail.shift->data();
  tile.act = tail.act;
  tile.positive = tail.positive.data();
  tile.negative = tail.negative.data();
  tile.residual = target.residual;
  tile.z = target.z;
  tile.stride = static_cast<size_t>(output.shape.c);
  if (target.bits != nullptr) tile.bits = target.bits + target.layout.Offset(h, 0);
  tile.bit_stride = target.layout.pixel_bytes;
  tile.compare = target.compare;
  tile.threshold = target.threshold;
  simd.finish(tile);
}

CpuStepPtr MakeMap(int input, Tail tail, const Output& output, const isa::FloatLoops& simd) {
  return std::make_unique<MapStep>(input, std::move(tail), output, simd);
}

CpuStepPtr MakeRowFunction(RowFunction function, int input, Tail tail, const Output& output,
                           const isa::FloatLoops& simd) {
  return std::make_unique<RowFunctionStep>(std::move(function), input, std::move(tail), output,
                                           simd);
}

}  // namespace adabin::schedule
