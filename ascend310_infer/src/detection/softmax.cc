// SPDX-License-Identifier: Apache-2.0
#include "detection/softmax.h"

#include <algorithm>

#include "detection/exponential.h"

namespace adabin::detection {

float Largest(std::span<const float> values) {
  constexpr size_t kLanes = 4;
  float lanes[kLanes] = {values[0], values[0], values[0], values[0]};
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = values[i + lane] > lanes[lane] ? values[i + lane] : lanes[lane];
    }
  }
  float largest = *std::max_element(lanes, lanes + kLanes);
  for (; i < values.size(); ++i) largest = std::max(largest, values[i]);
  return largest;
}

float Powers(std::span<const float> logits, float largest, float* powers) {
  for (size_t i = 0; i < logits.size(); ++i) powers[i] = Exponential(logits[i] - largest);
  return Sum({powers, logits.size()});
}

float Sum(std::span<const float> values) {
  constexpr size_t kLanes = 8;
  constexpr size_t kBlock = 128;
  if (values.size() > kBlock) {
    const size_t half = values.size() / 2 / kLanes * kLanes;
    return Sum(values.first(half)) + Sum(values.subspan(half));
  }
  float sum = 0;
  size_t i = 0;
  if (values.size() >= kLanes) {
    float lanes[kLanes];
    std::copy_n(values.begin(), kLanes, lanes);
    for (i = kLanes; i + kLanes <= values.size(); i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += values[i + lane];
    }
    sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
          ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  }
  for (; i < values.size(); ++i) sum += values[i];
  return sum;
}

}  // namespace adabin::detection
