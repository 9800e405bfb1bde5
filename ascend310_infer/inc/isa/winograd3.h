// SPDX-License-Identifier: Apache-2.0
//
// A 3x3 convolution of stride 1 on channels-last maps by fewer multiplications, without
// approximation: Toom-Cook on tiles of 2x2 outputs, 16 products a channel in place of 36
// multiply-adds. With points 0, 1, -1 all factors are 1, -1 and 1/2. Errors for 512 channels of
// random inputs and weights: root of their mean squares 1.5 to 1.7 times that of the direct float
// sum, the largest 1.3 to 1.6 times, 5e-7 of the largest output.
#ifndef ADABIN_ISA_WINOGRAD3_H_
#define ADABIN_ISA_WINOGRAD3_H_

#include <cstddef>

#include "isa/toom_cook.h"

namespace adabin::isa {

constexpr int kSquareTaps = 3, kSquareOutputs = 2;
constexpr int kSquareInputs = kSquareOutputs + kSquareTaps - 1;
constexpr int kSquareProducts = kSquareInputs * kSquareInputs;
constexpr auto kSquare = MakeToomCook<kSquareOutputs, kSquareTaps>({0, 1, -1, kInfinity});

// A row of tiles, to their products' terms.
struct SquarePixels {
  const float* const* pixel = nullptr;  // [kSquareInputs][2 x tiles + 2]: under the tiles
  int tiles = 0;
  int channels = 0;
  float* out = nullptr;  // [kSquareProducts][tile][channel], rounded up to whole vectors
  size_t product_step = 0;
  size_t tile_step = 0;
};

// A row of tiles' products, to sums.
struct SquareSums {
  const float* products = nullptr;  // [kSquareProducts][tile][vectors x 16]
  size_t product_step = 0;
  int tiles = 0;
  int vectors = 0;
  float* sums = nullptr;  // [kSquareOutputs][vectors][2 x tiles][16]
};

}  // namespace adabin::isa

#endif  // ADABIN_ISA_WINOGRAD3_H_
