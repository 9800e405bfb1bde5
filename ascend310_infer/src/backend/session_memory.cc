// SPDX-License-Identifier: Apache-2.0
#include "backend/session_memory.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace adabin::backend {
namespace {

void Grow(std::vector<schedule::AlignedBuffer>* buffers, size_t count, size_t bytes) {
  while (buffers->size() < count) buffers->push_back(schedule::AllocateAligned(bytes));
}

}  // namespace

SessionMemory::SessionMemory(const CpuModel& model, const SessionOptions& options)
    : threads_(static_cast<size_t>(std::max(options.threads, 1))),
      arena_bytes_(model.schedule().memory.total_bytes + schedule::kAlignment),
      scratch_bytes_(model.schedule().scratch_bytes + schedule::kAlignment),
      picture_bytes_(options.pixels == nullptr ? 0 : model.input().size() * sizeof(float)),
      alone_(threads_ > 1 && !options.profile) {
  const bool limited = options.memory_limit != 0;
  const size_t most = limited ? options.memory_limit : kMostOfAll;
  const size_t one = BytesWith(1);
  const size_t others = (threads_ - 1) * schedule::AllocatedBytes(scratch_bytes_);
  if (one > most || (!limited && one - others > kMostOfOneSample)) {
    throw Error("memory_limit" + (limited ? " " + std::to_string(most) : "") +
                ": one sample needs " + std::to_string(one) + " bytes with " +
                std::to_string(threads_) + (threads_ == 1 ? " thread" : " threads") +
                (limited ? "; allow more or take fewer threads"
                         : ", more than is allowed without one; allow as many if you trust the "
                           "network"));
  }
  alone_ = alone_ && BytesWith(threads_) <= most;
}

size_t SessionMemory::Alone(size_t samples) const {
  return alone_ ? samples / threads_ * threads_ : 0;
}

size_t SessionMemory::BytesWith(size_t arenas) const {
  const size_t picture = picture_bytes_ == 0 ? 0 : schedule::AllocatedBytes(picture_bytes_);
  return arenas * (schedule::AllocatedBytes(arena_bytes_) + picture) +
         threads_ * schedule::AllocatedBytes(scratch_bytes_);
}

size_t SessionMemory::Bytes(size_t samples) const {
  return BytesWith(Alone(samples) > 0 ? threads_ : 1);
}

void SessionMemory::Allocate(size_t samples) {
  const size_t arenas = Alone(samples) > 0 ? threads_ : 1;
  Grow(&arenas_, arenas, arena_bytes_);
  Grow(&scratch_, threads_, scratch_bytes_);
  if (picture_bytes_ > 0) Grow(&pictures_, arenas, picture_bytes_);
}

}  // namespace adabin::backend
