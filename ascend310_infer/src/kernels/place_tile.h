// SPDX-License-Identifier: Apache-2.0
//
// Where the tiles of a layer lie in its target.
#ifndef ADABIN_KERNELS_PLACE_TILE_H_
#define ADABIN_KERNELS_PLACE_TILE_H_

#include <algorithm>

#include "base/epilogue.h"
#include "isa/finish.h"

namespace adabin::kernels {

// What all tiles have in common.
inline void StartTiles(const Shape& out, const Target& target, isa::FinishTile* f) {
  f->to = target;
  if (f->to.stride == 0) f->to.stride = static_cast<size_t>(out.c);
}

// After StartTiles: `vectors` vectors of channels from `first` on, and pixels from (h, column) on;
// row h is number `index` among those of the target.
inline void PlaceTile(const Shape& out, const Target& target, int h, int index, int column,
                      size_t first, int vectors, isa::FinishTile* f) {
  f->vectors = vectors;
  f->channels = std::min(out.c - static_cast<int>(first), vectors * isa::kLanes);
  const size_t pixel =
      static_cast<size_t>(index) * static_cast<size_t>(out.w) + static_cast<size_t>(column);
  const size_t at = pixel * f->to.stride + first;
  if (target.residual != nullptr) f->to.residual = target.residual + at;
  if (target.z != nullptr) f->to.z = target.z + at;
  if (target.thresholds != nullptr) f->to.thresholds = target.thresholds + first;
  if (target.bits != nullptr) {
    f->to.bits = target.bits + target.layout.Offset(h, column) + first / 8;
  }
}

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_PLACE_TILE_H_
