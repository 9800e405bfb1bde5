// SPDX-License-Identifier: Apache-2.0
//
// The small full-precision operators. Feature maps are NHWC float32 of one sample.
#ifndef ADABIN_KERNELS_FEATURE_MAP_H_
#define ADABIN_KERNELS_FEATURE_MAP_H_

#include "base/bits.h"
#include "base/conv_geometry.h"

namespace adabin::kernels {

// Layout changes at the borders of the engine; files and MindSpore are NCHW.
void ChwToHwc(const Shape& shape, const float* chw, float* hwc);
void HwcToChw(const Shape& shape, const float* hwc, float* chw);

void Threshold(size_t count, const float* x, Compare compare, float threshold, float high,
               float low, float* out);

// Zeros around the map; pads are {before, after} of channels, rows, columns.
void PadZeros(const Shape& in, const Shape& out, const int pads[6], const float* x, float* y);

// Every stride-th pixel of `geometry`, as channels [first, first + in.c) of the map `out` of zeros.
void SubsampleAndPad(const ConvGeometry& geometry, const Shape& out, int first, const float* x,
                     float* y);

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_FEATURE_MAP_H_
