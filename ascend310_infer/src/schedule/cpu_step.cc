// SPDX-License-Identifier: Apache-2.0
#include "schedule/cpu_step.h"

#include <utility>

#include "schedule/conv_source.h"

namespace adabin::schedule {
namespace {

template <typename Source>
class ConvStep : public CpuStep {
 public:
  ConvStep(Source source, const Output& output) : source_(std::move(source)), output_(output) {
    packed = Source::kPacked;
  }
  int rows() const override { return output_.shape.h; }
  int blocks() const override { return source_.blocks(); }
  size_t scratch_bytes() const override { return source_.scratch_bytes(); }
  void Run(const Frame& frame, const Work& work, std::byte* scratch) const override {
    source_.Start(scratch);
    source_.Run(frame, work, output_.At(frame, work.row_begin), scratch);
  }

 private:
  Source source_;
  Output output_;
};

}  // namespace

Target Output::At(const Frame& frame, int row) const {
  const int64_t at = int64_t{row} * shape.w * shape.c;
  Target to = target;
  if (residual >= 0) to.residual = frame.Floats(residual) + at;
  if (z >= 0) to.z = frame.Floats(z) + at;
  to.bits = frame.Bytes(bits);
  return to;
}

CpuStepPtr MakeConv(std::unique_ptr<kernels::BConv2D> conv, int bits, const BitLayout& layout,
                    const Output& output) {
  return std::make_unique<ConvStep<BinarySource>>(BinarySource(std::move(conv), bits, layout),
                                                  output);
}

CpuStepPtr MakeConv(std::unique_ptr<kernels::Conv2D> conv, int input, const Output& output) {
  return std::make_unique<ConvStep<FloatSource>>(FloatSource(std::move(conv), input), output);
}

}  // namespace adabin::schedule
