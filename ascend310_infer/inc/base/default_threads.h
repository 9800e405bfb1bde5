// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_DEFAULT_THREADS_H_
#define ADABIN_BASE_DEFAULT_THREADS_H_

#include <optional>

namespace adabin {

// Threads where no flag says how many: ADABIN_CPU_THREADS, else OMP_NUM_THREADS, else
// UsableProcessors(). Training follows the same rule; tests/golden/default_threads.json holds its
// cases. Throws Error where ADABIN_CPU_THREADS is no number of threads.
int DefaultThreads();

// The processors that this process may use: the smaller of its affinity and its container's CPU
// quota, at most kMaxThreads.
int UsableProcessors();
int UsableProcessors(int affinity, std::optional<int> quota);

// The rule on values of the two variables, null where they are not set.
int ChooseThreads(const char* adabin_cpu_threads, const char* omp_num_threads, int processors);

}  // namespace adabin

#endif  // ADABIN_BASE_DEFAULT_THREADS_H_
