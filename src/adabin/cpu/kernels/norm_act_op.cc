// SPDX-License-Identifier: Apache-2.0
// NormAct as MindSpore calls it.
#include "aot.h"
#include "norm_act.h"

namespace adabin_cpu {
namespace {

constexpr int kInputs = 9;  // x, shortcut, gamma, beta, moving mean and variance, pos, neg, options

MapShape ShapeOf(const AotCall& call) {
  const int64_t samples = call.dim(0, 0), channels = call.dim(0, 1);
  return {samples, channels, samples * channels > 0 ? call.size(0) / (samples * channels) : 0};
}

// Floats: training, shortcut, maxout (0 or 1), epsilon, momentum.
NormActOptions OptionsOf(const AotCall& call) {
  const float* values = call.floats(kInputs - 1);
  return {values[0] != 0, values[1] != 0, values[2] != 0, values[3], values[4]};
}

// Without a shortcut or Maxout a placeholder of one float stands in their place.
NormActInputs InputsOf(const AotCall& call) {
  const NormActOptions options = OptionsOf(call);
  return {call.floats(0),
          options.shortcut ? call.floats(1) : nullptr,
          call.floats(2),
          call.floats(3),
          call.floats(4),
          call.floats(5),
          options.maxout ? call.floats(6) : nullptr,
          options.maxout ? call.floats(7) : nullptr};
}

// Whether all tensors have the types and sizes that the shape of x asks for.
AotResult Check(const AotCall& call, int count) {
  if (call.count() != count) return kWrongCount;
  if (!call.AreFloat(0, count)) return kWrongType;
  if (call.rank(0) < 2 || call.size(kInputs - 1) != 5) return kWrongShape;
  const NormActOptions options = OptionsOf(call);
  for (int i = 2; i < 6; ++i) {
    if (call.size(i) != call.dim(0, 1)) return kWrongShape;
  }
  if (options.shortcut && call.size(1) != call.size(0)) return kWrongShape;
  if (options.maxout && (call.size(6) != call.dim(0, 1) || call.size(7) != call.dim(0, 1))) return kWrongShape;
  return kOk;
}

// (x, shortcut, gamma, beta, moving_mean, moving_variance, pos, neg, options)
//   -> y, mean, rstd, new moving_mean, new moving_variance
AotResult Forward(const AotCall& call) {
  constexpr int kOut = kInputs;
  if (const AotResult wrong = Check(call, kOut + 5)) return wrong;
  NormActForward(
      ShapeOf(call), OptionsOf(call), InputsOf(call),
      {call.floats(kOut), call.floats(kOut + 1), call.floats(kOut + 2), call.floats(kOut + 3), call.floats(kOut + 4)});
  return kOk;
}

// (the inputs above, mean, rstd, dy) -> dx, dshortcut, dgamma, dbeta, dpos, dneg
AotResult Backward(const AotCall& call) {
  constexpr int kOut = kInputs + 3;
  if (const AotResult wrong = Check(call, kOut + 6)) return wrong;
  if (call.size(kOut - 1) != call.size(0)) return kWrongShape;
  NormActBackward(ShapeOf(call), OptionsOf(call), InputsOf(call), call.floats(kInputs), call.floats(kInputs + 1),
                  call.floats(kInputs + 2),
                  {call.floats(kOut), call.floats(kOut + 1), call.floats(kOut + 2), call.floats(kOut + 3),
                   call.floats(kOut + 4), call.floats(kOut + 5)});
  return kOk;
}

}  // namespace
}  // namespace adabin_cpu

ADABIN_AOT_RUN(NormActForward, adabin_cpu::Forward)
ADABIN_AOT_RUN(NormActBackward, adabin_cpu::Backward)
