// SPDX-License-Identifier: Apache-2.0
//
// A detector's outputs to boxes.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "adabin.h"
#include "api/detector_rules.h"
#include "api/model.h"
#include "api/status.h"
#include "detection/detections.h"

using adabin::Error;
using adabin::api::Guard;
using adabin::api::NotNull;
using adabin::api::Refuse;

struct adabin_detector {
  adabin::detection::Rules rules;
  std::vector<std::string> class_names;
  std::vector<adabin::detection::Prior> priors;
};

namespace {

using adabin::backend::TensorInfo;

std::string Text(const TensorInfo& tensor) {
  std::string text = tensor.name + " (N";
  for (size_t i = 1; i < tensor.dims.size(); ++i) text += ", " + std::to_string(tensor.dims[i]);
  return text + ")";
}

// Scores of a box: of the background and of each class. Throws Error where the outputs are not a
// detector's.
int64_t CountScores(const std::vector<TensorInfo>& outputs) {
  const auto is_table = [](const TensorInfo& tensor) { return tensor.dims.size() == 3; };
  if (outputs.size() == 2 && is_table(outputs[0]) && is_table(outputs[1]) &&
      outputs[0].dims[2] == 4 && outputs[0].dims[1] == outputs[1].dims[1] &&
      outputs[1].dims[2] > 1) {
    return outputs[1].dims[2];
  }
  std::string found;
  for (size_t i = 0; i < std::min(outputs.size(), size_t{3}); ++i) {
    found += (i == 0 ? "" : ", ") + Text(outputs[i]);
  }
  throw Error("the network has " + std::to_string(outputs.size()) +
              (outputs.size() == 1 ? " output, " : " outputs, ") + found +
              (outputs.size() > 3 ? "..." : "") +
              "; a detector's are (N, boxes, 4) and (N, boxes, 1 + classes)");
}

// The values of an output of one sample.
std::span<const float> Floats(const adabin_input& output, size_t index, size_t values) {
  const std::string name = "output_" + std::to_string(index);
  NotNull(output.data, name.c_str());
  if (output.bytes != values * sizeof(float)) {
    Refuse(name + ": has " + std::to_string(output.bytes) + " bytes; of one sample it has " +
           std::to_string(values * sizeof(float)));
  }
  if (reinterpret_cast<uintptr_t>(output.data) % sizeof(float) != 0) {
    Refuse(name + ": does not lie at a multiple of " + std::to_string(sizeof(float)) + " bytes");
  }
  return {static_cast<const float*>(output.data), values};
}

}  // namespace

adabin_status* adabin_detector_create(const adabin_model* model, adabin_detector** detector) {
  return Guard(ADABIN_MODEL, [&] {
    NotNull(detector, "detector");
    *detector = nullptr;
    NotNull(model, "model");
    const std::vector<TensorInfo>& outputs = model->shared->network->info().outputs;
    const auto classes = static_cast<size_t>(CountScores(outputs) - 1);
    auto described = adabin::api::ReadDetectorRules(model->shared->metadata, classes);
    const auto rows = static_cast<size_t>(outputs[0].dims[1]);
    *detector = new adabin_detector{described.rules, std::move(described.class_names),
                                    adabin::detection::MakePriors(described.maps, rows)};
  });
}

void adabin_detector_release(adabin_detector* detector) { delete detector; }

size_t adabin_detector_class_count(const adabin_detector* detector) {
  return detector == nullptr ? 0 : detector->class_names.size();
}

const char* adabin_detector_class_name(const adabin_detector* detector, size_t label) {
  return label < adabin_detector_class_count(detector) ? detector->class_names[label].c_str()
                                                       : nullptr;
}

size_t adabin_detector_max_boxes(const adabin_detector* detector) {
  return detector == nullptr ? 0 : static_cast<size_t>(detector->rules.max_detections);
}

adabin_status* adabin_detector_find(const adabin_detector* detector, const adabin_input* outputs,
                                    size_t output_count, int height, int width, adabin_box* boxes,
                                    size_t capacity, size_t* count) {
  return Guard(ADABIN_INVALID_ARGUMENT, [&] {
    NotNull(count, "count");
    *count = 0;
    NotNull(detector, "detector");
    NotNull(outputs, "outputs");
    if (capacity > 0) NotNull(boxes, "boxes");
    if (output_count != 2) Refuse("outputs: a detector has 2, not " + std::to_string(output_count));
    adabin::detection::InPixels({}, height, width);  // whatever is found
    const size_t rows = detector->priors.size();
    const auto locations = Floats(outputs[0], 0, 4 * rows);
    const auto scores = Floats(outputs[1], 1, (1 + detector->class_names.size()) * rows);
    const auto found =
        adabin::detection::Detect(locations, scores, detector->priors, detector->rules);
    const size_t given = std::min(found.size(), capacity);
    for (size_t i = 0; i < given; ++i) {
      const auto box = adabin::detection::InPixels(found[i].box, height, width);
      boxes[i] = {box.x1, box.y1, box.x2, box.y2, found[i].label, found[i].score};
    }
    *count = given;
  });
}
