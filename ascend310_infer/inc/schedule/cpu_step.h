// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_SCHEDULE_CPU_STEP_H_
#define ADABIN_SCHEDULE_CPU_STEP_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "isa/isa.h"
#include "kernels/bconv2d.h"
#include "kernels/conv2d.h"
#include "kernels/maximum_bits.h"

namespace adabin::schedule {

// One sample on its way through the network. Buffers are numbered by the schedule; -1 is none.
struct Frame {
  const float* const* inputs = nullptr;  // NCHW, one per input of the network
  std::byte* arena = nullptr;
  const size_t* offsets = nullptr;
  float* const* outputs = nullptr;  // NCHW, one per output of the network

  std::byte* Bytes(int buffer) const { return buffer < 0 ? nullptr : arena + offsets[buffer]; }
  float* Floats(int buffer) const { return reinterpret_cast<float*>(Bytes(buffer)); }
};
constexpr int kNoBuffer = -1;
constexpr int kNetworkInput = -2;  // the first, where a step can read NCHW

// Where a step's result goes: a target with buffers in place of its pointers.
struct Output {
  Shape shape;
  int residual = kNoBuffer;
  int z = kNoBuffer;
  int bits = kNoBuffer;
  Target target;

  Target At(const Frame& frame, int row) const;
};

// One pass over memory, ready to run. Any rows and blocks may be computed in any order, by any
// thread; the next step begins when all are.
class CpuStep {
 public:
  virtual ~CpuStep() = default;
  virtual int rows() const = 0;
  virtual int blocks() const { return 1; }
  virtual size_t scratch_bytes() const { return 0; }
  virtual void Run(const Frame& frame, const Work& work, std::byte* scratch) const = 0;

  std::string description;  // a line for the reader
  bool packed = false;      // a binary layer that runs on bits
};
using CpuStepPtr = std::unique_ptr<CpuStep>;

CpuStepPtr MakeConv(std::unique_ptr<kernels::BConv2D> conv, int bits, const BitLayout& layout,
                    const Output& output);
CpuStepPtr MakeConv(std::unique_ptr<kernels::Conv2D> conv, int input, const Output& output);
// A convolution whose map only a maximum pooling sees: `row` is the shape of the map.
CpuStepPtr MakePooled(std::unique_ptr<kernels::BConv2D> conv, int bits, const BitLayout& layout,
                      const ConvGeometry& pool, const Epilogue& after, const Output& output,
                      const isa::FloatLoops& simd);
// The same where bits alone are wanted.
CpuStepPtr MakePooled(std::unique_ptr<kernels::BConv2D> conv, int bits, const BitLayout& layout,
                      const ConvGeometry& pool, kernels::MaximumBits wanted, const Output& output);
CpuStepPtr MakePooled(std::unique_ptr<kernels::Conv2D> conv, int input, const ConvGeometry& pool,
                      const Epilogue& after, const Output& output, const isa::FloatLoops& simd);
CpuStepPtr MakeMaxPool(const ConvGeometry& pool, int input, const Epilogue& after,
                       const Output& output, const isa::FloatLoops& simd);
CpuStepPtr MakeAvgPool(const ConvGeometry& pool, const PoolDivisor& divisor, int input,
                       const Epilogue& after, const Output& output, const isa::FloatLoops& simd);
// The epilogue of an existing map.
CpuStepPtr MakeMap(int input, const Epilogue& after, const Output& output,
                   const isa::FloatLoops& simd);
// A function of a row of pixels, of which it makes another: (x, z), which do not overlap.
using RowFunction = std::function<void(const float*, float*)>;
CpuStepPtr MakeRowFunction(RowFunction function, int input, const Epilogue& after,
                           const Output& output, const isa::FloatLoops& simd);
// A function of any of so many parts: fn(frame, part).
template <typename Fn>
CpuStepPtr MakeParts(int parts, Fn fn) {
  class Parts : public CpuStep {
   public:
    Parts(int count, Fn f) : parts_(count), fn_(std::move(f)) {}
    int rows() const override { return parts_; }
    void Run(const Frame& frame, const Work& work, std::byte*) const override {
      for (int part = work.row_begin; part < work.row_end; ++part) fn_(frame, part);
    }

   private:
    int parts_;
    Fn fn_;
  };
  return std::make_unique<Parts>(parts, std::move(fn));
}
// A function of the whole map: fn(frame).
template <typename Fn>
CpuStepPtr MakeWhole(Fn fn) {
  return MakeParts(1, [fn = std::move(fn)](const Frame& frame, int) { fn(frame); });
}

}  // namespace adabin::schedule

#endif  // ADABIN_SCHEDULE_CPU_STEP_H_
