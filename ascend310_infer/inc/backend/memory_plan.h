// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_MEMORY_PLAN_H_
#define ADABIN_BACKEND_MEMORY_PLAN_H_

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

#include "ir/plan.h"

namespace adabin::backend {

// Where each value of a plan lives in one block of memory. Values whose lifetimes do not overlap
// share bytes, so a deep network needs little more than its widest layer.
struct MemoryPlan {
  std::vector<size_t> offsets;  // bytes, per value of the plan
  size_t workspace_offset = 0;  // shared by all steps, used within one
  size_t total_bytes = 0;
};

// `workspace_bytes`: the most that any step asks for.
MemoryPlan PlanMemory(const ir::Plan& plan, size_t workspace_bytes);

// Memory aligned for any vector instruction.
constexpr size_t kAlignment = 64;
struct AlignedDelete {
  void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{kAlignment}); }
};
using AlignedBuffer = std::unique_ptr<std::byte[], AlignedDelete>;
AlignedBuffer AllocateAligned(size_t bytes);

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_MEMORY_PLAN_H_
