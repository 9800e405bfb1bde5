// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_DETECTION_DECODE_H_
#define ADABIN_DETECTION_DECODE_H_

#include "detection/detections.h"
#include "detection/exponential.h"

namespace adabin::detection {

// The box that four offsets from a prior stand for, clipped to the picture: boxes.py, step by step.
// Finite for all finite offsets; outside the picture, a width or a height is 0.
inline Box Decode(const float* offsets, const Prior& prior, float variance_of_centers,
                  float variance_of_sides) {
  const auto side = [&](float offset, float of_prior) {
    constexpr float kLargestLog = 20;  // e^20 is beyond every picture and within float32
    const float log = offset * variance_of_sides;
    return of_prior * Exponential(log < kLargestLog ? log : kLargestLog);
  };
  const auto clipped = [](float x) { return x > 1 ? 1.0f : x > 0 ? x : 0.0f; };
  const float x = prior.center_x + offsets[0] * variance_of_centers * prior.width;
  const float y = prior.center_y + offsets[1] * variance_of_centers * prior.height;
  const float half_width = side(offsets[2], prior.width) / 2;
  const float half_height = side(offsets[3], prior.height) / 2;
  return {clipped(x - half_width), clipped(y - half_height), clipped(x + half_width),
          clipped(y + half_height)};
}

}  // namespace adabin::detection

#endif  // ADABIN_DETECTION_DECODE_H_
