// SPDX-License-Identifier: Apache-2.0
//
// From a detector's outputs to the objects that it sees in a picture: what
// src/adabin/detection/decoding.py does, with the same results. All is computed in float32 and in
// NumPy's order, so that what lies on a limit falls on the same side.
#ifndef ADABIN_DETECTION_DETECTIONS_H_
#define ADABIN_DETECTION_DETECTIONS_H_

#include <span>
#include <vector>

#include "detection/priors.h"
#include "detection/rules.h"

namespace adabin::detection {

// Corners, in fractions of the picture, continuous: no pixel is added anywhere.
struct Box {
  float x1 = 0;
  float y1 = 0;
  float x2 = 0;
  float y2 = 0;
  bool operator==(const Box&) const = default;
};

struct Detection {
  Box box;          // within 0..1, of positive width and height
  int label = 0;    // the class, from 0; the background is none
  float score = 0;  // its softmax
  bool operator==(const Detection&) const = default;
};

// Of each class the max_detections best boxes above min_score are looked at, best first: one that
// overlaps a better one that was kept by more than nms_iou is dropped. The max_detections best of
// all classes together are given, best first. Boxes are clipped to the picture before they are
// compared, and those outside it are dropped. Of equal scores the lower class, then the lower prior
// comes first.
//
// `locations` are offsets (P, 4) from the P priors: center x and y, logarithms of width and height;
// `logits` are (P, 1 + num_classes), the background first.
//
// Throws Error for rules out of range, outputs of another size, and values that are not finite.
std::vector<Detection> Detect(std::span<const float> locations, std::span<const float> logits,
                              std::span<const Prior> priors, const Rules& rules);

// Corners in pixels, not rounded: from the left edge of a box's first pixel to the right edge of
// its last.
struct PixelBox {
  double x1 = 0;
  double y1 = 0;
  double x2 = 0;
  double y2 = 0;
  bool operator==(const PixelBox&) const = default;
};

// Throws Error where a side of the picture is below 1.
PixelBox InPixels(const Box& box, int height, int width);

}  // namespace adabin::detection

#endif  // ADABIN_DETECTION_DETECTIONS_H_
