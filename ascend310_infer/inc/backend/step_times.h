// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_STEP_TIMES_H_
#define ADABIN_BACKEND_STEP_TIMES_H_

#include <cstddef>
#include <vector>

namespace adabin::backend {

// How long each step took for the last samples, however many there were before.
class StepTimes {
 public:
  explicit StepTimes(size_t steps) : times_(steps) {}

  // Room for one sample more; throws bad_alloc, which Add, called by a worker, may not.
  void BeginSample();
  void Add(size_t step, double milliseconds) { times_[step][at_] = milliseconds; }
  double Median(size_t step) const;  // 0 before the first sample

 private:
  static constexpr size_t kKept = 10000;  // samples

  std::vector<std::vector<double>> times_;  // by step, by sample
  size_t samples_ = 0;
  size_t at_ = 0;
};

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_STEP_TIMES_H_
