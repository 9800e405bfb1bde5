// SPDX-License-Identifier: Apache-2.0
//
// Operators of a binary convolution (src/adabin/layers/binary_conv.py), forward and backward, each in one pass.
#include <exception>

#include "aot.h"
#include "binarize.h"
#include "buffer.h"
#include "conv_planes.h"
#include "conv_shape.h"
#include "conv_weight_grad.h"
#include "parallel.h"
#include "popcount_conv.h"

namespace adabin_cpu {
namespace {

/// Inputs x, w, alpha, beta, geometry; output y.
AotResult Forward(const AotCall& call) {
  if (call.count() != 6) return kWrongCount;
  if (!call.AreFloat(0, 4) || !call.AreFloat(5, 6)) return kWrongType;
  ConvShape s;
  Binarization binarization;
  if (const AotResult result = ReadConvShape(call, 0, 1, 4, kGeometrySize, &s)) return result;
  if (const AotResult result = ReadBinarization(call.ints(4), &binarization)) return result;
  if (call.size(2) != 1 || call.size(3) != 1 || !HasOutputShape(call, 5, s)) return kWrongShape;
  const ActivationSet set(call.scalar(2), call.scalar(3), binarization.released);
  PopcountConv(s, call.floats(0), call.floats(1), set, binarization.weight_set, call.floats(5));
  return kOk;
}

/// Inputs dy, x, w, alpha, beta, k, t, geometry and, if x is used elsewhere too, its gradient from there; outputs dx,
/// dw, dalpha, dbeta.
AotResult Backward(const AotCall& call) {
  if (call.count() != 12 && call.count() != 13) return kWrongCount;
  const int out = call.count() - 4;
  if (!call.AreFloat(0, 7) || !call.AreFloat(8, call.count())) return kWrongType;
  ConvShape s;
  Binarization binarization;
  if (const AotResult result = ReadConvShape(call, 1, 2, 7, kGeometrySize, &s)) return result;
  if (const AotResult result = ReadBinarization(call.ints(7), &binarization)) return result;
  for (const int scalar : {3, 4, 5, 6, out + 2, out + 3}) {
    if (call.size(scalar) != 1) return kWrongShape;
  }
  if (!HasOutputShape(call, 0, s) || !HasInputShape(call, 8, s)) return kWrongShape;
  if (!HasInputShape(call, out, s) || !HasWeightShape(call, out + 1, s)) return kWrongShape;
  const float *dy = call.floats(0), *x = call.floats(1), *w = call.floats(2);
  const float* other = out == 9 ? call.floats(8) : nullptr;
  float* dw = call.floats(out + 1);
  const float k = call.scalar(5), t = call.scalar(6);
  const ActivationSet set(call.scalar(3), call.scalar(4), binarization.released);

  Buffer binary(FourBytes(s.o * s.filter()));
  ParallelFor(s.o, [&](int64_t o) {
    const float* filter = w + o * s.filter();
    const FilterSet statistics = FilterStatistics(filter, s.filter(), binarization.weight_set);
    BinarizeFilter(filter, s.filter(), statistics, binary.floats() + o * s.filter());
  });
  const ActivationGradient activation(set, binarization.activation_estimator, k, t);
  ActivationSums sums;
  ConvDataGradient(s, dy, binary.floats(), call.floats(out), &activation, x, &sums, other);
  call.floats(out + 2)[0] = activation.Alpha(sums);
  call.floats(out + 3)[0] = activation.Beta(sums);
  ConvWeightGradient(s, dy, x, &set, [&](int64_t o, const float* gradient) {
    FilterGradient(w + o * s.filter(), s.filter(), binarization.weight_set, binarization.weight_estimator, k, t,
                   gradient, dw + o * s.filter());
  });
  return kOk;
}

}  // namespace
}  // namespace adabin_cpu

ADABIN_AOT_RUN(AdaBinConvForward, adabin_cpu::Forward)
ADABIN_AOT_RUN(AdaBinConvBackward, adabin_cpu::Backward)
