// SPDX-License-Identifier: Apache-2.0
//
// The vector loops under the full-precision layers. Every instruction set does the same operations
// on each element in the same order, so that results differ only where a CPU lacks fused
// multiply-add.
#ifndef ADABIN_ISA_FLOAT_LOOPS_H_
#define ADABIN_ISA_FLOAT_LOOPS_H_

#include <cstddef>

#include "isa/finish.h"
#include "isa/winograd.h"
#include "isa/winograd3.h"

namespace adabin::isa {

// One row of outputs of a float convolution, for one block of channels. Under the kernel of the
// row's first pixel the input lies in segments of neighboring floats; those of the next pixel lie
// `pixel_step` floats further.
struct ConvRow {
  struct Segment {
    const float* x;
    const float* weights;  // [length][vectors x 16]
    int length;
  };
  const Segment* segment = nullptr;
  int segments = 0;
  size_t pixel_step = 0;
  int vectors = 0;  // 1, 2 or 4
  int width = 0;
  FinishTile finish;         // of the first pixel; what speaks of sums is left open
  float* scratch = nullptr;  // kConvScratch floats, aligned to 64 bytes
};
constexpr int kConvChunk = 24;  // pixels whose sums wait there to be finished together
constexpr size_t kConvScratch = 4 * kConvChunk * kLanes;
// A chain of additions is not longer than about this: float32 would lose digits.
constexpr int kMaxTerms = 256;

// Neighboring outputs of one row of a depthwise convolution that see the same taps, for one block
// of channels: output i = the sum over taps of x[tap][channel] * weights[tap][channel].
struct DepthwiseRow {
  const float* x = nullptr;  // under the first tap of the first output
  size_t next = 0;           // floats from output to output
  int rows = 0;              // of taps, all of which lie on the map
  size_t row_step = 0;
  int columns = 0;
  size_t column_step = 0;
  const float* weights = nullptr;  // of the first tap, readable up to a multiple of 16 channels
  size_t weight_row_step = 0;      // floats from row to row of taps
  size_t weight_step = 0;          // and from tap to tap
  int width = 0;                   // outputs
  FinishTile finish;               // of the first one; at most 4 vectors; sums are left open
  float* scratch = nullptr;        // kConvScratch floats, aligned to 64 bytes
};

// Windows of one row of outputs, each over the channels of its pixels.
struct Windows {
  const float* first = nullptr;  // pixel of the first window
  int count = 1;
  size_t next = 0;  // floats from window to window
  int rows = 0;
  size_t row_step = 0;
  int columns = 0;
  size_t column_step = 0;
  int channels = 0;
  float divisor = 1;     // of an average
  float* out = nullptr;  // [count][channels]
};

struct FloatLoops {
  const char* name;  // of their instruction set
  int max_vectors;   // of a ConvRow
  void (*conv_row)(const ConvRow& row);
  void (*depthwise)(const DepthwiseRow& row);
  void (*finish)(const FinishTile& tile);  // of floats
  void (*average)(const Windows& windows);
  void (*maximum)(const Windows& windows);  // NaN if one is in the window
  // out[i] = the largest of rows[.][i]; NaN as above.
  void (*maximum_of_rows)(const float* const* rows, int count, size_t size, float* out);
  // winograd.h
  int winograd_vectors;  // of WinogradTiles: so many or 1
  int winograd_tiles;
  // False if a number is not finite, or so large (2^88) that sums may not be.
  bool (*transform_row)(const WinogradRow& row);
  void (*transform_rows)(const WinogradRows& rows);
  void (*multiply_tiles)(const WinogradTiles& tiles);
  // winograd3.h; false as above
  bool (*are_small)(const float* x, size_t count);
  void (*transform_pixels)(const SquarePixels& pixels);
  void (*sum_squares)(const SquareSums& tiles);
};

}  // namespace adabin::isa

#endif  // ADABIN_ISA_FLOAT_LOOPS_H_
