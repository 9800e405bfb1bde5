// SPDX-License-Identifier: Apache-2.0
//
// Outputs of a detector to boxes: cases worked out by hand, and those of NumPy's code
// (tests/golden/detections).
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "detection/detections.h"
#include "detection_case.h"

namespace adabin::detection {
namespace {

namespace fs = std::filesystem;

// A prior with its center and its sides.
constexpr Prior kMiddle = {0.5f, 0.5f, 0.25f, 0.25f};

// Boxes that are priors, and the probabilities of their classes, the background first.
struct Picture {
  std::vector<Prior> priors;
  std::vector<float> locations;
  std::vector<float> logits;

  void Add(const Prior& prior, const std::vector<double>& probabilities) {
    priors.push_back(prior);
    locations.insert(locations.end(), 4, 0.0f);
    for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  }
  std::vector<Detection> Found(const Rules& rules) const {
    return Detect(locations, logits, priors, rules);
  }
};

Rules Of(int classes, double nms_iou = 0.45) {
  Rules rules;
  rules.num_classes = classes;
  rules.nms_iou = nms_iou;
  return rules;
}

std::string ErrorOf(const Picture& picture, const Rules& rules) {
  try {
    picture.Found(rules);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Detection, OneBoxIsItsPrior) {
  Picture picture;
  picture.Add(kMiddle, {0.25, 0.75});
  const auto found = picture.Found(Of(1));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].box, (Box{0.375f, 0.375f, 0.625f, 0.625f}));
  EXPECT_EQ(found[0].label, 0);
  EXPECT_NEAR(found[0].score, 0.75, 1e-6);
}

TEST(Detection, OffsetsMoveTheCenterAndScaleTheSides) {
  Picture picture;
  picture.Add(kMiddle, {0.25, 0.75});
  picture.locations = {2.0f, -1.0f, static_cast<float>(std::log(2) / 0.2), 0.0f};
  const auto found = picture.Found(Of(1));
  ASSERT_EQ(found.size(), 1u);
  // The center moves by 0.1 * 2 * 0.25 to the right and half of that up; the width doubles.
  EXPECT_NEAR(found[0].box.x1, 0.55 - 0.25, 1e-6);
  EXPECT_NEAR(found[0].box.x2, 0.55 + 0.25, 1e-6);
  EXPECT_NEAR(found[0].box.y1, 0.475 - 0.125, 1e-6);
  EXPECT_NEAR(found[0].box.y2, 0.475 + 0.125, 1e-6);
}

TEST(Detection, ABoxIsDroppedForABetterOneOfItsClassAlone) {
  const Prior beside = {0.53f, 0.5f, 0.25f, 0.25f};
  Picture one_class, two_classes;
  one_class.Add(kMiddle, {0.1, 0.6, 0.3});
  one_class.Add(beside, {0.1, 0.8, 0.1});
  two_classes.Add(kMiddle, {0.1, 0.9, 1e-6});
  two_classes.Add(beside, {0.2, 1e-6, 0.8});
  Rules rules = Of(2);
  rules.min_score = 0.4;
  const auto kept = one_class.Found(rules);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_NEAR(kept[0].score, 0.8, 1e-6);
  EXPECT_NEAR(kept[0].box.x1, 0.405, 1e-6);
  const auto both = two_classes.Found(rules);
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].label, 0);
  EXPECT_EQ(both[1].label, 1);
}

TEST(Detection, ADroppedBoxDropsNoOther) {
  Picture picture;
  picture.Add({0.25f, 0.5f, 0.5f, 0.5f}, {0.1, 0.9});
  picture.Add({0.375f, 0.5f, 0.5f, 0.5f}, {0.2, 0.8});  // IoU 0.6 with either
  picture.Add({0.5f, 0.5f, 0.5f, 0.5f}, {0.3, 0.7});    // IoU 1/3 with the first
  const auto found = picture.Found(Of(1, 0.5));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].box.x1, 0.0f);
  EXPECT_EQ(found[1].box.x1, 0.25f);
}

// All is exact in powers of two.
TEST(Detection, AnOverlapOnTheLimitIsNotTooMuch) {
  Picture picture;
  picture.Add({0.5f, 0.5f, 0.5f, 0.5f}, {0.1, 0.9});
  picture.Add({0.5f, 0.5f, 0.25f, 0.5f}, {0.2, 0.8});  // its half: IoU 0.5
  EXPECT_EQ(picture.Found(Of(1, 0.5)).size(), 2u);
  EXPECT_EQ(picture.Found(Of(1, 0.4999999)).size(), 1u);
  EXPECT_EQ(picture.Found(Of(1, 1)).size(), 2u);
}

TEST(Detection, BoxesThatOnlyTouchDoNotOverlap) {
  Picture picture;
  picture.Add({0.25f, 0.5f, 0.5f, 0.5f}, {0.1, 0.9});
  picture.Add({0.75f, 0.5f, 0.5f, 0.5f}, {0.2, 0.8});
  EXPECT_EQ(picture.Found(Of(1, 0)).size(), 2u);
}

TEST(Detection, OfEqualScoresTheLowerClassThenTheLowerPriorComesFirst) {
  Picture picture;
  for (int i = 0; i < 50; ++i) {
    picture.Add({(static_cast<float>(i) + 0.5f) / 50, 0.5f, 0.02f, 0.5f}, {1, 1, 1});
  }
  Rules rules = Of(2);
  const auto all = picture.Found(rules);
  ASSERT_EQ(all.size(), 100u);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].label, i < 50 ? 0 : 1);
    EXPECT_NEAR(all[i].box.x1, static_cast<double>(i % 50) / 50, 1e-6);
  }
  for (const int most : {1, 3, 49, 50, 51}) {  // wherever it is cut
    rules.max_detections = most;
    const auto found = picture.Found(rules);
    ASSERT_EQ(found.size(), static_cast<size_t>(most));
    for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], all[i]);
  }
}

TEST(Detection, TheBestOfAClassAreLookedAtAndTheBestOfAllAreGiven) {
  Picture picture;
  picture.Add({0.5f, 0.5f, 0.5f, 0.5f}, {0.05, 0.9, 0.05});
  picture.Add({0.51f, 0.5f, 0.5f, 0.5f}, {0.1, 0.8, 0.1});
  picture.Add({0.1f, 0.1f, 0.1f, 0.1f}, {0.2, 0.7, 0.1});
  picture.Add({0.9f, 0.9f, 0.1f, 0.1f}, {0.2, 0.15, 0.65});
  Rules rules = Of(2);
  rules.max_detections = 1;
  ASSERT_EQ(picture.Found(rules).size(), 1u);
  EXPECT_NEAR(picture.Found(rules)[0].score, 0.9, 1e-6);
  // Two of a class are looked at, of which one goes: the third is not looked at in its place.
  rules.max_detections = 2;
  const auto found = picture.Found(rules);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_NEAR(found[0].score, 0.9, 1e-6);
  EXPECT_NEAR(found[1].score, 0.65, 1e-6);
}

TEST(Detection, ABoxOutsideThePictureIsNoneAndALargerOneIsClipped) {
  Picture picture;
  picture.Add(kMiddle, {0.1, 0.9});
  picture.Add(kMiddle, {0.2, 0.8});
  picture.Add(kMiddle, {0.3, 0.7});
  picture.locations = {-30, 0, 0, 0, 0, 0, 25, 0, 0, -1000, 0, 0};
  const auto found = picture.Found(Of(1));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].box, (Box{0, 0.375f, 1, 0.625f}));
  // Of one that is outside none is left over for a place among the best.
  Rules rules = Of(1);
  rules.max_detections = 1;
  EXPECT_EQ(picture.Found(rules), found);
}

TEST(Detection, NothingAboveTheLeastScoreIsNoDetection) {
  Picture picture;
  picture.Add(kMiddle, {0.995, 0.005});
  EXPECT_TRUE(picture.Found(Of(1)).empty());
  EXPECT_TRUE(Picture{}.Found(Of(1)).empty());
  Rules rules = Of(1);
  rules.min_score = 0;
  EXPECT_EQ(picture.Found(rules).size(), 1u);
}

TEST(Detection, AScoreOnTheLimitIsNotAboveIt) {
  Picture picture;
  picture.Add(kMiddle, {1, 1});
  Rules rules = Of(1);
  rules.min_score = 0.5;
  EXPECT_TRUE(picture.Found(rules).empty());
  rules.min_score = 0.4999999;
  EXPECT_EQ(picture.Found(rules).size(), 1u);
}

TEST(Detection, ValuesThatAreNotFiniteAreAnError) {
  Picture picture;
  for (int i = 0; i < 9; ++i) picture.Add(kMiddle, {0.9, 0.05, 0.05});
  for (const float value : {std::nanf(""), -std::nanf(""), INFINITY, -INFINITY}) {
    for (std::vector<float> Picture::* outputs : {&Picture::locations, &Picture::logits}) {
      for (size_t i = 0; i < (picture.*outputs).size(); ++i) {
        Picture diverged = picture;
        (diverged.*outputs)[i] = value;
        EXPECT_EQ(ErrorOf(diverged, Of(2)),
                  "the network gives values that are not finite: its training has diverged");
      }
    }
  }
}

TEST(Detection, HugeFiniteOutputsGiveFiniteBoxes) {
  constexpr float kHuge = std::numeric_limits<float>::max();
  Picture picture;
  for (int i = 0; i < 4; ++i) picture.Add(kMiddle, {0.1, 0.9});
  picture.logits = {-kHuge, kHuge, kHuge, -kHuge, 0, kHuge, -kHuge, -kHuge};
  picture.locations = {0,      0,     kHuge,  kHuge,  0, 0, 0, 0,  // the whole picture
                       -kHuge, kHuge, -kHuge, -kHuge, 0, 0, 0, 0};
  const auto found = picture.Found(Of(1));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].box, (Box{0, 0, 1, 1}));
  EXPECT_EQ(found[0].score, 1);
  EXPECT_EQ(found[1].score, 0.5f);
}

TEST(Detection, OutputsOfAnotherNetworkAreAnError) {
  Picture picture;
  picture.Add(kMiddle, {0.1, 0.9});
  EXPECT_EQ(ErrorOf(picture, Of(2)),
            "the network's outputs have 4 and 2 values, not 4 and 3 for 1 boxes and 2 classes; "
            "give the description that belongs to the network");
  picture.priors.push_back(kMiddle);
  EXPECT_NE(ErrorOf(picture, Of(1)), "");
  picture.locations.resize(8);
  EXPECT_NE(ErrorOf(picture, Of(1)), "");
  picture.locations.resize(7);
  picture.logits.resize(4);
  EXPECT_NE(ErrorOf(picture, Of(1)), "");
}

TEST(Detection, PixelsAreThoseOfThePictureAndNotRounded) {
  const Box box = {0.125f, 0.25f, 0.375f, 1};
  EXPECT_EQ(InPixels(box, 90, 301), (PixelBox{37.625, 22.5, 112.875, 90}));
  EXPECT_THROW(InPixels(box, 0, 301), Error);
  EXPECT_THROW(InPixels(box, 90, -1), Error);
}

// To the last bit: the cases are made on x86, whose exponential in NumPy is the one here.
TEST(Detection, TheGoldenCasesGiveWhatNumPyGives) {
  const fs::path golden = fs::path(ADABIN_GOLDEN_DIR) / "detections";
  int cases = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(golden)) {
    if (!entry.is_directory()) continue;
    SCOPED_TRACE(entry.path().filename().string());
    ++cases;
    const DetectionCase one = ReadDetectionCase(entry.path());
    const auto found = Detect(one.locations(), one.logits(), one.priors, one.rules);
    ASSERT_EQ(found.size(), one.expected.size());
    for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], one.expected[i]) << i;
  }
  EXPECT_GE(cases, 11);
}

}  // namespace
}  // namespace adabin::detection
