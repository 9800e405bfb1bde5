// SPDX-License-Identifier: Apache-2.0
//
// A case of tests/golden/detections, which tests/golden/make_detections.py writes.
#ifndef ADABIN_TESTS_DETECTION_CASE_H_
#define ADABIN_TESTS_DETECTION_CASE_H_

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "detection/detections.h"

namespace adabin {

struct DetectionCase {
  detection::Rules rules;
  std::vector<detection::Prior> priors;
  std::vector<float> outputs;
  std::vector<detection::Detection> expected;

  std::span<const float> locations() const { return std::span(outputs).first(4 * priors.size()); }
  std::span<const float> logits() const { return std::span(outputs).subspan(4 * priors.size()); }
};

std::vector<detection::PriorMap> ReadMaps(const nlohmann::json& maps);
DetectionCase ReadDetectionCase(const std::filesystem::path& folder);

}  // namespace adabin

#endif  // ADABIN_TESTS_DETECTION_CASE_H_
