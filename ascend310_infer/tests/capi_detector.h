// SPDX-License-Identifier: Apache-2.0
//
// Detectors for the tests of the C API, with the cases of tests/golden/detections.
#ifndef ADABIN_TESTS_CAPI_DETECTOR_H_
#define ADABIN_TESTS_CAPI_DETECTOR_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "capi.h"

namespace adabin::test {

constexpr int kHeight = 375, kWidth = 500;  // of the picture

// A network whose outputs are (N, rows, boxes) and (N, rows, columns).
std::string DetectorNetwork(int64_t rows, int64_t columns, int64_t boxes = 4);

// Of these keys and maps, as export.py writes it.
std::string Describe(const nlohmann::json& rules);

// A model with this description beside it. A failed call fails the test.
Owned<adabin_model> Load(const std::string& network, const std::string& description);
Owned<adabin_detector> Detector(const adabin_model* model);

// Of tests/golden/detections.
std::string GoldenBytes(const std::string& name);

// A recorded case: its network, with a description as export.py writes it, the outputs as the C API
// takes them, and rows (x1, y1, x2, y2, class, score) of what NumPy finds in them.
struct DetectorCase {
  explicit DetectorCase(const std::string& name);
  DetectorCase(const DetectorCase&) = delete;
  DetectorCase& operator=(const DetectorCase&) = delete;

  std::vector<adabin_box> Found(const adabin_detector* detector, size_t capacity = 1000) const;

  nlohmann::json rules;
  std::string network, description;
  size_t rows = 0;
  std::vector<float> values, expected;
  std::vector<adabin_input> outputs;
};

}  // namespace adabin::test

#endif  // ADABIN_TESTS_CAPI_DETECTOR_H_
