// SPDX-License-Identifier: Apache-2.0
#include "base/default_threads.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <thread>

#include "base/cpu_quota.h"
#include "base/error.h"
#include "base/thread_pool.h"

namespace adabin {
namespace {

std::string Trim(const std::string& text) {
  constexpr char kBlanks[] = " \t\n\v\f\r";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// 0 where the text is not a positive number in decimal digits.
int ParseThreads(const std::string& text) {
  int64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return 0;
    value = std::min<int64_t>(10 * value + (digit - '0'), kMaxThreads);
  }
  return static_cast<int>(value);
}

int Affinity() {
  // The system refuses a set that is smaller than its own.
  for (int size = CPU_SETSIZE; size <= (1 << 20); size *= 2) {
    cpu_set_t* set = CPU_ALLOC(static_cast<size_t>(size));
    if (set == nullptr) break;
    const size_t bytes = CPU_ALLOC_SIZE(static_cast<size_t>(size));
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    const bool too_small = !known && errno == EINVAL;
    const int count = known ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (known) return count;
    if (!too_small) break;
  }
  return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

int UsableProcessors() { return UsableProcessors(Affinity(), CpuQuota()); }

int UsableProcessors(int affinity, std::optional<int> quota) {
  return std::clamp(std::min(affinity, quota.value_or(affinity)), 1, kMaxThreads);
}

int ChooseThreads(const char* adabin_cpu_threads, const char* omp_num_threads, int processors) {
  if (adabin_cpu_threads != nullptr) {
    const std::string text = Trim(adabin_cpu_threads);
    const int threads = ParseThreads(text);
    if (threads > 0) return threads;
    if (!text.empty()) {
      throw Error("ADABIN_CPU_THREADS=" + Printable(adabin_cpu_threads) +
                  ": is not a positive whole number; give one, unset it, or say how many threads");
    }
  }
  if (omp_num_threads != nullptr) {
    // The first of a list is for the outermost loops. What it means is OpenMP's to check, not ours.
    const std::string text = omp_num_threads;
    const int threads = ParseThreads(Trim(text.substr(0, text.find(','))));
    if (threads > 0) return threads;
  }
  return processors;
}

int DefaultThreads() {
  return ChooseThreads(std::getenv("ADABIN_CPU_THREADS"), std::getenv("OMP_NUM_THREADS"),
                       UsableProcessors());
}

}  // namespace adabin
