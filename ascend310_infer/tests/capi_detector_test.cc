// SPDX-License-Identifier: Apache-2.0
//
// Boxes out of the C API: NumPy's on the cases of tests/golden/detections.
#include "capi_detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace adabin::test {
namespace {

namespace fs = std::filesystem;

TEST(CApiDetector, BoxesAreNumPys) {
  size_t cases = 0;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(fs::path(ADABIN_GOLDEN_DIR) / "detections")) {
    if (!entry.is_directory()) continue;
    ++cases;
    const DetectorCase golden(entry.path().filename().string());
    auto model = Load(golden.network, golden.description);
    const auto detector = Detector(model.get());
    model.reset();  // is needed no longer
    EXPECT_EQ(adabin_detector_max_boxes(detector.get()), golden.rules["max_detections"]);
    const auto found = golden.Found(detector.get());
    ASSERT_EQ(found.size(), golden.expected.size() / 6) << entry.path();
    for (size_t i = 0; i < found.size(); ++i) {
      const float* row = &golden.expected[6 * i];
      EXPECT_EQ(found[i].label, static_cast<int>(row[4]));
      EXPECT_NEAR(found[i].score, row[5], 1e-6);
      EXPECT_NEAR(found[i].x1, double{row[0]} * kWidth, 1e-6 * kWidth);
      EXPECT_NEAR(found[i].y1, double{row[1]} * kHeight, 1e-6 * kHeight);
      EXPECT_NEAR(found[i].x2, double{row[2]} * kWidth, 1e-6 * kWidth);
      EXPECT_NEAR(found[i].y2, double{row[3]} * kHeight, 1e-6 * kHeight);
    }
  }
  EXPECT_GE(cases, 10u);
}

// A box without offsets is its prior: a center that went through a float on its way is off.
TEST(CApiDetector, PriorsAreNumPysToTheLastBit) {
  auto cases = nlohmann::json::parse(GoldenBytes("priors.json"));
  for (nlohmann::json& one : cases) {
    const auto rows = one["count"].get<size_t>();
    one.update({{"num_classes", 1},
                {"min_score", 0.5},
                {"nms_iou", 0.5},
                {"max_detections", 1},
                {"variances", {0.1, 0.2}}});
    const auto model = Load(DetectorNetwork(static_cast<int64_t>(rows), 2), Describe(one));
    const auto detector = Detector(model.get());
    const std::vector<float> locations(4 * rows);
    for (const auto& [number, prior] : one["priors"].items()) {
      std::vector<float> scores(2 * rows);
      scores[2 * std::stoul(number) + 1] = 9;
      const adabin_input outputs[] = {{locations.data(), locations.size() * sizeof(float)},
                                      {scores.data(), scores.size() * sizeof(float)}};
      adabin_box box;
      size_t count = 0;
      ASSERT_EQ(
          Result(adabin_detector_find(detector.get(), outputs, 2, 1, 1, &box, 1, &count)).code,
          ADABIN_OK);
      ASSERT_EQ(count, 1u);
      const auto p = prior.get<std::vector<float>>();
      EXPECT_EQ(box.x1, std::max(p[0] - p[2] / 2, 0.0f)) << number;
      EXPECT_EQ(box.y1, std::max(p[1] - p[3] / 2, 0.0f)) << number;
      EXPECT_EQ(box.x2, std::min(p[0] + p[2] / 2, 1.0f)) << number;
      EXPECT_EQ(box.y2, std::min(p[1] + p[3] / 2, 1.0f)) << number;
    }
  }
}

bool Same(const std::vector<adabin_box>& a, const std::vector<adabin_box>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const adabin_box& one, const adabin_box& other) {
        return one.x1 == other.x1 && one.y1 == other.y1 && one.x2 == other.x2 &&
               one.y2 == other.y2 && one.label == other.label && one.score == other.score;
      });
}

TEST(CApiDetector, AnArrayThatIsTooSmallGetsTheBest) {
  const DetectorCase golden("random_few");
  const auto detector = Detector(Load(golden.network, golden.description).get());
  const auto all = golden.Found(detector.get());
  ASSERT_GT(all.size(), 3u);
  EXPECT_TRUE(Same(golden.Found(detector.get(), 3), {all.begin(), all.begin() + 3}));
  size_t count = 1;
  EXPECT_EQ(Result(adabin_detector_find(detector.get(), golden.outputs.data(), 2, 1, 1, nullptr, 0,
                                        &count))
                .code,
            ADABIN_OK);
  EXPECT_EQ(count, 0u);
}

TEST(CApiDetector, ThreadsShareOne) {
  const DetectorCase golden("peaked");
  const auto detector = Detector(Load(golden.network, golden.description).get());
  const auto expected = golden.Found(detector.get());
  std::vector<std::thread> users;
  for (int user = 0; user < 8; ++user) {
    users.emplace_back([&] {
      for (int run = 0; run < 5; ++run) EXPECT_TRUE(Same(golden.Found(detector.get()), expected));
    });
  }
  for (std::thread& user : users) user.join();
}

TEST(CApiDetector, WhatCannotBeTakenIsRefused) {
  const DetectorCase golden("ties_no_suppression");
  const auto model = Load(golden.network, golden.description);
  const auto detector = Detector(model.get());
  adabin_detector_release(nullptr);
  EXPECT_EQ(adabin_detector_class_count(nullptr), 0u);
  EXPECT_EQ(adabin_detector_max_boxes(nullptr), 0u);
  EXPECT_EQ(adabin_detector_class_name(nullptr, 0), nullptr);
  adabin_detector* none = nullptr;
  adabin_box box;
  size_t count = 7;
  const auto refused = [](const Result& result, const std::string& part) {
    EXPECT_EQ(result.code, ADABIN_INVALID_ARGUMENT) << part;
    EXPECT_NE(result.message.find(part), std::string::npos) << result.message;
  };
  refused(adabin_detector_create(nullptr, &none), "model: is NULL");
  refused(adabin_detector_create(model.get(), nullptr), "detector: is NULL");
  const auto find = [&](const adabin_detector* of, const std::vector<adabin_input>& outputs,
                        int height, int width, adabin_box* boxes, size_t* found) {
    return Result(
        adabin_detector_find(of, outputs.data(), outputs.size(), height, width, boxes, 1, found));
  };
  const auto& good = golden.outputs;
  refused(find(nullptr, good, 1, 1, &box, &count), "detector: is NULL");
  EXPECT_EQ(count, 0u);
  refused(find(detector.get(), good, 1, 1, nullptr, &count), "boxes: is NULL");
  refused(find(detector.get(), good, 1, 1, &box, nullptr), "count: is NULL");
  refused(find(detector.get(), good, 0, 1, &box, &count), "0 x 1 pixels is no size");
  refused(find(detector.get(), good, 1, -1, &box, &count), "1 x -1 pixels is no size");
  refused(find(detector.get(), {good[0]}, 1, 1, &box, &count), "a detector has 2, not 1");
  refused(adabin_detector_find(detector.get(), nullptr, 2, 1, 1, &box, 1, &count),
          "outputs: is NULL");
  refused(find(detector.get(), {good[1], good[0]}, 1, 1, &box, &count), "output_0: has ");
  refused(find(detector.get(), {good[0], {nullptr, good[1].bytes}}, 1, 1, &box, &count),
          "output_1: is NULL");
  const char* odd = static_cast<const char*>(good[0].data) + 1;
  refused(find(detector.get(), {{odd, good[0].bytes}, good[1]}, 1, 1, &box, &count),
          "output_0: does not lie at a multiple of 4");
  std::vector<float> diverged = golden.values;
  diverged.back() = std::nanf("");
  const float* scores = diverged.data() + 4 * golden.rows;
  refused(find(detector.get(), {good[0], {scores, good[1].bytes}}, 1, 1, &box, &count),
          "not finite");
}

}  // namespace
}  // namespace adabin::test
