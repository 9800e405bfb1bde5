// SPDX-License-Identifier: Apache-2.0
// Maximum or mean over windows of a map ("same" padding: what lies outside does not count).
#include <algorithm>

#include "aot.h"
#include "parallel.h"

namespace adabin_cpu {
namespace {

/// Windows of x (N, C, rows, columns) under y (N, C, ceil(rows / stride), ceil(columns / stride)).
struct Windows {
  int64_t maps, rows, columns, kernel, stride;
  bool mean;

  int64_t out_rows() const { return (rows + stride - 1) / stride; }
  int64_t out_columns() const { return (columns + stride - 1) / stride; }
  /// Padding in front: half of what the windows need in all, rounded down.
  int64_t Before(int64_t length) const {
    const int64_t out = (length + stride - 1) / stride;
    return std::max<int64_t>((out - 1) * stride + kernel - length, 0) / 2;
  }
};

/// Calls visit(index of the output, first row, last row, first column, last column) for every window of a map.
template <typename Visit>
void ForWindows(const Windows& w, const Visit& visit) {
  const int64_t top = w.Before(w.rows), left = w.Before(w.columns);
  int64_t out = 0;
  for (int64_t i = 0; i < w.out_rows(); ++i) {
    const int64_t r0 = std::max<int64_t>(i * w.stride - top, 0), r1 = std::min(i * w.stride - top + w.kernel, w.rows);
    for (int64_t j = 0; j < w.out_columns(); ++j) {
      const int64_t begin = j * w.stride - left;
      visit(out++, r0, r1, std::max<int64_t>(begin, 0), std::min(begin + w.kernel, w.columns));
    }
  }
}

void Pool(const Windows& w, const float* x, float* y) {
  ParallelFor(w.maps, [&](int64_t map) {
    const float* from = x + map * w.rows * w.columns;
    float* to = y + map * w.out_rows() * w.out_columns();
    ForWindows(w, [&](int64_t out, int64_t r0, int64_t r1, int64_t c0, int64_t c1) {
      float best = from[r0 * w.columns + c0], sum = 0;
      for (int64_t r = r0; r < r1; ++r) {
        for (int64_t c = c0; c < c1; ++c) {
          const float v = from[r * w.columns + c];
          best = v > best ? v : best;
          sum += v;
        }
      }
      to[out] = w.mean ? sum / static_cast<float>((r1 - r0) * (c1 - c0)) : best;
    });
  });
}

/// Of equal maxima the first one, row by row, gets the gradient.
void PoolGradient(const Windows& w, const float* dy, const float* x, float* dx) {
  ParallelFor(w.maps, [&](int64_t map) {
    const float* input = x + map * w.rows * w.columns;
    const float* from = dy + map * w.out_rows() * w.out_columns();
    float* to = dx + map * w.rows * w.columns;
    std::fill_n(to, w.rows * w.columns, 0.0f);
    ForWindows(w, [&](int64_t out, int64_t r0, int64_t r1, int64_t c0, int64_t c1) {
      if (w.mean) {
        const float share = from[out] / static_cast<float>((r1 - r0) * (c1 - c0));
        for (int64_t r = r0; r < r1; ++r) {
          for (int64_t c = c0; c < c1; ++c) to[r * w.columns + c] += share;
        }
        return;
      }
      int64_t best = r0 * w.columns + c0;
      for (int64_t r = r0; r < r1; ++r) {
        for (int64_t c = c0; c < c1; ++c) {
          if (input[r * w.columns + c] > input[best]) best = r * w.columns + c;
        }
      }
      to[best] += from[out];
    });
  });
}

/// Windows of x and y at these positions of a call; geometry: [kernel, stride, mean].
AotResult ReadWindows(const AotCall& call, int x, int y, int geometry, Windows* windows) {
  if (!call.Is(geometry, "int32")) return kWrongType;
  if (call.rank(x) != 4 || call.rank(y) != 4 || call.size(geometry) != 3) return kWrongShape;
  const int32_t* g = call.ints(geometry);
  if (g[0] < 1 || g[1] < 1 || g[1] > g[0]) return kWrongValue;  // every window holds a pixel
  *windows = {call.dim(x, 0) * call.dim(x, 1), call.dim(x, 2), call.dim(x, 3), g[0], g[1], g[2] != 0};
  const bool fits = call.HasShape(y, {call.dim(x, 0), call.dim(x, 1), windows->out_rows(), windows->out_columns()});
  return fits && windows->rows > 0 && windows->columns > 0 ? kOk : kWrongShape;
}

/// (x, geometry) -> y
AotResult Forward(const AotCall& call) {
  if (call.count() != 3) return kWrongCount;
  if (!call.Is(0, "float32") || !call.Is(2, "float32")) return kWrongType;
  Windows windows;
  if (const AotResult result = ReadWindows(call, 0, 2, 1, &windows)) return result;
  Pool(windows, call.floats(0), call.floats(2));
  return kOk;
}

/// (dy, x, geometry) -> dx
AotResult Backward(const AotCall& call) {
  if (call.count() != 4) return kWrongCount;
  if (!call.AreFloat(0, 2) || !call.Is(3, "float32")) return kWrongType;
  Windows windows;
  if (const AotResult result = ReadWindows(call, 1, 0, 2, &windows)) return result;
  if (call.size(3) != call.size(1)) return kWrongShape;
  PoolGradient(windows, call.floats(0), call.floats(1), call.floats(3));
  return kOk;
}

}  // namespace
}  // namespace adabin_cpu

ADABIN_AOT_RUN(PoolForward, adabin_cpu::Forward)
ADABIN_AOT_RUN(PoolBackward, adabin_cpu::Backward)
