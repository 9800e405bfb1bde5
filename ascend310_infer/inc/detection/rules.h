// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_DETECTION_RULES_H_
#define ADABIN_DETECTION_RULES_H_

#include <array>

namespace adabin::detection {

// `max_detections` of the config goes no further either: suppression compares each with each.
constexpr int kMostDetections = 200;

// How outputs become boxes; the names are those of the config's keys, and of the description of an
// exported file.
struct Rules {
  int num_classes = 0;      // without the background
  double min_score = 0.01;  // a box is looked at where its score is above this
  double nms_iou = 0.45;    // one that overlaps a better one by more than this is dropped
  int max_detections = kMostDetections;  // looked at of a class, and given of all classes
  // Of the offsets of the centers, and of the logarithms of the sides.
  std::array<double, 2> variances = {0.1, 0.2};

  bool operator==(const Rules&) const = default;
};

// Throws Error naming the key whose value is out of its range.
void Check(const Rules& rules);

}  // namespace adabin::detection

#endif  // ADABIN_DETECTION_RULES_H_
