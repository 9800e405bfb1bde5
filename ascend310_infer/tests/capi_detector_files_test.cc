// SPDX-License-Identifier: Apache-2.0
//
// What the C API says of descriptions and networks that are none of a detector's.
#include <gtest/gtest.h>

#include <string>

#include "capi_detector.h"

namespace adabin::test {
namespace {

// Why there is no detector of a model.
std::string Complaint(const adabin_model* model) {
  adabin_detector* detector = nullptr;
  const Result result = adabin_detector_create(model, &detector);
  EXPECT_EQ(result.code, ADABIN_MODEL) << result.message;
  EXPECT_EQ(detector, nullptr);
  EXPECT_EQ(result.message.find('\n'), std::string::npos) << result.message;
  EXPECT_NE(result.message.find("; "), std::string::npos) << "no way out: " << result.message;
  return result.message;
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(CApiDetectorFiles, ClassesHaveTheirNamesElseTheirNumbers) {
  const DetectorCase golden("ties_no_suppression");  // of two classes
  const auto names = [&](const std::string& text) {
    const auto detector = Detector(Load(golden.network, text).get());
    std::string found;
    for (size_t i = 0; i < adabin_detector_class_count(detector.get()); ++i) {
      found += std::string(adabin_detector_class_name(detector.get(), i)) + ";";
    }
    EXPECT_EQ(adabin_detector_class_name(detector.get(), 2), nullptr);
    return found;
  };
  const std::string named = Replaced(golden.description, "[]", "\n- 'it''s'\n- \"caf\\xE9: 1\"");
  EXPECT_EQ(names(named), "it's;caf\xc3\xa9: 1;");
  EXPECT_EQ(names(Replaced(golden.description, "num_classes: 2", "num_classes: 0")),
            "class 0;class 1;");
  EXPECT_EQ(names(Replaced(named, "num_classes: 2\n", "")), "it's;caf\xc3\xa9: 1;");
}

TEST(CApiDetectorFiles, ADescriptionThatDoesNotFitIsNamed) {
  const DetectorCase golden("ties_no_suppression");
  const struct {
    std::string from, to, said;
  } cases[] = {
      {"min_score", "score", "has no min_score"},
      {"nms_iou: 1.0", "nms_iou: one", "nms_iou: one: is no list of numbers"},
      {"nms_iou: 1", "nms_iou: [1, 0]\nx: ", "nms_iou: has 2 numbers, not 1"},
      {"nms_iou: 1", "nms_iou: .nan\nx: ", "nms_iou: .nan: is no list"},
      {"nms_iou: 1", "nms_iou: nan\nx: ", "nms_iou: nan is out of range"},
      {"max_detections: ", "max_detections: 2.5\nx: ", "2.5 is no whole number"},
      {"max_detections: ", "max_detections: 99999999999\nx: ", "is no whole number"},
      {"max_detections: ", "max_detections: 201\nx: ", "max_detections: 201 is out of range"},
      {"num_classes: 2", "num_classes: 3", "num_classes: is of 3 classes, the network has scores"},
      {"num_classes: 2", "num_classes: -1", "num_classes: -1 is no number"},
      {"class_names: []", "class_names: [a]", "class_names: is of 1 classes"},
      {"outputs:", "inputs:", "has no outputs"},
      {"variances", "variance", "has no variances under outputs"},
      {"variances: [", "variances: [1, ", "variances: has 3 numbers, not 2"},
      {"maps:", "map:", "has no maps under outputs"},
      {"maps:", "maps: 3\n  x:", "maps: is no list of maps"},
      {"- side: 8", "- sides: 8", "has no side in maps[0]"},
      {"- side: 8", "- side: 7", "the network gives"},
      {"- side: 8", "- side: 2147483647", "maps[0]: makes more than"},
      {"- side: 8", "- side: -8", "maps[0]: side: -8"},
      {"    step: ", "    step: x", "maps[0]: step: x"},
      {"    step: ", "    step: -", "maps[0]: step: "},
      {"- [0.1, 0.1]", "- [0.1]", "maps[0]: shapes: has 1 numbers, not 2"},
      {"- [0.1, 0.1]", "- [0.1, inf]", "maps[0]: shapes: "},
      {"- [0.1, 0.1]", "- 0.1", "maps[0]: shapes: has 1 numbers, not 2"},
      {"- [0.1, 0.1]", "- [[0.1, 0.1]]", "maps[0]: shapes: "},
  };
  for (const auto& one : cases) {
    const std::string text = Replaced(golden.description, one.from, one.to);
    EXPECT_NE(Complaint(Load(golden.network, text).get()).find(one.said), std::string::npos)
        << one.said << ": " << Complaint(Load(golden.network, text).get());
  }
  EXPECT_NE(Complaint(LoadBytes(golden.network).get()).find("has no description; put the .yaml"),
            std::string::npos);
}

TEST(CApiDetectorFiles, ADescriptionThatIsCutMakesNoDetector) {
  const DetectorCase golden("background");
  for (size_t size = 0; size + 40 < golden.description.size(); size += 7) {
    Complaint(Load(golden.network, golden.description.substr(0, size)).get());
  }
}

TEST(CApiDetectorFiles, OutputsOfAnotherNetworkAreNamed) {
  const DetectorCase golden("ties_no_suppression");
  const auto rows = static_cast<int64_t>(golden.rows);
  const auto said = [&](const std::string& network) {
    return Complaint(Load(network, golden.description).get());
  };
  EXPECT_NE(said(SmallMindIr()).find("1 output, output_0 (N, 5); a detector's"), std::string::npos);
  EXPECT_NE(said(DetectorNetwork(rows, 3, 5)).find("a detector's"), std::string::npos);
  EXPECT_NE(said(DetectorNetwork(rows, 1)).find("a detector's"), std::string::npos);
  EXPECT_NE(said(DetectorNetwork(rows, 4)).find("num_classes: is of 2"), std::string::npos);
  EXPECT_NE(said(DetectorNetwork(rows + 1, 3)).find("the network gives"), std::string::npos);
}

}  // namespace
}  // namespace adabin::test
