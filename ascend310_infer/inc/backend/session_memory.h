// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_SESSION_MEMORY_H_
#define ADABIN_BACKEND_SESSION_MEMORY_H_

#include <cstddef>
#include <vector>

#include "backend/cpu_model.h"
#include "schedule/memory_plan.h"

namespace adabin::backend {

// What the threads of a session compute in: an arena for each sample that is on its way, scratch
// for each thread, and the floats of a picture that comes as bytes for each arena. Allocated when a
// run first needs it, and kept.
constexpr size_t kMostOfOneSample = size_t{1} << 30;
constexpr size_t kMostOfAll = size_t{4} << 30;

class SessionMemory {
 public:
  // Throws Error where options.memory_limit does not suffice for one sample; where it is 0, limits
  // below, which hold a small file back from large maps.
  SessionMemory(const CpuModel& model, const SessionOptions& options);

  // How many of `samples` samples run one per thread; the threads share each of the others. All
  // the same to the result, but each thread needs an arena: the limit may rule it out.
  size_t Alone(size_t samples) const;
  // All that runs of `samples` samples need.
  size_t Bytes(size_t samples) const;
  // Allocates that. Throws bad_alloc.
  void Allocate(size_t samples);

  std::byte* arena(size_t i) const { return arenas_[i].get(); }
  std::byte* scratch(size_t thread) const { return scratch_[thread].get(); }
  float* picture(size_t i) const { return reinterpret_cast<float*>(pictures_[i].get()); }

 private:
  size_t BytesWith(size_t arenas) const;

  size_t threads_;
  size_t arena_bytes_;
  size_t scratch_bytes_;
  size_t picture_bytes_;  // 0: inputs are floats
  bool alone_;
  std::vector<schedule::AlignedBuffer> arenas_;
  std::vector<schedule::AlignedBuffer> scratch_;
  std::vector<schedule::AlignedBuffer> pictures_;
};

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_SESSION_MEMORY_H_
