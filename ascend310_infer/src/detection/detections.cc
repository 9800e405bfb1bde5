// SPDX-License-Identifier: Apache-2.0
#include "detection/detections.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "detection/best.h"
#include "detection/decode.h"
#include "detection/softmax.h"
#include "detection/suppression.h"

namespace adabin::detection {
namespace {

bool AllFinite(std::span<const float> values) {
  constexpr uint32_t kExponent = 0x7f800000;
  uint32_t found = 0;
  for (const float value : values) {
    found |= (std::bit_cast<uint32_t>(value) & kExponent) == kExponent ? 1u : 0u;
  }
  return found == 0;
}

void CheckOutputs(std::span<const float> locations, std::span<const float> logits, size_t priors,
                  size_t columns) {
  if (locations.size() != 4 * priors || logits.size() % columns != 0 ||
      logits.size() / columns != priors) {
    throw Error("the network's outputs have " + std::to_string(locations.size()) + " and " +
                std::to_string(logits.size()) + " values, not " + std::to_string(4 * priors) +
                " and " + std::to_string(columns * priors) + " for " + std::to_string(priors) +
                " boxes and " + std::to_string(columns - 1) +
                " classes; give the description that belongs to the network");
  }
  if (!AllFinite(locations) || !AllFinite(logits)) {
    throw Error("the network gives values that are not finite: its training has diverged");
  }
}

// Rounding cannot lift what is below this part of a limit above it.
constexpr float kSurely = 0.99999f;

// What may be an object, class by class. Almost all rows of a real output are background: those are
// told by their logits alone, and only the others have powers, a sum and a box.
class Candidates {
 public:
  Candidates(std::span<const Prior> priors, const Rules& rules)
      : priors_(priors),
        variances_{static_cast<float>(rules.variances[0]), static_cast<float>(rules.variances[1])},
        least_log_(std::log(static_cast<float>(rules.min_score) * kSurely)),
        best_(static_cast<size_t>(rules.num_classes),
              Best(static_cast<size_t>(rules.max_detections), static_cast<float>(rules.min_score))),
        least_((best_.size() + kLanes - 1) / kLanes * kLanes, HUGE_VALF),
        powers_(1 + least_.size()) {
    std::fill_n(least_.begin(), best_.size(), static_cast<float>(rules.min_score));
  }

  // Rows come in the order of the priors.
  void AddRow(size_t row, const float* offsets, std::span<const float> logits) {
    const float object = Largest(logits.subspan(1));
    const float largest = std::max(object, logits[0]);
    if (object - largest < least_log_) return;  // the sum of the powers is 1 at least
    const float sum = Powers(logits, largest, powers_.data());
    bool decoded = false;
    for (size_t first = 0; first < least_.size(); first += kLanes) {
      if (!MayHold(first, sum)) continue;
      for (size_t label = first; label < std::min(first + kLanes, best_.size()); ++label) {
        const float score = powers_[1 + label] / sum;
        if (!(score > least_[label])) continue;
        if (!decoded) {
          const Box box = Decode(offsets, priors_[row], variances_[0], variances_[1]);
          if (!(box.x2 > box.x1 && box.y2 > box.y1)) return;
          boxes_.push_back(box);
          decoded = true;
        }
        best_[label].Add({score, static_cast<uint32_t>(boxes_.size() - 1)});
        least_[label] = best_[label].least();
      }
    }
  }

  size_t classes() const { return best_.size(); }
  const std::vector<Candidate>& Sorted(size_t label) { return best_[label].Sorted(); }
  const Box& box(const Candidate& candidate) const { return boxes_[candidate.box()]; }

 private:
  static constexpr size_t kLanes = 8;

  // Whether one of the classes from `first` on can have a score that counts. Quotients take longer.
  bool MayHold(size_t first, float sum) const {
    const float limit = sum * kSurely;
    int some = 0;
    for (size_t label = first; label < first + kLanes; ++label) {
      some |= powers_[1 + label] >= least_[label] * limit;
    }
    return some != 0;
  }

  std::span<const Prior> priors_;
  float variances_[2];
  float least_log_;
  std::vector<Best> best_;
  std::vector<float> least_;   // a score of a class counts above this; whole lanes
  std::vector<float> powers_;  // of a row; beyond its classes they stay 0
  std::vector<Box> boxes_;
};

}  // namespace

std::vector<Detection> Detect(std::span<const float> locations, std::span<const float> logits,
                              std::span<const Prior> priors, const Rules& rules) {
  Check(rules);
  const size_t columns = static_cast<size_t>(rules.num_classes) + 1;
  CheckOutputs(locations, logits, priors.size(), columns);
  if (priors.empty()) return {};
  Candidates candidates(priors, rules);
  for (size_t row = 0; row < priors.size(); ++row) {
    candidates.AddRow(row, locations.data() + 4 * row, logits.subspan(row * columns, columns));
  }
  const auto most = static_cast<size_t>(rules.max_detections);
  std::vector<Detection> found;
  Suppression suppression(most, rules.nms_iou);
  for (size_t label = 0; label < candidates.classes(); ++label) {
    suppression.Clear();
    for (const Candidate& candidate : candidates.Sorted(label)) {
      const Box& box = candidates.box(candidate);
      if (suppression.Keep(box)) found.push_back({box, static_cast<int>(label), candidate.score()});
    }
  }
  // Stable: within a class they are in order, and the classes follow one another.
  std::stable_sort(found.begin(), found.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
  if (found.size() > most) found.resize(most);
  return found;
}

PixelBox InPixels(const Box& box, int height, int width) {
  if (height < 1 || width < 1) {
    throw Error("the picture: " + std::to_string(height) + " x " + std::to_string(width) +
                " pixels is no size; give its height and width");
  }
  return {double{box.x1} * width, double{box.y1} * height, double{box.x2} * width,
          double{box.y2} * height};
}

}  // namespace adabin::detection
