// SPDX-License-Identifier: Apache-2.0
//
// The end of a layer on a tile of outputs that is still in the first-level cache.
#ifndef ADABIN_ISA_FINISH_H_
#define ADABIN_ISA_FINISH_H_

#include <cstddef>
#include <cstdint>

#include "base/epilogue.h"

namespace adabin::isa {

constexpr int kLanes = 16;  // channels per vector, on every instruction set

// `pixels` neighboring outputs of one row, `vectors` x 16 channels of each. Pointers are to the
// first channel of the tile and, where they go by pixel, to its first pixel.
struct FinishTile {
  const void* sums = nullptr;  // counts, or float32
  size_t sum_vector_step = 0;  // numbers from vector to vector
  size_t sum_pixel_step = 0;   // and from pixel to pixel
  int pixels = 0;
  int vectors = 0;
  int channels = 0;  // of the vectors x 16; the rest is not written

  // Constants of channels are readable up to a multiple of 16. Of counts x = a * sum + (b * ones +
  // c[offset]), of floats x is the sum.
  const float* a = nullptr;
  const float* b = nullptr;
  const float* c = nullptr;
  const int32_t* c_offset = nullptr;  // per pixel
  const float* ones = nullptr;        // per pixel
  // The Epilogue of x. Null: 1 and 0; of counts both or none.
  const float* scale = nullptr;
  const float* shift = nullptr;
  Activation act = Activation::kNone;
  const float* positive = nullptr;
  const float* negative = nullptr;

  Target to;  // its pointers go to the tile, as above
};

}  // namespace adabin::isa

#endif  // ADABIN_ISA_FINISH_H_
