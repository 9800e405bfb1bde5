// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_KERNELS_CONV2D_H_
#define ADABIN_KERNELS_CONV2D_H_

#include <cstddef>
#include <memory>
#include <span>

#include "base/conv_geometry.h"
#include "base/epilogue.h"
#include "isa/isa.h"

namespace adabin::kernels {

// A full-precision convolution with what follows it. A dense layer is the one whose map is a pixel.
struct Conv2DParams {
  ConvGeometry geometry;
  std::span<const float> weights;  // OIHW; copied
  Epilogue after;
  bool reads_nchw = false;  // the input is NCHW, else NHWC
  int map_channels = 0;     // of the map of which the input's channels are neighbors; 0: no others
  // Averages the input first: geometry.in is what this yields.
  const ConvGeometry* average = nullptr;
};

// Feature maps are those of one sample. Results depend on neither blocks nor rows of a call, nor on
// the instruction set as long as it has fused multiply-add.
class Conv2D {
 public:
  virtual ~Conv2D() = default;
  virtual int blocks() const { return 1; }
  virtual size_t scratch_bytes() const = 0;
  // Before the first Run on a map: scratch keeps what the following ones can use again of the
  // input.
  virtual void Start(std::byte*) const {}
  virtual void Run(const float* x, const Work& work, const Target& target,
                   std::byte* scratch) const = 0;
};

// Whether the fast implementation of one group, which alone knows `reads_nchw` and `average`, takes
// it: finite weights, padding that can be laid out in memory.
bool FitsRows(const Conv2DParams& params);

std::unique_ptr<Conv2D> CreateConv2D(const Conv2DParams& params, const isa::FloatLoops& simd);
std::unique_ptr<Conv2D> CreatePlainConv2D(const Conv2DParams& params);
// The direct sum, by rows; for what FitsRows takes.
std::unique_ptr<Conv2D> CreateRowConv2D(const Conv2DParams& params, const isa::FloatLoops& simd);
// Any number of groups, each by rows; for what FitsRows takes of one of them.
std::unique_ptr<Conv2D> CreateGroupedConv2D(const Conv2DParams& params,
                                            const isa::FloatLoops& simd);
// As many groups as channels before and behind; null for what it does not know.
std::unique_ptr<Conv2D> CreateDepthwiseConv2D(const Conv2DParams& params,
                                              const isa::FloatLoops& simd);
// Fewer multiplications; null for what it does not know.
std::unique_ptr<Conv2D> CreateWinogradConv2D(const Conv2DParams& params,
                                             const isa::FloatLoops& simd);
std::unique_ptr<Conv2D> CreateWinograd3Conv2D(const Conv2DParams& params,
                                              const isa::FloatLoops& simd);

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_CONV2D_H_
