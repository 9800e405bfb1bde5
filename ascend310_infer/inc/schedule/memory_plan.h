// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_SCHEDULE_MEMORY_PLAN_H_
#define ADABIN_SCHEDULE_MEMORY_PLAN_H_

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

namespace adabin::schedule {

// One map of a schedule: floats, or bits. Buffers are numbered in the order of their birth.
struct Buffer {
  size_t bytes = 0;
  int born = 0;          // the step that writes it first
  int last_use = 0;      // the last one that touches it
  int in_place_of = -1;  // takes over this buffer's memory, which no one reads later
  bool keeps = false;    // shares memory with no other: its zero padding is written once
};

// Where each buffer lies in one block of memory. Buffers whose lifetimes do not overlap share
// bytes, so a deep network needs little more than its widest layer.
struct MemoryPlan {
  std::vector<size_t> offsets;
  size_t total_bytes = 0;
};
MemoryPlan PlanMemory(std::vector<Buffer> buffers);

// Memory aligned for any vector instruction, zeroed.
constexpr size_t kAlignment = 64;
struct AlignedDelete {
  void operator()(std::byte* p) const { std::free(p); }
};
using AlignedBuffer = std::unique_ptr<std::byte[], AlignedDelete>;
AlignedBuffer AllocateAligned(size_t bytes);
size_t AllocatedBytes(size_t bytes);  // what that takes: a large block is whole large pages

constexpr size_t RoundUpToAlignment(size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace adabin::schedule

#endif  // ADABIN_SCHEDULE_MEMORY_PLAN_H_
