// SPDX-License-Identifier: Apache-2.0
#include "detection_case.h"

#include "base/file.h"

namespace adabin {

std::vector<detection::PriorMap> ReadMaps(const nlohmann::json& maps) {
  std::vector<detection::PriorMap> found;
  for (const nlohmann::json& map : maps) {
    found.push_back({map.at("side"), map.at("step"), {}});
    for (const nlohmann::json& shape : map.at("shapes")) {
      found.back().shapes.push_back({shape.at(0), shape.at(1)});
    }
  }
  return found;
}

DetectionCase ReadDetectionCase(const std::filesystem::path& folder) {
  const auto json = nlohmann::json::parse(ReadFile((folder / "rules.json").string()));
  DetectionCase found;
  found.rules = {json.at("num_classes"), json.at("min_score"), json.at("nms_iou"),
                 json.at("max_detections"), json.at("variances")};
  found.outputs = ReadFloats((folder / "outputs.bin").string());
  const size_t row = 4 + 1 + static_cast<size_t>(found.rules.num_classes);
  found.priors = detection::MakePriors(ReadMaps(json.at("maps")), found.outputs.size() / row);
  const std::vector<float> rows = ReadFloats((folder / "detections.bin").string());
  for (size_t i = 0; i + 6 <= rows.size(); i += 6) {
    found.expected.push_back({{rows[i], rows[i + 1], rows[i + 2], rows[i + 3]},
                              static_cast<int>(rows[i + 4]),
                              rows[i + 5]});
  }
  return found;
}

}  // namespace adabin
