// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_DETECTION_SUPPRESSION_H_
#define ADABIN_DETECTION_SUPPRESSION_H_

#include <cstddef>
#include <vector>

#include "detection/detections.h"

namespace adabin::detection {

// Boxes of one class that no better one overlaps too much.
class Suppression {
 public:
  // At most `most` boxes are kept at a time.
  Suppression(size_t most, double nms_iou);

  void Clear();
  // Whether the box is kept: it overlaps none of those kept before by more than nms_iou.
  bool Keep(const Box& box);

 private:
  // Boxes side by side; those that are none have no area, and overlap nothing.
  static constexpr size_t kLanes = 8;
  struct Block {
    float x1[kLanes] = {}, y1[kLanes] = {}, x2[kLanes] = {}, y2[kLanes] = {}, area[kLanes] = {};
  };
  bool Overlaps(const Block& block, const Box& box, float area) const;

  float of_common_;  // 1 + nms_iou
  float of_areas_;   // nms_iou
  std::vector<Block> blocks_;
  size_t count_ = 0;
};

}  // namespace adabin::detection

#endif  // ADABIN_DETECTION_SUPPRESSION_H_
