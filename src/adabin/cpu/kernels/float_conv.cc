// SPDX-License-Identifier: Apache-2.0
//
// Operators of a full-precision convolution: first layers, shortcuts and heads.
#include <algorithm>

#include "aot.h"
#include "conv_planes.h"
#include "conv_shape.h"
#include "conv_weight_grad.h"
#include "parallel.h"
#include "simd.h"

namespace adabin_cpu {
namespace {

void WeightGradient(const ConvShape& s, const float* dy, const float* x, float* dw) {
  ConvWeightGradient(s, dy, x, nullptr,
                     [&](int64_t o, const float* gradient) { std::copy_n(gradient, s.filter(), dw + o * s.filter()); });
}

/// Inputs x, w, geometry, perhaps the filters' bias; output y.
AotResult Forward(const AotCall& call) {
  if (call.count() != 4 && call.count() != 5) return kWrongCount;
  const int out = call.count() - 1;
  if (!call.AreFloat(0, 2) || !call.AreFloat(3, call.count())) return kWrongType;
  ConvShape s;
  if (const AotResult result = ReadConvShape(call, 0, 1, 2, kPlainGeometrySize, &s)) return result;
  if (!HasOutputShape(call, out, s) || (out == 4 && !call.HasShape(3, {s.o}))) return kWrongShape;
  ConvForward(s, call.floats(0), call.floats(1), out == 4 ? call.floats(3) : nullptr, call.floats(out));
  return kOk;
}

/// Inputs dy, x, w, geometry; outputs dx, dw.
AotResult Backward(const AotCall& call) {
  if (call.count() != 6) return kWrongCount;
  if (!call.AreFloat(0, 3) || !call.AreFloat(4, 6)) return kWrongType;
  ConvShape s;
  if (const AotResult result = ReadConvShape(call, 1, 2, 3, kPlainGeometrySize, &s)) return result;
  if (!HasOutputShape(call, 0, s) || !HasInputShape(call, 4, s) || !HasWeightShape(call, 5, s)) return kWrongShape;
  ConvDataGradient(s, call.floats(0), call.floats(2), call.floats(4), nullptr, nullptr, nullptr);
  WeightGradient(s, call.floats(0), call.floats(1), call.floats(5));
  return kOk;
}

/// Inputs dy, x, w, geometry; output dw.
AotResult WeightOnly(const AotCall& call) {
  if (call.count() != 5) return kWrongCount;
  if (!call.AreFloat(0, 3) || !call.AreFloat(4, 5)) return kWrongType;
  ConvShape s;
  if (const AotResult result = ReadConvShape(call, 1, 2, 3, kPlainGeometrySize, &s)) return result;
  if (!HasOutputShape(call, 0, s) || !HasWeightShape(call, 4, s)) return kWrongShape;
  WeightGradient(s, call.floats(0), call.floats(1), call.floats(4));
  return kOk;
}

/// Input dy (n, o, h, w); output the bias's gradient (o): sums over images and pixels, in a fixed order.
AotResult BiasGradient(const AotCall& call) {
  if (call.count() != 2) return kWrongCount;
  if (!call.AreFloat(0, 2)) return kWrongType;
  if (call.rank(0) != 4 || !call.HasShape(1, {call.dim(0, 1)})) return kWrongShape;
  const int64_t images = call.dim(0, 0), channels = call.dim(0, 1), pixels = call.dim(0, 2) * call.dim(0, 3);
  ParallelFor(channels, [&](int64_t channel) {
    double sum = 0;
    for (int64_t n = 0; n < images; ++n) {
      const float* dy = call.floats(0) + (n * channels + channel) * pixels;
      Vec part = {};
      int64_t i = 0;
      for (; i + kLanes <= pixels; i += kLanes) part += Load<Vec>(dy + i);
      sum += Sum(part);
      for (; i < pixels; ++i) sum += static_cast<double>(dy[i]);
    }
    call.floats(1)[channel] = static_cast<float>(sum);
  });
  return kOk;
}

}  // namespace
}  // namespace adabin_cpu

ADABIN_AOT_RUN(FloatConvForward, adabin_cpu::Forward)
ADABIN_AOT_RUN(FloatConvBackward, adabin_cpu::Backward)
ADABIN_AOT_RUN(FloatConvWeightGrad, adabin_cpu::WeightOnly)
ADABIN_AOT_RUN(FloatConvBiasGrad, adabin_cpu::BiasGradient)
