// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_DETECTION_PRIORS_H_
#define ADABIN_DETECTION_PRIORS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace adabin::detection {

// All lengths are fractions of the picture.

struct PriorShape {
  double width = 0;
  double height = 0;
  bool operator==(const PriorShape&) const = default;
};

// A map that a detector looks at, as the description of an exported file has it under `maps`.
struct PriorMap {
  int side = 0;                    // cells of a row, and of a column
  double step = 0;                 // from the center of a cell to the next one's
  std::vector<PriorShape> shapes;  // the priors of a cell
  bool operator==(const PriorMap&) const = default;
};

// A box that a row of the network's outputs is relative to.
struct Prior {
  float center_x = 0;
  float center_y = 0;
  float width = 0;
  float height = 0;
  bool operator==(const Prior&) const = default;
};

constexpr int64_t kMaxPriors = int64_t{1} << 26;

// How many priors the maps make. Throws Error naming what cannot be used: a side below 1, a step or
// a shape that is not a positive number, a cell without shapes, more than kMaxPriors in all.
int64_t CountPriors(std::span<const PriorMap> maps);

// Map by map, row by row, cell by cell, shape by shape: ((column + 0.5) step, (row + 0.5) step,
// width, height), none of the four above 1. To the last bit what Python's ssd_priors gives, where
// the maps are those of its prior_maps.
//
// Throws Error as CountPriors does, and where the maps make another number than `rows`, those of
// the network's outputs; no memory is taken before that is known.
std::vector<Prior> MakePriors(std::span<const PriorMap> maps, size_t rows);

}  // namespace adabin::detection

#endif  // ADABIN_DETECTION_PRIORS_H_
