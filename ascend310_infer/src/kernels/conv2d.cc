// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv2d.h"

#include "base/finite.h"

namespace adabin::kernels {

bool FitsRows(const Conv2DParams& params) {
  const ConvGeometry& g = params.geometry;
  const BitPadding pad = WindowPadding(g);
  const int64_t width = int64_t{pad.left} + g.in.w + pad.right;
  const int64_t ring = width * g.in.c * ((g.kernel_h - 1) * int64_t{g.dilation_h} + 1);
  return g.groups == 1 && ring <= 4 * static_cast<int64_t>(g.in.size()) + (1 << 20) &&
         AllFinite(params.weights);
}

std::unique_ptr<Conv2D> CreateConv2D(const Conv2DParams& params, const isa::FloatLoops& simd) {
  if (!FitsRows(params)) return CreatePlainConv2D(params);
  if (auto winograd = CreateWinogradConv2D(params, simd)) return winograd;
  if (auto winograd = CreateWinograd3Conv2D(params, simd)) return winograd;
  return CreateRowConv2D(params, simd);
}

}  // namespace adabin::kernels
