// SPDX-License-Identifier: Apache-2.0
#include "boxes.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/write_file.h"

namespace adabin::tools {

using Json = nlohmann::ordered_json;

namespace {

std::vector<Picture> ReadPictures(const std::string& path) {
  std::istringstream lines(ReadFile(path));
  std::vector<Picture> pictures;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Picture picture;
    words >> picture.height >> picture.width;
    for (const int side : {picture.height, picture.width}) {
      if (words && side >= 1 && side <= kLargestSide) continue;
      throw Error("--boxes_sizes " + Printable(path) + ": line " +
                  std::to_string(pictures.size() + 1) + ", " + Printable(line.substr(0, 40)) +
                  ", has no height and width of a picture; give HEIGHT WIDTH, 1 to " +
                  std::to_string(kLargestSide) + " pixels");
    }
    std::getline(words >> std::ws, picture.name);
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

}  // namespace

void BoxFlags::AddTo(CLI::App* app) {
  app->add_flag(
      "--boxes", on,
      "of a detector: also write <stem>.json, the objects of each sample; it is replaced too");
  app->add_flag("--boxes_only", only,
                "as --boxes, but without the outputs, which are larger by far");
  auto* const one_size =
      app->add_option("--boxes_size", size,
                      "height and width of the pictures before they were made as large as the "
                      "network's input, for boxes in their pixels; without it: the network's own")
          ->expected(2)
          ->check(CLI::Range(1, kLargestSide));
  app->add_option("--boxes_sizes", sizes,
                  "the same where each picture has its own: a text file with a line HEIGHT WIDTH, "
                  "or HEIGHT WIDTH NAME, for each sample, in the order of the files; preprocess.py "
                  "writes one")
      ->excludes(one_size);
}

void BoxFlags::Check() const {
  for (const auto& [flag, given] :
       {std::pair("--boxes_size", !size.empty()), std::pair("--boxes_sizes", !sizes.empty())}) {
    if (given && !wanted()) {
      throw Error(std::string(flag) + ": has no effect without --boxes; give both or neither");
    }
  }
}

Boxes::Boxes(const adabin_model* model, const BoxFlags& flags)
    : alone_(flags.only), sizes_path_(flags.sizes) {
  adabin_detector* detector = nullptr;
  Check(adabin_detector_create(model, &detector), "--boxes: ");
  detector_.reset(detector);
  const int64_t* dims = nullptr;
  if (!sizes_path_.empty()) {
    pictures_ = ReadPictures(sizes_path_);
  } else if (!flags.size.empty()) {
    pictures_ = {{flags.size[0], flags.size[1], ""}};
  } else if (adabin_model_input_dims(model, 0, &dims) == 4) {
    pictures_ = {{static_cast<int>(dims[2]), static_cast<int>(dims[3]), ""}};
  } else {
    throw Error("--boxes: the network's input is no picture; give --boxes_size HEIGHT WIDTH");
  }
}

void Boxes::CheckCount(size_t samples) const {
  if (sizes_path_.empty() || pictures_.size() == samples) return;
  throw Error("--boxes_sizes " + Printable(sizes_path_) + ": has " +
              std::to_string(pictures_.size()) + " lines, --input has " + std::to_string(samples) +
              " samples; give a line for each of them");
}

void Boxes::Write(const std::string& path, const std::vector<std::vector<float>>& outputs,
                  size_t first, size_t samples, const std::string& input) const {
  std::vector<adabin_box> boxes(adabin_detector_max_boxes(detector_.get()));
  Json json = {{"samples", Json::array()}};
  for (size_t sample = 0; sample < samples; ++sample) {
    const Picture& picture = pictures_[sizes_path_.empty() ? 0 : first + sample];
    std::vector<adabin_input> own;
    for (const std::vector<float>& output : outputs) {
      const size_t size = output.size() / samples;
      own.push_back({output.data() + sample * size, size * sizeof(float)});
    }
    size_t count = 0;
    Check(adabin_detector_find(detector_.get(), own.data(), own.size(), picture.height,
                               picture.width, boxes.data(), boxes.size(), &count),
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
    Json found = {{"height", picture.height}, {"width", picture.width}};
    if (!picture.name.empty()) found["picture"] = picture.name;
    found["objects"] = std::move(objects);
    json["samples"].push_back(std::move(found));
  }
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  WriteFile(path, text.data(), text.size());
}

}  // namespace adabin::tools
