// SPDX-License-Identifier: Apache-2.0
//
// The network as two sections of a packed file, as it was exported, with its binary layers found
// (passes::Recognized): what is folded and fused is so at load, from either file. The table lists
// its steps: unsigned LEB128 integers and raw float32. First the input's c, h, w; the number of
// outputs and their values; the number of steps; then each step:
//
//   kind (ir/operators.def), input, second + 1 (0: none); of operators that read more than two, how
//                               many more and these
//   BinaryConv, Conv, pooling   kernel h w, stride h w, dilation h w, pad top bottom left right,
//                               groups
//   BinaryConv, Conv, Dense     output channels
//   Activation                  activation (Activation)
//   Pad                         six sizes
//   Reshape, Transpose, Concat  number of sizes or axes, and these
//   L2Norm                      epsilon as float32
//   Softmax                     1 and the axis
//   Pointwise, Arithmetic       which function, as their files number them
//   Slice                       first elements, steps, sizes: lists as of axes
//   BinaryConv, Threshold       comparison (Compare); threshold, high, low as float32
//
// followed by the element counts of those arrays that its kind has:
//
//   BinaryConv                  bits, low weights, high weights
//   Conv, Dense                 weights
//   Affine                      scale
//   Affine, Dense, BinaryConv   shift; of a BinaryConv it is the bias of a dense layer
//   Activation                  positive slopes, negative slopes
//
// The arrays' content lies in the other section in the same order, each from a multiple of 16 bytes
// on: bits as the 32-bit words of base/bits.h, all else as float32, but scale and shift as float64
// where float32 does not hold all of their values: before their counts stands 4 or 8. The constants
// of the popcount arithmetic are recomputed at load, not stored.
#ifndef ADABIN_FILES_NETWORK_TABLE_H_
#define ADABIN_FILES_NETWORK_TABLE_H_

#include <string>
#include <string_view>

#include "ir/plan.h"

namespace adabin::files {

struct NetworkBytes {
  std::string table;
  std::string arrays;
};

NetworkBytes WriteNetwork(const ir::Plan& plan);
// Throws Error for anything that WriteNetwork did not write.
ir::Plan ReadNetwork(std::string_view table, std::string_view arrays);

}  // namespace adabin::files

#endif  // ADABIN_FILES_NETWORK_TABLE_H_
