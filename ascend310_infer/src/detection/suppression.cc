// SPDX-License-Identifier: Apache-2.0
#include "detection/suppression.h"

#include <algorithm>

namespace adabin::detection {

Suppression::Suppression(size_t most, double nms_iou)
    : of_common_(static_cast<float>(1 + nms_iou)),
      of_areas_(static_cast<float>(nms_iou)),
      blocks_((most + kLanes - 1) / kLanes) {}

void Suppression::Clear() {
  std::fill_n(blocks_.begin(), (count_ + kLanes - 1) / kLanes, Block{});
  count_ = 0;
}

bool Suppression::Keep(const Box& box) {
  const float area = (box.x2 - box.x1) * (box.y2 - box.y1);
  const size_t blocks = (count_ + kLanes - 1) / kLanes;
  for (size_t i = 0; i < blocks; ++i) {
    if (Overlaps(blocks_[i], box, area)) return false;
  }
  Block& block = blocks_[count_ / kLanes];
  const size_t lane = count_ % kLanes;
  block.x1[lane] = box.x1;
  block.y1[lane] = box.y1;
  block.x2[lane] = box.x2;
  block.y2[lane] = box.y2;
  block.area[lane] = area;
  ++count_;
  return true;
}

bool Suppression::Overlaps(const Block& block, const Box& box, float area) const {
  int over = 0;
  for (size_t i = 0; i < kLanes; ++i) {
    const float right = block.x2[i] < box.x2 ? block.x2[i] : box.x2;
    const float left = block.x1[i] > box.x1 ? block.x1[i] : box.x1;
    const float bottom = block.y2[i] < box.y2 ? block.y2[i] : box.y2;
    const float top = block.y1[i] > box.y1 ? block.y1[i] : box.y1;
    const float width = right - left > 0 ? right - left : 0;
    const float height = bottom - top > 0 ? bottom - top : 0;
    // common > nms_iou * (area + area' - common), without a quotient
    over |= of_common_ * (width * height) > of_areas_ * (block.area[i] + area);
  }
  return over != 0;
}

}  // namespace adabin::detection
