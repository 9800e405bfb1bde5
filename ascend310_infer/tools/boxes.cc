// SPDX-License-Identifier: Apache-2.0
#include "boxes.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/write_file.h"

namespace adabin::tools {

using Json = nlohmann::ordered_json;

Boxes::Boxes(const adabin_model* model, const std::vector<int>& size) {
  adabin_detector* detector = nullptr;
  Check(adabin_detector_create(model, &detector), "--boxes: ");
  detector_.reset(detector);
  const int64_t* dims = nullptr;
  if (!size.empty()) {
    height_ = size[0];
    width_ = size[1];
  } else if (adabin_model_input_dims(model, 0, &dims) == 4) {
    height_ = static_cast<int>(dims[2]);
    width_ = static_cast<int>(dims[3]);
  } else {
    throw Error("--boxes: the network's input is no picture; give --boxes_size HEIGHT WIDTH");
  }
}

void Boxes::Write(const std::string& path, const std::vector<std::vector<float>>& outputs,
                  size_t samples, const std::string& input) const {
  std::vector<adabin_box> boxes(adabin_detector_max_boxes(detector_.get()));
  Json json = {{"height", height_}, {"width", width_}, {"samples", Json::array()}};
  for (size_t sample = 0; sample < samples; ++sample) {
    std::vector<adabin_input> own;
    for (const std::vector<float>& output : outputs) {
      const size_t size = output.size() / samples;
      own.push_back({output.data() + sample * size, size * sizeof(float)});
    }
    size_t count = 0;
    Check(adabin_detector_find(detector_.get(), own.data(), own.size(), height_, width_,
                               boxes.data(), boxes.size(), &count),
          "--boxes: " + input + ": sample " + std::to_string(sample) + ": ");
    Json objects = Json::array();
    for (size_t i = 0; i < count; ++i) {
      const adabin_box& box = boxes[i];
      const char* name =
          adabin_detector_class_name(detector_.get(), static_cast<size_t>(box.label));
      objects.push_back({{"class", box.label},
                         {"name", name},
                         {"score", box.score},
                         {"box", {box.x1, box.y1, box.x2, box.y2}}});
    }
    json["samples"].push_back({{"objects", std::move(objects)}});
  }
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  WriteFile(path, text.data(), text.size());
}

}  // namespace adabin::tools
