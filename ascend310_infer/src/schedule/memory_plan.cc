// SPDX-License-Identifier: Apache-2.0
#include "schedule/memory_plan.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace adabin::schedule {
namespace {

// Maps in one large page neither miss in the TLB nor collide in the second-level cache, as small
// pages do that lie anywhere.
constexpr size_t kHugePage = size_t{2} << 20;

size_t AlignmentOf(size_t bytes) { return bytes >= kHugePage / 8 ? kHugePage : kAlignment; }

struct Block {
  size_t offset;
  size_t bytes;
  int last_use;
};

// Puts a block into the lowest gap between live ones, which are in order, that is large enough.
size_t FirstFit(std::vector<Block>* live, size_t bytes, int last_use) {
  size_t at = 0;
  auto next = live->begin();
  for (; next != live->end() && next->offset < at + bytes; ++next) {
    at = std::max(at, next->offset + next->bytes);
  }
  live->insert(next, {at, bytes, last_use});
  return at;
}

}  // namespace

MemoryPlan PlanMemory(std::vector<Buffer> buffers) {
  // A chain of buffers in place of each other is one block that lives as long as the chain.
  for (size_t i = buffers.size(); i-- > 0;) {
    const Buffer& buffer = buffers[i];
    if (buffer.in_place_of < 0) continue;
    Buffer& before = buffers[static_cast<size_t>(buffer.in_place_of)];
    before.last_use = std::max(before.last_use, buffer.last_use);
    before.bytes = std::max(before.bytes, buffer.bytes);
  }
  MemoryPlan memory;
  memory.offsets.resize(buffers.size());
  std::vector<Block> live;
  for (size_t i = 0; i < buffers.size(); ++i) {
    const Buffer& buffer = buffers[i];
    if (buffer.keeps) continue;
    if (buffer.in_place_of >= 0) {
      memory.offsets[i] = memory.offsets[static_cast<size_t>(buffer.in_place_of)];
      continue;
    }
    std::erase_if(live, [&](const Block& block) { return block.last_use < buffer.born; });
    const size_t bytes = RoundUpToAlignment(buffer.bytes);
    memory.offsets[i] = FirstFit(&live, bytes, std::max(buffer.last_use, buffer.born));
    memory.total_bytes = std::max(memory.total_bytes, memory.offsets[i] + bytes);
  }
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (!buffers[i].keeps) continue;
    memory.offsets[i] = memory.total_bytes;
    memory.total_bytes += RoundUpToAlignment(buffers[i].bytes);
  }
  return memory;
}

size_t AllocatedBytes(size_t bytes) {
  const size_t alignment = AlignmentOf(bytes);
  return (std::max(bytes, size_t{1}) + alignment - 1) / alignment * alignment;
}

AlignedBuffer AllocateAligned(size_t bytes) {
  const size_t alignment = AlignmentOf(bytes);
  const size_t size = AllocatedBytes(bytes);
  void* at = std::aligned_alloc(alignment, size);
  if (at == nullptr) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
  if (alignment == kHugePage) madvise(at, size, MADV_HUGEPAGE);  // at best
#endif
  std::memset(at, 0, bytes);
  return AlignedBuffer(static_cast<std::byte*>(at));
}

}  // namespace adabin::schedule
