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
  f->stride = target.stride != 0 ? target.stride : static_cast<size_t>(out.c);
  f->compare = target.compare;
  f->threshold = target.threshold;
  f->bit_stride = target.layout.pixel_bytes;
}

// After StartTiles: `vectors` vectors of channels from `first` on, and pixels from (h, column) on;
// row h is number `index` among those of the target.
inline void PlaceTile(const Shape& out, const Target& target, int h, int index, int column,
                      size_t first, int vectors, isa::FinishTile* f) {
  f->vectors = vectors;
  f->channels = std::min(out.c - static_cast<int>(first), vectors * isa::kLanes);
  const size_t pixel =
      static_cast<size_t>(index) * static_cast<size_t>(out.w) + static_cast<size_t>(column);
  const size_t at = pixel * f->stride + first;
  f->residual = target.residual == nullptr ? nullptr : target.residual + at;
  f->z = target.z == nullptr ? nullptr : target.z + at;
  f->bits =
      target.bits == nullptr ? nullptr : target.bits + target.layout.Offset(h, column) + first / 8;
}

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_PLACE_TILE_H_
