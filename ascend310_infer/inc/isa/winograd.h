// SPDX-License-Identifier: Apache-2.0
//
// A 7x7 convolution of stride 2 by fewer multiplications, without approximation. Along each axis
// its even taps (four) meet even inputs only and its odd taps (three) odd ones: two filters of
// stride 1. Toom-Cook computes a tile of 2 x 3 outputs from 5 x 6 products per pair of filters;
// both filters take the same points (the shorter one all but the last), so that their products are
// summed before the one transform back: 297 multiply-adds a channel in place of 882.
//
// The size of the tile is a compromise with rounding errors. Root of their mean squares beside that
// of the direct float sum, random inputs and weights: 1.6 for tiles of 2x2, 1.9 for 2x3, 2.5 for
// 3x3, 3.0 for 2x4. For 2x3 the largest error is 1.7 times the direct sum's, 9e-7 of the largest
// output; on pixels (no negative values) both are about equal, on smooth images it is half: sums
// are shorter. Two rows fit the max pooling behind the convolution.
#ifndef ADABIN_ISA_WINOGRAD_H_
#define ADABIN_ISA_WINOGRAD_H_

#include <cstddef>

#include "isa/finish.h"
#include "isa/toom_cook.h"

namespace adabin::isa {

constexpr int kWinogradKernel = 7;
constexpr int kEvenTaps = 4, kOddTaps = 3;
constexpr int kTileRows = 2, kTileColumns = 3;
constexpr auto kEvenRows = MakeToomCook<kTileRows, kEvenTaps>({0, 1, -1, kInfinity, 2});
constexpr auto kOddRows = MakeToomCook<kTileRows, kOddTaps>({0, 1, -1, kInfinity});
constexpr auto kEvenColumns = MakeToomCook<kTileColumns, kEvenTaps>({0, 1, -1, 0.5, kInfinity, -2});
constexpr auto kOddColumns = MakeToomCook<kTileColumns, kOddTaps>({0, 1, -1, 0.5, kInfinity});
constexpr int kProductRows = kEvenRows.kProducts, kProductColumns = kEvenColumns.kProducts;
constexpr int kTransformedColumns = kEvenColumns.kProducts + kOddColumns.kProducts;
constexpr int kTileInputRows = 2 * kTileRows + kWinogradKernel - 2;

// Filters that have product number `product` of `products`.
constexpr int Phases(int product, int products) { return product + 1 < products ? 2 : 1; }
// Products of a tile per input channel.
constexpr int kTileTerms = kTransformedColumns * (kEvenRows.kProducts + kOddRows.kProducts);
// Order of products: by column, row, channel, filter of the row, filter of the column.
constexpr int FirstTerm(int row, int column) {
  int first = 0;
  for (int c = 0; c < column; ++c) first += Phases(c, kProductColumns);
  first *= kEvenRows.kProducts + kOddRows.kProducts;
  for (int r = 0; r < row; ++r) first += Phases(r, kProductRows) * Phases(column, kProductColumns);
  return first;
}

// A row of one input channel. Numbers of tiles are rounded up to whole vectors.
struct WinogradRow {
  const float* x = nullptr;
  int width = 0;
  int left = 0;             // padding
  float* planes = nullptr;  // [2 * kTileColumns][tiles + kLanes]: each column of the tiles; 0
                            // before the first row, so that padding is and stays 0
  float* out = nullptr;     // [kTransformedColumns][tiles]: even filter, then odd
  size_t tiles = 0;
};

// The transformed rows under a row of tiles.
struct WinogradRows {
  const float* row[kTileInputRows];  // [channel][kTransformedColumns][tiles]
  float* out = nullptr;              // [terms][tiles]
  size_t tiles = 0;
  int channels = 0;
};

struct WinogradTiles {
  const float* x = nullptr;        // [terms][step], of the first tile
  const float* weights = nullptr;  // [terms][vectors x 16]
  size_t step = 0;
  int channels = 0;  // of the input
  int vectors = 0;
  int tiles = 0;  // at most the set's
  float* scratch = nullptr;
  float* sums = nullptr;  // [kTileRows][vectors][kTileColumns x tiles][16]
};
// Floats of scratch and sums.
constexpr size_t WinogradScratch(int vectors, int tiles) {
  return static_cast<size_t>((kProductRows + kProductColumns * kTileRows) * vectors * tiles *
                             kLanes);
}
constexpr size_t WinogradSums(int vectors, int tiles) {
  return static_cast<size_t>(kTileRows * kTileColumns * vectors * tiles * kLanes);
}

}  // namespace adabin::isa

#endif  // ADABIN_ISA_WINOGRAD_H_
