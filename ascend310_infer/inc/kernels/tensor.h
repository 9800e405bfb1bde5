// SPDX-License-Identifier: Apache-2.0
//
// Tensors that lie in memory in any order.
#ifndef ADABIN_KERNELS_TENSOR_H_
#define ADABIN_KERNELS_TENSOR_H_

#include "base/tensor_shape.h"

namespace adabin::kernels {

// The same tensor with other strides: one element of `z` for each of `x`.
void Rearrange(const TensorShape& shape, const Strides& x_strides, const float* x,
               const Strides& z_strides, float* z);

// Another shape of as many elements, which stay in row-major order as in MindSpore's Reshape.
void CopyInOrder(const TensorShape& in, const Strides& x_strides, const float* x,
                 const TensorShape& out, const Strides& z_strides, float* z);

// z = row of a and b, each element with those of the same index; a stride of 0 broadcasts.
using CombineRow = void (*)(size_t count, const float* a, size_t a_step, const float* b,
                            size_t b_step, float* z, size_t z_step);
void Combine(const TensorShape& shape, const Strides& a_strides, const float* a,
             const Strides& b_strides, const float* b, const Strides& z_strides, float* z,
             CombineRow row);

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_TENSOR_H_
