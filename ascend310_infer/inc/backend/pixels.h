// SPDX-License-Identifier: Apache-2.0
//
// Pictures as they come from a decoder, and as a network wants them.
#ifndef ADABIN_BACKEND_PIXELS_H_
#define ADABIN_BACKEND_PIXELS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/conv_geometry.h"

namespace adabin::backend {

// (v / 255 - mean) / std in float32, in this order: the numbers that preprocess.py gives.
class PixelTable {
 public:
  // One mean and std per channel.
  PixelTable(std::span<const float> mean, std::span<const float> std);

  // Rows [row_begin, row_end) of a picture: uint8 HWC to float32 CHW.
  void Normalize(const Shape& shape, const uint8_t* hwc, int row_begin, int row_end,
                 float* chw) const;

 private:
  std::vector<float> values_;  // 256 per channel
};

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_PIXELS_H_
