// SPDX-License-Identifier: Apache-2.0
//
// What the description of a detector says: priors from its maps, and rules out of range.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "detection/priors.h"
#include "detection/rules.h"
#include "detection_case.h"

namespace adabin::detection {
namespace {

std::string ErrorOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    const std::string line = error.what();
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    EXPECT_NE(line.find("; give "), line.find("; export ")) << "names no way out: " << line;
    return line;
  }
  return "";
}

TEST(DetectionRules, AKeyOutOfItsRangeIsNamed) {
  Rules rules;
  rules.num_classes = 20;
  Check(rules);
  const auto error_with = [&](const std::function<void(Rules*)>& change) {
    Rules changed = rules;
    change(&changed);
    return ErrorOf([&] { Check(changed); });
  };
  EXPECT_EQ(error_with([](Rules* r) { r->min_score = 1; }),
            "min_score: 1 is out of range; give 0 or more, below 1");
  for (const double value : {-0.1, 1.1, std::nan(""), HUGE_VAL}) {
    EXPECT_EQ(error_with([&](Rules* r) { r->min_score = value; }).find("min_score: "), 0u);
    EXPECT_EQ(error_with([&](Rules* r) { r->nms_iou = value; }).find("nms_iou: "), 0u);
    EXPECT_EQ(error_with([&](Rules* r) { r->variances[1] = value; }).find("variances: "), 0u);
  }
  EXPECT_EQ(error_with([](Rules* r) { r->variances[0] = 0; }).find("variances: "), 0u);
  for (const int value : {-1, 0, kMostDetections + 1}) {
    EXPECT_EQ(error_with([&](Rules* r) { r->max_detections = value; }).find("max_detections: "),
              0u);
  }
  EXPECT_EQ(error_with([](Rules* r) { r->num_classes = 0; }).find("num_classes: "), 0u);
  // The ends of the ranges are in them.
  EXPECT_EQ(error_with([](Rules* r) { r->min_score = 0; }), "");
  EXPECT_EQ(error_with([](Rules* r) { r->nms_iou = 1; }), "");
  EXPECT_EQ(error_with([](Rules* r) { r->nms_iou = 0; }), "");
  EXPECT_EQ(error_with([](Rules* r) { r->variances = {1, 1}; }), "");
}

TEST(DetectionPriors, GoMapByMapRowByRowAndShapeByShape) {
  const std::vector<PriorMap> maps = {{2, 0.5, {{0.25, 0.5}, {1.5, 0.125}}}, {1, 1, {{0.75, 1}}}};
  const std::vector<Prior> expected = {
      {0.25f, 0.25f, 0.25f, 0.5f}, {0.25f, 0.25f, 1, 0.125f},  // none is above 1
      {0.75f, 0.25f, 0.25f, 0.5f}, {0.75f, 0.25f, 1, 0.125f},  // the next column
      {0.25f, 0.75f, 0.25f, 0.5f}, {0.25f, 0.75f, 1, 0.125f},  // the next row
      {0.75f, 0.75f, 0.25f, 0.5f}, {0.75f, 0.75f, 1, 0.125f},  //
      {0.5f, 0.5f, 0.75f, 1}};
  EXPECT_EQ(CountPriors(maps), 9);
  EXPECT_EQ(MakePriors(maps, 9), expected);
}

TEST(DetectionPriors, AreNumPys) {
  const std::filesystem::path golden(ADABIN_GOLDEN_DIR);
  const auto cases =
      nlohmann::json::parse(ReadFile((golden / "detections" / "priors.json").string()));
  ASSERT_GE(cases.size(), 4u);
  for (const nlohmann::json& one : cases) {
    SCOPED_TRACE(one.at("image_size").dump());
    const auto priors = MakePriors(ReadMaps(one.at("maps")), one.at("count"));
    ASSERT_EQ(priors.size(), one.at("count"));
    for (const auto& [number, row] : one.at("priors").items()) {
      const Prior& prior = priors[std::stoul(number)];
      const Prior expected = {row.at(0), row.at(1), row.at(2), row.at(3)};
      EXPECT_EQ(prior, expected) << number;
    }
  }
}

TEST(DetectionPriors, OfAnotherNumberThanTheOutputsAreAnError) {
  const std::vector<PriorMap> maps = {{38, 0.03, {{0.1, 0.1}}}};
  EXPECT_EQ(ErrorOf([&] { MakePriors(maps, 1443); }),
            "maps: they make 1444 boxes, the network gives 1443; give the description that belongs "
            "to it");
  EXPECT_NE(ErrorOf([&] { MakePriors({}, 1); }), "");
}

TEST(DetectionPriors, MapsThatCannotBeUsedAreNamed) {
  const PriorMap good = {3, 0.3, {{0.1, 0.2}}};
  const auto error_of = [&](const PriorMap& map) {
    const std::vector<PriorMap> maps = {good, map};
    return ErrorOf([&] { MakePriors(maps, 9); });
  };
  EXPECT_EQ(error_of({0, 0.1, {{0.1, 0.1}}}),
            "maps[1]: side: 0 is no number of cells; export the network again");
  EXPECT_EQ(error_of({-3, 0.1, {{0.1, 0.1}}}).find("maps[1]: side: "), 0u);
  for (const double value : {0.0, -0.1, std::nan(""), HUGE_VAL}) {
    EXPECT_EQ(error_of({2, value, {{0.1, 0.1}}}).find("maps[1]: step: "), 0u);
    EXPECT_EQ(error_of({2, 0.1, {{0.1, 0.1}, {value, 0.1}}}).find("maps[1]: shapes: "), 0u);
    EXPECT_EQ(error_of({2, 0.1, {{0.1, value}}}).find("maps[1]: shapes: "), 0u);
  }
  EXPECT_EQ(error_of({2, 0.1, {}}).find("maps[1]: shapes: "), 0u);
}

// Before any memory is taken, and also where the number of boxes is beyond 64 bits: 2^62 cells of
// four.
TEST(DetectionPriors, ANumberBeyondAllMemoryIsAnError) {
  const std::vector<PriorShape> shapes(1000, {0.1, 0.1});
  for (const int side : {8192, 65536, 1 << 30, 2147483647}) {
    for (const std::ptrdiff_t count : {1, 4}) {
      const std::vector<PriorMap> maps = {{1, 0.1, shapes},
                                          {side, 0.1, {shapes.begin(), shapes.begin() + count}}};
      EXPECT_EQ(ErrorOf([&] { MakePriors(maps, 7); }),
                "maps[1]: makes more than 67108864 boxes; export the network again");
    }
  }
  EXPECT_NE(ErrorOf([&] { CountPriors(std::vector<PriorMap>{{300, 0.1, shapes}}); }), "");
}

}  // namespace
}  // namespace adabin::detection
