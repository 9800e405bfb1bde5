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

double StepTimes::Median(size_t step) const {
  std::vector<double> times = times_[step];
  std::sort(times.begin(), times.end());
  return times.empty() ? 0 : times[times.size() / 2];
}

}  // namespace adabin::backend
