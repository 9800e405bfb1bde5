// SPDX-License-Identifier: Apache-2.0
// Mean of every map over its pixels.
#include "aot.h"
#include "lanes.h"
#include "parallel.h"

namespace adabin_cpu {
namespace {

/// x (N, C, H, W) -> y (N, C)
AotResult Forward(const AotCall& call) {
  if (call.count() != 2) return kWrongCount;
  if (!call.AreFloat(0, 2)) return kWrongType;
  if (call.rank(0) != 4 || !call.HasShape(1, {call.dim(0, 0), call.dim(0, 1)})) return kWrongShape;
  const int64_t channels = call.dim(0, 1), pixels = call.dim(0, 2) * call.dim(0, 3);
  const float* x = call.floats(0);
  float* y = call.floats(1);
  ParallelFor(call.dim(0, 0), [=](int64_t n) {
    for (int64_t map = n * channels; map < (n + 1) * channels; ++map) {
      const float* from = x + map * pixels;
      Lanes sums = {};
      int64_t i = 0;
      for (; i + kLanes <= pixels; i += kLanes) sums += Load(from + i);
      if (i < pixels) sums += LoadSome(from + i, pixels - i);
      y[map] = static_cast<float>(Sum(sums) / static_cast<double>(pixels));
    }
  });
  return kOk;
}

/// (dy, x) -> dx
AotResult Backward(const AotCall& call) {
  if (call.count() != 3) return kWrongCount;
  if (!call.AreFloat(0, 3)) return kWrongType;
  if (call.rank(1) != 4 || !call.HasShape(0, {call.dim(1, 0), call.dim(1, 1)}) || call.size(2) != call.size(1)) {
    return kWrongShape;
  }
  const int64_t channels = call.dim(1, 1), pixels = call.dim(1, 2) * call.dim(1, 3);
  const float* dy = call.floats(0);
  float* dx = call.floats(2);
  ParallelFor(call.dim(1, 0), [=](int64_t n) {
    for (int64_t map = n * channels; map < (n + 1) * channels; ++map) {
      const float value = dy[map] / static_cast<float>(pixels);
      for (int64_t i = 0; i < pixels; ++i) dx[map * pixels + i] = value;
    }
  });
  return kOk;
}

}  // namespace
}  // namespace adabin_cpu

ADABIN_AOT_RUN(SpatialMeanForward, adabin_cpu::Forward)
ADABIN_AOT_RUN(SpatialMeanBackward, adabin_cpu::Backward)
