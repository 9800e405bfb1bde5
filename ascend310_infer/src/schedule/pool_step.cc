// SPDX-License-Identifier: Apache-2.0
//
// Poolings that stand alone: of a map that something else reads too, or that no convolution makes.
#include <utility>

#include "kernels/channel_constants.h"
#include "kernels/pool.h"
#include "schedule/cpu_step.h"

namespace adabin::schedule {
namespace {

// `Pool` computes rows of the pooled map: (simd, geometry, x, row_begin, row_end, out).
template <typename Pool>
class PoolStep : public CpuStep {
 public:
  PoolStep(Pool pool, const ConvGeometry& geometry, int input, const Epilogue& after,
           const Output& output, const isa::FloatLoops& simd)
      : pool_(pool),
        geometry_(geometry),
        input_(input),
        after_(after, output.shape.c),
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
      kernels::FinishRow(simd_, after_, output_.shape, h, row, output_.At(frame, h));
    }
  }

 private:
  Pool pool_;
  ConvGeometry geometry_;
  int input_;
  kernels::ChannelConstants after_;
  Output output_;
  const isa::FloatLoops& simd_;
};

}  // namespace

CpuStepPtr MakeMaxPool(const ConvGeometry& pool, int input, const Epilogue& after,
                       const Output& output, const isa::FloatLoops& simd) {
  return std::make_unique<PoolStep<decltype(&kernels::MaxPoolRows)>>(kernels::MaxPoolRows, pool,
                                                                     input, after, output, simd);
}

CpuStepPtr MakeAvgPool(const ConvGeometry& pool, const PoolDivisor& divisor, int input,
                       const Epilogue& after, const Output& output, const isa::FloatLoops& simd) {
  const auto rows = [divisor](const isa::FloatLoops& loops, const ConvGeometry& g, const float* x,
                              int row_begin, int row_end, float* out) {
    kernels::AvgPoolRows(loops, g, x, row_begin, row_end, out, divisor);
  };
  return std::make_unique<PoolStep<decltype(rows)>>(rows, pool, input, after, output, simd);
}

}  // namespace adabin::schedule
