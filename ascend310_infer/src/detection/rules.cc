// SPDX-License-Identifier: Apache-2.0
#include "detection/rules.h"

#include <sstream>
#include <string>

#include "base/error.h"

namespace adabin::detection {
namespace {

template <typename T>
[[noreturn]] void Fail(const char* key, T value, const std::string& way_out) {
  std::ostringstream line;
  line << key << ": " << value << " is out of range; give " << way_out;
  throw Error(line.str());
}

}  // namespace

// Each comparison is false for NaN.
void Check(const Rules& rules) {
  if (rules.num_classes < 1) Fail("num_classes", rules.num_classes, "1 or more");
  if (!(rules.min_score >= 0 && rules.min_score < 1)) {
    Fail("min_score", rules.min_score, "0 or more, below 1");
  }
  if (!(rules.nms_iou >= 0 && rules.nms_iou <= 1)) Fail("nms_iou", rules.nms_iou, "0 to 1");
  if (rules.max_detections < 1 || rules.max_detections > kMostDetections) {
    Fail("max_detections", rules.max_detections, "1 to " + std::to_string(kMostDetections));
  }
  for (const double variance : rules.variances) {
    if (!(variance > 0 && variance <= 1)) Fail("variances", variance, "numbers above 0, up to 1");
  }
}

}  // namespace adabin::detection
