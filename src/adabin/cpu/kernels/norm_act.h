// SPDX-License-Identifier: Apache-2.0
// BatchNorm, the addition of a shortcut and Maxout in one operator, over maps in NCHW order:
//
//   v = gamma (x - mean) rstd + beta [+ shortcut],   y = pos max(v, 0) + neg min(v, 0)  [or y = v]
//
// Training takes mean and variance of the batch. The backward pass computes v again instead of keeping it.
// Sums run over fixed chunks of samples in double precision: results do not depend on the number of threads.
#ifndef ADABIN_CPU_KERNELS_NORM_ACT_H_
#define ADABIN_CPU_KERNELS_NORM_ACT_H_

#include <cstdint>

namespace adabin_cpu {

// Maps x[samples][channels][pixels].
struct MapShape {
  int64_t samples, channels, pixels;
};

// What the operator does, as the network says it.
struct NormActOptions {
  bool training;  // statistics of the batch, or the moving ones
  bool shortcut;
  bool maxout;
  float epsilon;
  float momentum;  // weight of the new statistics in the moving ones
};

struct NormActInputs {
  const float *x, *shortcut;                   // [samples][channels][pixels]
  const float *gamma, *beta;                   // [channels]
  const float *moving_mean, *moving_variance;  // [channels]
  const float *pos, *neg;                      // [channels], null without Maxout
};

struct NormActOutputs {
  float* y;
  float *mean, *rstd;                    // [channels], what x was normalized with
  float *moving_mean, *moving_variance;  // [channels], the new ones
};

struct NormActGradients {
  float *x, *shortcut;              // shortcut: where there is one
  float *gamma, *beta, *pos, *neg;  // [channels]; pos, neg: with Maxout
};

void NormActForward(const MapShape& shape, const NormActOptions& options, const NormActInputs& in,
                    const NormActOutputs& out);

// mean, rstd: as the forward pass gave them.
void NormActBackward(const MapShape& shape, const NormActOptions& options, const NormActInputs& in, const float* mean,
                     const float* rstd, const float* dy, const NormActGradients& out);

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_KERNELS_NORM_ACT_H_
