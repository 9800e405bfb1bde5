// SPDX-License-Identifier: Apache-2.0
// SGD with momentum and weight decay over all parameters in one operator, in place: v = m v + (g + decay w), w -= lr v.
#include <algorithm>
#include <vector>

#include "aot.h"
#include "parallel.h"

namespace adabin_cpu {
namespace {

constexpr int64_t kPiece = 32768;  // floats: a task

/// Part of one parameter.
struct Piece {
  const float* gradient;
  float *weight, *velocity;
  int64_t size;
  float decay;
};

/// Inputs: n gradients, n parameters, n velocities, learning rate, momentum, decay (n); output: one float without
/// meaning. Parameters and velocities are changed where they are.
AotResult Momentum(const AotCall& call) {
  const int n = (call.count() - 4) / 3;
  if (n < 1 || call.count() != 3 * n + 4) return kWrongCount;
  if (!call.AreFloat(0, call.count())) return kWrongType;
  const int rate = 3 * n, momentum = rate + 1, decay = rate + 2;
  if (call.size(rate) != 1 || call.size(momentum) != 1 || call.size(decay) != n) return kWrongShape;
  std::vector<Piece> pieces;
  for (int i = 0; i < n; ++i) {
    const int64_t size = call.size(i);
    if (call.size(n + i) != size || call.size(2 * n + i) != size) return kWrongShape;
    for (int64_t first = 0; first < size; first += kPiece) {
      pieces.push_back({call.floats(i) + first, call.floats(n + i) + first, call.floats(2 * n + i) + first,
                        std::min(kPiece, size - first), call.floats(decay)[i]});
    }
  }
  // Small parameters are many: some of them at a time.
  const int64_t count = static_cast<int64_t>(pieces.size()), together = 8;
  const float lr = call.scalar(rate), m = call.scalar(momentum);
  ParallelFor((count + together - 1) / together, [&](int64_t task) {
    for (int64_t i = task * together; i < std::min(count, (task + 1) * together); ++i) {
      const Piece& p = pieces[i];
      for (int64_t k = 0; k < p.size; ++k) {
        const float velocity = m * p.velocity[k] + (p.gradient[k] + p.decay * p.weight[k]);
        p.velocity[k] = velocity;
        p.weight[k] -= lr * velocity;
      }
    }
  });
  call.floats(call.count() - 1)[0] = 0;
  return kOk;
}

}  // namespace
}  // namespace adabin_cpu

ADABIN_AOT_RUN(Momentum, adabin_cpu::Momentum)
