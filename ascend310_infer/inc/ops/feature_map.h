// SPDX-License-Identifier: Apache-2.0
//
// The small full-precision operators. Feature maps are NHWC float32 of one sample.
#ifndef ADABIN_OPS_FEATURE_MAP_H_
#define ADABIN_OPS_FEATURE_MAP_H_

#include <span>

#include "base/conv_geometry.h"
#include "kernels/bits.h"
#include "kernels/epilogue.h"

namespace adabin::ops {

// Layout changes at the borders of the engine; files and MindSpore are NCHW.
void ChwToHwc(const Shape& shape, const float* chw, float* hwc);
void HwcToChw(const Shape& shape, const float* hwc, float* chw);

// x * scale + shift per channel; an empty span leaves its part out.
void Affine(const Shape& shape, const float* x, std::span<const float> scale,
            std::span<const float> shift, float* out);
void Activate(const Shape& shape, const float* x, const kernels::Epilogue& activation, float* out);
void Add(size_t count, const float* a, const float* b, float* out);
void Threshold(size_t count, const float* x, kernels::Compare compare, float threshold, float high,
               float low, float* out);

// A window over the border sees only what lies inside the map, as MindSpore's "same" padding does.
void MaxPool(const ConvGeometry& geometry, const float* x, float* out);
void AvgPool(const ConvGeometry& geometry, const float* x, float* out);
void MeanOverPixels(const Shape& shape, const float* x, float* out);

// Zeros around the map; pads are {before, after} of channels, rows, columns.
void PadZeros(const Shape& in, const Shape& out, const int pads[6], const float* x, float* y);

// Reinterprets the elements in NCHW order, as MindSpore's Reshape and Flatten do.
void Reshape(const Shape& in, const Shape& out, const float* x, float* y);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_FEATURE_MAP_H_
