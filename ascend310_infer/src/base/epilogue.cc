// SPDX-License-Identifier: Apache-2.0
#include "base/epilogue.h"

#include <algorithm>

namespace adabin {

void FinishPixel(const Epilogue& epilogue, const Target& target, int h, int row, int w, int width,
                 int channels, float* z) {
  const int64_t at = (int64_t{row} * width + w) * channels;
  epilogue.Apply(z, target.residual == nullptr ? nullptr : target.residual + at, channels);
  if (target.z != nullptr) std::copy_n(z, channels, target.z + at);
  if (target.bits == nullptr) return;
  const BitLayout pixel{{channels, 1, 1}, {}, target.layout.pixel_bytes, target.layout.pixel_bytes};
  PackBits(z, target.compare, target.threshold, pixel, target.bits + target.layout.Offset(h, w), 0,
           1);
}

}  // namespace adabin
