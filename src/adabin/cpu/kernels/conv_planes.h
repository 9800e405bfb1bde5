// SPDX-License-Identifier: Apache-2.0
//
// Products of packed weights with the planes of images (planes.h): y from x, and dx from dy.
#ifndef ADABIN_CPU_CONV_PLANES_H_
#define ADABIN_CPU_CONV_PLANES_H_

#include <cstdint>
#include <vector>

#include "binarize.h"
#include "buffer.h"
#include "conv_shape.h"
#include "planes.h"

namespace adabin_cpu {

/// How the work on a batch is cut: blocks of whole images, or bands of one image's rows, whose planes stay in the
/// second-level cache. Depends on shapes only.
struct Blocks {
  int64_t images;  // per block; 1 if band < rows of the image
  int64_t band;    // rows per block
  int64_t per_image, count;
};

Blocks ChooseBlocks(int64_t n, int64_t rows, int64_t row_pixels, int64_t row_bytes);

/// Weights in the order the tiles read them: [tile of kRows rows][depth][kRows], missing rows zero.
class PackedRows {
 public:
  PackedRows(int64_t rows, int64_t depth);
  /// A(row, k)
  float& at(int64_t row, int64_t k);
  const float* tile(int64_t first_row) const;

  const int64_t rows, depth;

 private:
  Buffer data_;
};

/// y = x * w + bias of the filter, all plain floats; bias may be null.
void ConvForward(const ConvShape& s, const float* x, const float* w, const float* bias, float* y);

/// dx of y = x * w. With `activation`, x is what was binarized to give the convolution's input: dx goes on through the
/// activation's estimator, and its parameters' gradients are added up (in a fixed order). `other`, of dx's size or
/// null, is added to the result: the gradient that x gets from elsewhere.
void ConvDataGradient(const ConvShape& s, const float* dy, const float* w, float* dx,
                      const ActivationGradient* activation, const float* x, ActivationSums* sums,
                      const float* other = nullptr);

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_CONV_PLANES_H_
