// SPDX-License-Identifier: Apache-2.0
#include "base/epilogue.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace adabin {

void Epilogue::Prepend(const Epilogue& before) {
  const size_t n = std::max({before.scale.size(), before.shift.size(), scale.size(), shift.size()});
  const auto at = [](const std::vector<double>& values, size_t i, double none) {
    return values.empty() ? none : values[i];
  };
  std::vector<double> new_scale(n), new_shift(n);
  for (size_t i = 0; i < n; ++i) {
    new_scale[i] = at(before.scale, i, 1) * at(scale, i, 1);
    new_shift[i] = at(before.shift, i, 0) * at(scale, i, 1) + at(shift, i, 0);
  }
  scale = std::move(new_scale);
  shift = std::move(new_shift);
}

void Epilogue::SetActivation(const Epilogue& from) {
  act = from.act;
  positive = from.positive;
  negative = from.negative;
}

Epilogue Epilogue::Part(size_t first, size_t count) const {
  const auto part = [&](const auto& all) {
    const auto from = all.begin() + static_cast<ptrdiff_t>(all.empty() ? 0 : first);
    return std::decay_t<decltype(all)>(from,
                                       from + static_cast<ptrdiff_t>(all.empty() ? 0 : count));
  };
  return {part(scale), part(shift), act, part(positive), part(negative)};
}

void Epilogue::Apply(float* z, const float* residual, int channels) const {
  const auto n = static_cast<size_t>(channels);
  if (!scale.empty()) {
    for (size_t c = 0; c < n; ++c) z[c] *= static_cast<float>(scale[c]);
  }
  if (!shift.empty()) {
    for (size_t c = 0; c < n; ++c) z[c] += static_cast<float>(shift[c]);
  }
  if (residual != nullptr) {
    for (size_t c = 0; c < n; ++c) z[c] += residual[c];
  }
  if (act == Activation::kTwoSlope) {
    // One of max(x, 0) and min(x, 0) is zero, so the sum is the product with the slope of x's side;
    // a NaN stays one.
    for (size_t c = 0; c < n; ++c) z[c] *= z[c] > 0.0f ? positive[c] : negative[c];
  } else if (act == Activation::kRelu) {
    for (size_t c = 0; c < n; ++c) z[c] = z[c] > 0.0f ? z[c] : 0.0f;
  }
}

void FinishPixel(const Epilogue& after, const Target& target, int h, int row, int w, int width,
                 int channels, float* z) {
  const int64_t at = (int64_t{row} * width + w) * channels;
  after.Apply(z, target.residual == nullptr ? nullptr : target.residual + at, channels);
  if (target.z != nullptr) std::copy_n(z, channels, target.z + at);
  if (target.bits == nullptr) return;
  if (target.thresholds != nullptr) {
    for (int c = 0; c < channels; ++c) {
      z[c] = ActivationBit(target.compare, z[c], target.thresholds[c]) ? 1.0f : -1.0f;
    }
  }
  const float threshold = target.thresholds == nullptr ? target.threshold : 0.0f;
  const BitLayout pixel{{channels, 1, 1}, {}, target.layout.pixel_bytes, target.layout.pixel_bytes};
  PackBits(z, target.compare, threshold, pixel, target.bits + target.layout.Offset(h, w), 0, 1);
}

}  // namespace adabin
