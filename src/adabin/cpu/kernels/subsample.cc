// SPDX-License-Identifier: Apache-2.0
// The shortcut without parameters: every stride-th pixel of every channel, zero channels in front and behind.
#include <algorithm>

#include "aot.h"
#include "parallel.h"

namespace adabin_cpu {
namespace {

struct Maps {
  int64_t samples, channels, rows, columns;

  int64_t pixels() const { return rows * columns; }
};

Maps MapsOf(const AotCall& call, int i) { return {call.dim(i, 0), call.dim(i, 1), call.dim(i, 2), call.dim(i, 3)}; }

// How the large map (x) and the small, wide one (y) lie over each other.
struct Overlay {
  Maps x, y;
  int64_t stride, front;

  bool Fits() const {
    return stride > 0 && x.samples == y.samples && front >= 0 && front + x.channels <= y.channels &&
           y.rows == (x.rows + stride - 1) / stride && y.columns == (x.columns + stride - 1) / stride;
  }
};

void Subsample(const Overlay& o, const float* x, float* y) {
  ParallelFor(o.y.samples, [&](int64_t n) {
    float* to = y + n * o.y.channels * o.y.pixels();
    std::fill_n(to, o.front * o.y.pixels(), 0.0f);
    to += o.front * o.y.pixels();
    for (int64_t c = 0; c < o.x.channels; ++c) {
      const float* map = x + (n * o.x.channels + c) * o.x.pixels();
      for (int64_t i = 0; i < o.y.rows; ++i) {
        const float* row = map + i * o.stride * o.x.columns;
        for (int64_t j = 0; j < o.y.columns; ++j) *to++ = row[j * o.stride];
      }
    }
    std::fill_n(to, (o.y.channels - o.front - o.x.channels) * o.y.pixels(), 0.0f);
  });
}

void SubsampleGradient(const Overlay& o, const float* dy, float* dx) {
  ParallelFor(o.x.samples, [&](int64_t n) {
    float* to = dx + n * o.x.channels * o.x.pixels();
    std::fill_n(to, o.x.channels * o.x.pixels(), 0.0f);
    const float* from = dy + (n * o.y.channels + o.front) * o.y.pixels();
    for (int64_t c = 0; c < o.x.channels; ++c, to += o.x.pixels()) {
      for (int64_t i = 0; i < o.y.rows; ++i) {
        for (int64_t j = 0; j < o.y.columns; ++j) to[i * o.stride * o.x.columns + j * o.stride] = *from++;
      }
    }
  });
}

// (x (N, C, H, W), geometry [stride, channels in front]) -> y (N, C', ceil(H / stride), ceil(W / stride))
AotResult Forward(const AotCall& call) {
  if (call.count() != 3) return kWrongCount;
  if (!call.Is(0, "float32") || !call.Is(1, "int32") || !call.Is(2, "float32")) return kWrongType;
  if (call.rank(0) != 4 || call.rank(2) != 4 || call.size(1) != 2) return kWrongShape;
  const Overlay overlay = {MapsOf(call, 0), MapsOf(call, 2), call.ints(1)[0], call.ints(1)[1]};
  if (!overlay.Fits()) return kWrongShape;
  Subsample(overlay, call.floats(0), call.floats(2));
  return kOk;
}

// (dy, x, geometry) -> dx
AotResult Backward(const AotCall& call) {
  if (call.count() != 4) return kWrongCount;
  if (!call.AreFloat(0, 2) || !call.Is(2, "int32") || !call.Is(3, "float32")) return kWrongType;
  if (call.rank(0) != 4 || call.rank(1) != 4 || call.size(2) != 2) return kWrongShape;
  const Overlay overlay = {MapsOf(call, 1), MapsOf(call, 0), call.ints(2)[0], call.ints(2)[1]};
  if (!overlay.Fits()) return kWrongShape;
  SubsampleGradient(overlay, call.floats(0), call.floats(3));
  return kOk;
}

}  // namespace
}  // namespace adabin_cpu

ADABIN_AOT_RUN(SubsampleForward, adabin_cpu::Forward)
ADABIN_AOT_RUN(SubsampleBackward, adabin_cpu::Backward)
