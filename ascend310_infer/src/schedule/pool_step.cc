// SPDX-License-Identifier: Apache-2.0
//
// Poolings that stand alone: of a map that something else reads too, or that no convolution makes.
#include <utility>

#include "kernels/pool.h"
#include "schedule/cpu_step.h"
#include "schedule/finish_row.h"

namespace adabin::schedule {
namespace {

// `Pool` computes rows of the pooled map: (simd, geometry, x, row_begin, row_end, out).
template <typename Pool>
class PoolStep : public CpuStep {
 public:
  PoolStep(Pool pool, const ConvGeometry& geometry, int input, Tail tail, const Output& output,
           const isa::FloatLoops& simd)
      : pool_(pool),
        geometry_(geometry),
        input_(input),
        tail_(std::move(tail)),
        output_(output),
        simd_(simd) {}
  int rows() const override { return output_.shape.h; }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(geometry_.out.w) * static_cast<size_t>(geometry_.out.c) *
           sizeof(float);
  }
  void Run(const Frame& frame, const Work& work, std::byte* scratch) const override {
    auto* row = reinterpret_cast<float*>(scratch);
    for (int h = work.row_begin; h < work.row_end; ++h) {
      pool_(simd_, geometry_, frame.Floats(input_), h, h + 1, row);
      FinishRow(simd_, tail_, output_, frame, h, row);
    }
  }

 private:
  Pool pool_;
  ConvGeometry geometry_;
  int input_;
  Tail tail_;
  Output output_;
  const isa::FloatLoops& simd_;
};

}  // namespace

CpuStepPtr MakeMaxPool(const ConvGeometry& pool, int input, Tail tail, const Output& output,
                       const isa::FloatLoops& simd) {
  return std::make_unique<PoolStep<decltype(&kernels::MaxPoolRows)>>(
      kernels::MaxPoolRows, pool, input, std::move(tail), output, simd);
}

CpuStepPtr MakeAvgPool(const ConvGeometry& pool, const PoolDivisor& divisor, int input, Tail tail,
                       const Output& output, const isa::FloatLoops& simd) {
  const auto rows = [divisor](const isa::FloatLoops& loops, const ConvGeometry& g, const float* x,
                              int row_begin, int row_end, float* out) {
    kernels::AvgPoolRows(loops, g, x, row_begin, row_end, out, divisor);
  };
  return std::make_unique<PoolStep<decltype(rows)>>(rows, pool, input, std::move(tail), output,
                                                    simd);
}

}  // namespace adabin::schedule
