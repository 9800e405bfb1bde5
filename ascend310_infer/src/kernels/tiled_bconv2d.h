// SPDX-License-Identifier: Apache-2.0
//
// What the vector kernels share: everything but the counting of one output row.
#ifndef ADABIN_KERNELS_TILED_BCONV2D_H_
#define ADABIN_KERNELS_TILED_BCONV2D_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/bconv2d.h"
#include "simd/finish.h"

namespace adabin::kernels {

// One row of outputs of one block of channels.
struct BConvRow {
  // Under the kernel of the row's first pixel the bits lie in `segments` stretches of
  // `segment_words` 32-bit words each, out-of-image rows left out. Those of the next pixel lie
  // `pixel_bytes` further.
  const std::byte* const* segment = nullptr;
  int segments = 0;
  int segment_words = 0;
  size_t pixel_bytes = 0;
  const std::byte* weights = nullptr;  // as BConvRowKernel::nibbles says
  int vectors = 0;
  int width = 0;
  simd::FinishTile finish;       // of the first pixel; `sums` and `pixels` are left open
  std::byte* scratch = nullptr;  // kRowScratch bytes, aligned
};
constexpr size_t kRowScratch = 16384;

// The instruction set's part.
struct BConvRowKernel {
  // Weights are 32-bit words, [segment][word][vectors x 16], or those words' eight groups of four
  // bits in a byte each, low ones first: [segment][word][8][vectors x 16].
  bool nibbles;
  void (*run)(const BConvRow& row);
  // counts[x] = ones of pixel x, of `pixels` pixels of `pixel_bytes` each.
  void (*count_pixels)(const std::byte* bits, size_t pixel_bytes, int pixels, int32_t* counts);
  // ones[x] = sum over `rows` rows of counts, `step` numbers apart, and over `taps` numbers in
  // each, `dilation` apart, from number x * stride on; `columns` is room for the sum over rows.
  void (*sum_windows)(const int32_t* counts, size_t step, int rows, int columns_used, int taps,
                      int stride, int dilation, int width, int32_t* columns, float* ones);
};

// Convolutions of one group. `kernel` outlives the result.
std::unique_ptr<BConv2D> CreateTiledBConv2D(const BConv2DParams& params,
                                            const BConvRowKernel& kernel);

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_TILED_BCONV2D_H_
