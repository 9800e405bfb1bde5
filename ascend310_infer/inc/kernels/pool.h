// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_KERNELS_POOL_H_
#define ADABIN_KERNELS_POOL_H_

#include "base/conv_geometry.h"
#include "isa/isa.h"

namespace adabin::kernels {

// A window over the border sees only what lies inside the map, as MindSpore's "same" padding does.
// Maps are NHWC; `out` is output row `row_begin`. A maximum is NaN if one is in its window.
void MaxPoolRows(const isa::FloatLoops& simd, const ConvGeometry& geometry, const float* x,
                 int row_begin, int row_end, float* out);
void AvgPoolRows(const isa::FloatLoops& simd, const ConvGeometry& geometry, const float* x,
                 int row_begin, int row_end, float* out, const PoolDivisor& divisor = {});
// The maximum over the columns of each window alone, for one row of the map.
void MaxPoolColumns(const isa::FloatLoops& simd, const ConvGeometry& geometry, const float* row,
                    float* out);

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_POOL_H_
