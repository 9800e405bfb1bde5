// SPDX-License-Identifier: Apache-2.0
//
// The packed model file (.adabin), version 3. Little-endian throughout.
//
//   offset  size  header
//        0     8  magic "ADABIN\r\n"
//        8     4  version
//       12     4  header size, 64
//       16     8  file size
//       24     8  table size; the table starts at 64
//       32     8  blob offset, a multiple of 64
//       40     8  blob size; the blob ends the file
//       48     8  FNV-1a (64 bit) of header bytes 0..47 and of everything after the header
//       56     8  zero
//
// The table lists the plan: unsigned LEB128 integers and raw float32. First the input's c, h, w;
// the number of outputs and their values; the number of steps; then each step:
//
//   kind (ir/operators.def), input, second + 1 (0: none); of operators that read more than two, how
//                               many more and these
//   BinaryConv, Conv, pooling   kernel h w, stride h w, dilation h w, pad top bottom left right,
//                               groups
//   PaddedAverage               padding that counts: top bottom left right; divisor, or 0
//   BinaryConv, Conv, Dense     output channels
//   BinaryConv, Conv, Activation  activation (Activation)
//   Pad                         six sizes
//   Reshape                     c, h, w; of what is no map or vector 0, rank, sizes
//   Transpose, Concat           number of axes, and these
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
//   BinaryConv, Conv, Affine    scale
//   BinaryConv, Conv, Affine, Dense  shift
//   BinaryConv, Conv, Activation     positive slopes, negative slopes
//
// The arrays' content lies in the blob in the same order, each from a multiple of 16 bytes on: bits
// as the 32-bit words of base/bits.h, all else as float32. The constants of the popcount
// arithmetic are recomputed at load, not stored.
//
// The file is mapped, not read: its pages stay the system's, and go once the plan is there. The
// plan is a copy, which lives until each kernel has laid the weights out as its lanes want them.
// That order differs by instruction set, so it is not stored, and the file's own would be of no use
// to a running network.
#ifndef ADABIN_FILES_PACKED_FILE_H_
#define ADABIN_FILES_PACKED_FILE_H_

#include <string>
#include <string_view>

#include "ir/plan.h"

namespace adabin::files {

bool IsPackedFile(std::string_view bytes);
std::string WritePackedFile(const ir::Plan& plan);
// Throws Error (without the file's name) for anything that WritePackedFile did not write.
ir::Plan ReadPackedFile(std::string_view bytes);

}  // namespace adabin::files

#endif  // ADABIN_FILES_PACKED_FILE_H_
