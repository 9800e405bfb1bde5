// SPDX-License-Identifier: Apache-2.0
#include "schedule/cpu_step.h"

#include <algorithm>
#include <utility>

#include "kernels/channel_constants.h"
#include "kernels/pool.h"

namespace adabin::schedule {
namespace {

constexpr size_t kAlign = 64;
size_t RoundUp(size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

// Binary and float convolutions, told apart by what they read.
class BinarySource {
 public:
  BinarySource(std::unique_ptr<kernels::BConv2D> conv, int bits, const BitLayout& layout)
      : conv_(std::move(conv)), bits_(bits), layout_(layout) {}
  int blocks() const { return conv_->blocks(); }
  size_t scratch_bytes() const { return conv_->scratch_bytes(); }
  void Start(std::byte*) const {}
  void Run(const Frame& frame, const Work& work, const Target& target, std::byte* scratch) const {
    conv_->Run(frame.Bytes(bits_), layout_, work, target, scratch);
  }
  static constexpr bool kPacked = true;

 private:
  std::unique_ptr<kernels::BConv2D> conv_;
  int bits_;
  BitLayout layout_;
};

class FloatSource {
 public:
  FloatSource(std::unique_ptr<kernels::Conv2D> conv, int input)
      : conv_(std::move(conv)), input_(input) {}
  int blocks() const { return conv_->blocks(); }
  size_t scratch_bytes() const { return conv_->scratch_bytes(); }
  void Start(std::byte* scratch) const { conv_->Start(scratch); }
  void Run(const Frame& frame, const Work& work, const Target& target, std::byte* scratch) const {
    conv_->Run(input_ == kNetworkInput ? frame.inputs[0] : frame.Floats(input_), work, target,
               scratch);
  }
  static constexpr bool kPacked = false;

 private:
  std::unique_ptr<kernels::Conv2D> conv_;
  int input_;
};

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

// The maximum of a window is that of its columns' maxima: the rows that the convolution adds to a
// window shrink as soon as they are there, and a ring holds as many shrunk rows as the window is
// high.
template <typename Source>
class PooledStep : public CpuStep {
 public:
  PooledStep(Source source, const ConvGeometry& pool, const Epilogue& after, const Output& output,
             const isa::FloatLoops& simd)
      : source_(std::move(source)),
        pool_(pool),
        after_(after, output.shape.c),
        output_(output),
        simd_(simd) {
    packed = Source::kPacked;
  }
  int rows() const override { return output_.shape.h; }
  size_t scratch_bytes() const override {
    return RoundUp(source_.scratch_bytes()) + NewRowsBytes() +
           (static_cast<size_t>(pool_.kernel_h) + 1) * RowBytes(pool_.out.w) +
           RoundUp(static_cast<size_t>(pool_.kernel_h) * sizeof(float*));
  }
  void Run(const Frame& frame, const Work& work, std::byte* scratch) const override {
    std::byte* at = scratch + RoundUp(source_.scratch_bytes());
    auto* fresh = reinterpret_cast<float*>(at);
    at += NewRowsBytes();
    std::byte* ring = at;
    at += static_cast<size_t>(pool_.kernel_h) * RowBytes(pool_.out.w);
    auto* maximum = reinterpret_cast<float*>(at);
    auto** seen = reinterpret_cast<const float**>(at + RowBytes(pool_.out.w));
    const auto slot = [&](int h) {
      return reinterpret_cast<float*>(ring + static_cast<size_t>(h % pool_.kernel_h) *
                                                 RowBytes(pool_.out.w));
    };
    source_.Start(scratch);
    int done = -1;  // the last row of the convolution in the ring
    for (int oh = work.row_begin; oh < work.row_end; ++oh) {
      const int top = oh * pool_.stride_h - pool_.pad_top;
      const TapRange taps = ValidTaps(top, pool_.kernel_h, 1, pool_.in.h);
      const int begin = std::max(top + taps.begin, done + 1);
      if (begin < top + taps.end) {
        Target target;
        target.z = fresh;
        source_.Run(frame, {begin, top + taps.end, 0, source_.blocks()}, target, scratch);
        for (int h = begin; h < top + taps.end; ++h) {
          kernels::MaxPoolColumns(simd_, pool_, fresh + (h - begin) * RowFloats(), slot(h));
        }
        done = top + taps.end - 1;
      }
      for (int k = taps.begin; k < taps.end; ++k) seen[k - taps.begin] = slot(top + k);
      simd_.maximum_of_rows(seen, taps.end - taps.begin,
                            static_cast<size_t>(pool_.out.w) * static_cast<size_t>(pool_.out.c),
                            maximum);
      kernels::FinishRow(simd_, after_, output_.shape, oh, maximum, output_.At(frame, oh));
    }
  }

 private:
  int64_t RowFloats() const { return int64_t{pool_.in.w} * pool_.in.c; }
  size_t NewRowsBytes() const {
    return RoundUp(static_cast<size_t>(RowFloats() * std::min(pool_.kernel_h, pool_.in.h)) *
                   sizeof(float));
  }
  size_t RowBytes(int width) const {
    return RoundUp(static_cast<size_t>(width) * static_cast<size_t>(pool_.in.c) * sizeof(float));
  }

  Source source_;
  ConvGeometry pool_;
  kernels::ChannelConstants after_;
  Output output_;
  const isa::FloatLoops& simd_;
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

CpuStepPtr MakePooled(std::unique_ptr<kernels::BConv2D> conv, int bits, const BitLayout& layout,
                      const ConvGeometry& pool, const Epilogue& after, const Output& output,
                      const isa::FloatLoops& simd) {
  return std::make_unique<PooledStep<BinarySource>>(BinarySource(std::move(conv), bits, layout),
                                                    pool, after, output, simd);
}

CpuStepPtr MakePooled(std::unique_ptr<kernels::Conv2D> conv, int input, const ConvGeometry& pool,
                      const Epilogue& after, const Output& output, const isa::FloatLoops& simd) {
  return std::make_unique<PooledStep<FloatSource>>(FloatSource(std::move(conv), input), pool, after,
                                                   output, simd);
}

}  // namespace adabin::schedule
