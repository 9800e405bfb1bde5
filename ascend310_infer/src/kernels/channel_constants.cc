// SPDX-License-Identifier: Apache-2.0
#include "kernels/channel_constants.h"

#include "kernels/place_tile.h"

namespace adabin::kernels {

void FinishRow(const isa::FloatLoops& simd, const ChannelConstants& after, const Shape& map, int h,
               const float* sums, const Target& target) {
  isa::FinishTile tile;
  tile.sums = sums;
  tile.sum_vector_step = isa::kLanes;
  tile.sum_pixel_step = static_cast<size_t>(map.c);
  tile.pixels = map.w;
  after.Place(0, &tile);
  StartTiles(map, target, &tile);
  PlaceTile(map, target, h, 0, 0, 0, static_cast<int>(after.size()) / isa::kLanes, &tile);
  simd.finish(tile);
}

}  // namespace adabin::kernels
