// SPDX-License-Identifier: Apache-2.0
#include "backend/memory_plan.h"

#include <algorithm>

namespace adabin::backend {
namespace {

struct Block {
  size_t offset;
  size_t bytes;
  int last_use;  // step
};

size_t RoundUp(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// The lowest gap between live blocks that is large enough.
size_t FirstFit(std::vector<Block>* live, size_t bytes) {
  std::sort(live->begin(), live->end(),
            [](const Block& a, const Block& b) { return a.offset < b.offset; });
  size_t at = 0;
  for (const Block& block : *live) {
    if (block.offset >= at + bytes) break;
    at = std::max(at, block.offset + block.bytes);
  }
  return at;
}

}  // namespace

MemoryPlan PlanMemory(const ir::Plan& plan, size_t workspace_bytes) {
  const int steps = static_cast<int>(plan.steps.size());
  std::vector<int> last_use(plan.values.size(), -1);
  for (int i = 0; i < steps; ++i) {
    const ir::Step& step = plan.steps[static_cast<size_t>(i)];
    last_use[static_cast<size_t>(step.input)] = i;
    if (step.second >= 0) last_use[static_cast<size_t>(step.second)] = i;
  }
  for (const int output : plan.outputs) last_use[static_cast<size_t>(output)] = steps;

  MemoryPlan memory;
  memory.offsets.resize(plan.values.size());
  std::vector<Block> live;
  for (size_t value = 0; value < plan.values.size(); ++value) {
    const int born = static_cast<int>(value) - 1;  // the step that writes it
    std::erase_if(live, [&](const Block& block) { return block.last_use < born; });
    const size_t bytes = RoundUp(plan.values[value].size() * sizeof(float));
    const size_t offset = FirstFit(&live, bytes);
    memory.offsets[value] = offset;
    live.push_back({offset, bytes, std::max(last_use[value], born)});
    memory.total_bytes = std::max(memory.total_bytes, offset + bytes);
  }
  memory.workspace_offset = memory.total_bytes;
  memory.total_bytes += RoundUp(workspace_bytes);
  return memory;
}

AlignedBuffer AllocateAligned(size_t bytes) {
  return AlignedBuffer(new (std::align_val_t{kAlignment}) std::byte[bytes]);
}

}  // namespace adabin::backend
