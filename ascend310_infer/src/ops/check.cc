// SPDX-License-Identifier: Apache-2.0
#include "ops/check.h"

#include "base/error.h"

namespace adabin::ops {

void Fail(const ir::Step& step, const std::string& what) {
  throw Error(std::string("step ") + ir::StepName(step.kind) + ": " + what);
}

void CheckShape(const ir::Step& step, int64_t c, int64_t h, int64_t w) {
  if (c < 1 || h < 1 || w < 1) Fail(step, "the feature map is too small for this layer");
  if (c > kMaxDim || h > kMaxDim || w > kMaxDim || c * h > kMaxElements ||
      c * h * w > kMaxElements) {
    Fail(step, "the feature map is too large");
  }
}

void CheckSize(const ir::Step& step, const char* what, size_t size, size_t expected) {
  if (size != expected) {
    Fail(step, std::string(what) + " has " + std::to_string(size) + " entries where " +
                   std::to_string(expected) + " are needed");
  }
}

void CheckAffine(const ir::Step& step, int channels) {
  const auto size = static_cast<size_t>(channels);
  if (!step.scale.empty()) CheckSize(step, "scale", step.scale.size(), size);
  if (!step.shift.empty()) CheckSize(step, "shift", step.shift.size(), size);
}

}  // namespace adabin::ops
