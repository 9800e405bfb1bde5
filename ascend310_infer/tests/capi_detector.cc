// SPDX-License-Identifier: Apache-2.0
#include "capi_detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "mindir_builder.h"

namespace adabin::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string Bytes(const fs::path& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

std::vector<float> Floats(const fs::path& path) {
  const std::string bytes = Bytes(path);
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(floats.data()));
  return floats;
}

}  // namespace

std::string GoldenBytes(const std::string& name) {
  return Bytes(fs::path(ADABIN_GOLDEN_DIR) / "detections" / name);
}

std::string Describe(const json& rules) {
  std::ostringstream text;
  text << "# Written by export.py: what it is\n";
  for (const char* key : {"min_score", "nms_iou", "max_detections", "num_classes"}) {
    text << key << ": " << rules.at(key) << "\n";
  }
  text << "class_names: []\noutputs:\n"
       << "  scores: 'output 1, (N, P): logits; the\n    background first'\n"
       << "  variances: [" << rules["variances"][0] << ", " << rules["variances"][1] << "]\n"
       << "  maps:\n";
  for (const json& map : rules.at("maps")) {
    text << "  - side: " << map["side"] << "\n    step: " << map["step"] << "\n    shapes:\n";
    for (const json& shape : map["shapes"]) {
      text << "    - [" << shape[0] << ", " << shape[1] << "]\n";
    }
  }
  return text.str();
}

std::string DetectorNetwork(int64_t rows, int64_t columns, int64_t boxes) {
  MindIrBuilder b({1, 1, rows, 1});
  std::vector<std::string> outputs;
  for (const int64_t length : {boxes, columns}) {
    const std::vector<float> weights(static_cast<size_t>(length), 1.0f);
    const std::string map = b.Conv2D(b.Input(), {{length, 1, 1, 1}, weights});
    const std::string moved = b.Node("Transpose", {map, b.Ints({0, 2, 3, 1})});
    outputs.push_back(b.Node("Reshape", {moved, b.Ints({1, -1, length})}));
  }
  b.Output(outputs);
  return b.Serialize();
}

Owned<adabin_model> Load(const std::string& network, const std::string& description) {
  const Folder folder;
  folder.Write("net.yaml", description);
  adabin_model* model = nullptr;
  const Result result =
      adabin_model_load(folder.Write("net.mindir", network).c_str(), nullptr, &model);
  EXPECT_EQ(result.code, ADABIN_OK) << result.message;
  return Owned<adabin_model>(model);
}

Owned<adabin_detector> Detector(const adabin_model* model) {
  adabin_detector* detector = nullptr;
  const Result result = adabin_detector_create(model, &detector);
  EXPECT_EQ(result.code, ADABIN_OK) << result.message;
  return Owned<adabin_detector>(detector);
}

DetectorCase::DetectorCase(const std::string& name) {
  const fs::path folder = fs::path(ADABIN_GOLDEN_DIR) / "detections" / name;
  rules = json::parse(Bytes(folder / "rules.json"));
  values = Floats(folder / "outputs.bin");
  expected = Floats(folder / "detections.bin");
  const size_t columns = 1 + rules["num_classes"].get<size_t>();
  rows = values.size() / (4 + columns);
  outputs = {{values.data(), 4 * rows * sizeof(float)},
             {values.data() + 4 * rows, columns * rows * sizeof(float)}};
  description = Describe(rules);
  network = DetectorNetwork(static_cast<int64_t>(rows), static_cast<int64_t>(columns));
}

std::vector<adabin_box> DetectorCase::Found(const adabin_detector* detector,
                                            size_t capacity) const {
  std::vector<adabin_box> boxes(capacity);
  size_t count = 0;
  const Result result = adabin_detector_find(detector, outputs.data(), 2, kHeight, kWidth,
                                             boxes.data(), capacity, &count);
  EXPECT_EQ(result.code, ADABIN_OK) << result.message;
  boxes.resize(count);
  return boxes;
}

}  // namespace adabin::test
