// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_ISA_BCONV_ROW_H_
#define ADABIN_ISA_BCONV_ROW_H_

#include <cstddef>
#include <cstdint>

#include "isa/finish.h"

namespace adabin::isa {

constexpr int kCodesPerStep = 3;

// Steps of a segment, see BConvRow.
struct StepRange {
  int begin = 0;
  int end = 0;
};

// One row of outputs of one block of channels.
struct BConvRow {
  // Under the kernel of the row's first pixel the bits, or their codes, lie in `segments` stretches
  // of `segment_steps` 32-bit words, or groups of kCodesPerStep codes, out-of-image rows left out.
  // Those of the next pixel lie `pixel_bytes` further.
  const std::byte* const* segment = nullptr;
  int segments = 0;
  int segment_steps = 0;
  size_t pixel_bytes = 0;
  // The steps that can meet a one under the first and under the last pixel: not all, where columns
  // of taps lie outside the image.
  StepRange first_steps, last_steps;
  const std::byte* weights = nullptr;  // see BConvRowKernel::encode
  int vectors = 0;
  int width = 0;
  FinishTile finish;             // of the first pixel; `sums` and `pixels` are left open
  std::byte* scratch = nullptr;  // kRowScratch bytes, aligned
};
constexpr size_t kRowScratch = 16384;

// The instruction set's part.
struct BConvRowKernel {
  // Null for kernels that read bits; their weights are 32-bit words, [segment][word][vectors x 16].
  // Others read codes of four bits of a pixel (low half) and four of the pixel `distance` bytes
  // further (high half), times 16; this makes the codes of `bytes` bytes of a row, past whose end
  // all bits are 0. Their weights are four bits in a byte each, with zeros up to whole steps:
  // [segment][step][kCodesPerStep][vectors x 16]. There of every 32 channels (16, if the block has
  // no more) the first half has the even bytes, the second half the odd ones.
  void (*encode)(const std::byte* bits, size_t bytes, size_t distance, uint16_t* codes);
  void (*run)(const BConvRow& row);
  // counts[x] = ones of pixel x, of `pixels` pixels of `pixel_bytes` each.
  void (*count_pixels)(const std::byte* bits, size_t pixel_bytes, int pixels, int32_t* counts);
  // ones[x] = sum over `rows` rows of counts, `step` numbers apart, and over `taps` numbers in
  // each, `dilation` apart, from number x * stride on; `columns` is room for the sum over rows.
  void (*sum_windows)(const int32_t* counts, size_t step, int rows, int columns_used, int taps,
                      int stride, int dilation, int width, int32_t* columns, float* ones);
};

}  // namespace adabin::isa

#endif  // ADABIN_ISA_BCONV_ROW_H_
