// SPDX-License-Identifier: Apache-2.0
#include "backend/step_times.h"

#include <algorithm>

namespace adabin::backend {

void StepTimes::BeginSample() {
  at_ = samples_ % kKept;
  for (std::vector<double>& times : times_) {
    if (times.size() == at_) times.push_back(0);
  }
  ++samples_;
}

std::vector<double> StepTimes::Medians() const {
  std::vector<double> medians;
  for (std::vector<double> times : times_) {
    std::sort(times.begin(), times.end());
    medians.push_back(times.empty() ? 0 : times[times.size() / 2]);
  }
  return medians;
}

}  // namespace adabin::backend
