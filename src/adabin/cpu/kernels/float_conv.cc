// SPDX-License-Identifier: Apache-2.0
//
// Operators of a full-precision convolution: first layers and shortcuts.
#include <algorithm>

#include "aot.h"
#include "conv_planes.h"
#include "conv_shape.h"
#include "conv_weight_grad.h"

namespace adabin_cpu {
namespace {

void WeightGradient(const ConvShape& s, const float* dy, const float* x, float* dw) {
  ConvWeightGradient(s, dy, x, nullptr,
                     [&](int64_t o, const float* gradient) { std::copy_n(gradient, s.filter(), dw + o * s.filter()); });
}

/// Inputs x, w, geometry; output y.
AotResult Forward(const AotCall& call) {
  if (call.count() != 4) return kWrongCount;
  if (!call.AreFloat(0, 2) || !call.AreFloat(3, 4)) return kWrongType;
  ConvShape s;
  if (const AotResult result = ReadConvShape(call, 0, 1, 2, kPlainGeometrySize, &s)) return result;
  if (!HasOutputShape(call, 3, s)) return kWrongShape;
  ConvForward(s, call.floats(0), call.floats(1), call.floats(3));
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

}  // namespace
}  // namespace adabin_cpu

ADABIN_AOT_RUN(FloatConvForward, adabin_cpu::Forward)
ADABIN_AOT_RUN(FloatConvBackward, adabin_cpu::Backward)
ADABIN_AOT_RUN(FloatConvWeightGrad, adabin_cpu::WeightOnly)
