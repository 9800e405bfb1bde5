// SPDX-License-Identifier: Apache-2.0
#include "kernels/normalize.h"

#include <algorithm>
#include <cmath>

namespace adabin::kernels {
namespace {

// In lanes, so that compilers use vectors of any width and every CPU adds in the same order.
constexpr size_t kLanes = 16;

float SumOfSquares(const float* x, size_t count) {
  float sums[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += x[i + lane] * x[i + lane];
  }
  for (size_t lane = 0; i + lane < count; ++lane) sums[lane] += x[i + lane] * x[i + lane];
  for (size_t half = kLanes / 2; half > 0; half /= 2) {
    for (size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

}  // namespace

void UnitPixels(int pixels, int channels, float epsilon, const float* x, float* z) {
  const auto count = static_cast<size_t>(channels);
  for (int pixel = 0; pixel < pixels; ++pixel, x += count, z += count) {
    const float norm = std::sqrt(SumOfSquares(x, count) + epsilon);
    for (size_t c = 0; c < count; ++c) z[c] = x[c] / norm;
  }
}

void Softmax(size_t count, size_t stride, const float* x, float* z) {
  for (size_t row = 0; row < stride; ++row, ++x, ++z) {
    float largest = x[0];
    for (size_t i = 1; i < count; ++i) largest = std::max(largest, x[i * stride]);
    float sum = 0;
    for (size_t i = 0; i < count; ++i) sum += z[i * stride] = std::exp(x[i * stride] - largest);
    for (size_t i = 0; i < count; ++i) z[i * stride] /= sum;
  }
}

}  // namespace adabin::kernels
