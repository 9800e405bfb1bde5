// SPDX-License-Identifier: Apache-2.0
//
// Binary weights in the order in which the vector kernels read them.
#ifndef ADABIN_KERNELS_TILED_WEIGHTS_H_
#define ADABIN_KERNELS_TILED_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned_vector.h"
#include "base/conv_geometry.h"

namespace adabin::kernels {

// What the kernel multiplies with: 32-bit words, or codes of four bits
// (isa::BConvRowKernel::encode).
enum class WeightForm { kWords, kCodes };

// The stretches of memory under the kernel. A row of taps is one of them unless it is dilated.
struct Segments {
  Segments(const ConvGeometry& g, WeightForm form);

  int taps = 1;     // of one segment
  int per_row = 1;  // of taps
  int words = 0;    // of 32 bits, the last one perhaps in part
  int steps = 0;    // words, or groups of isa::kCodesPerStep codes
  size_t count = 0;
  size_t step_bytes = 0;  // of one channel's weights
};

class TiledWeights {
 public:
  // Output channels that are computed together.
  struct Block {
    int first = 0;  // channel
    int vectors = 0;
    size_t offset = 0;
  };

  // `bits` holds RowWords(filter_size) words per output channel.
  TiledWeights(const ConvGeometry& g, WeightForm form, std::span<const uint32_t> bits);

  const Segments& segments() const { return segments_; }
  const std::vector<Block>& blocks() const { return blocks_; }
  size_t bytes() const { return bytes_.size(); }
  const std::byte* At(const Block& block, int segment) const {
    return bytes_.data() + block.offset + static_cast<size_t>(segment) * SegmentBytes(block);
  }

 private:
  size_t SegmentBytes(const Block& block) const;
  void LayBlocks(int out_channels);
  void LayRow(const ConvGeometry& g, const uint32_t* bits, std::vector<uint32_t>* row) const;
  void LayNibbles(const uint32_t* words, size_t lanes, std::byte* to) const;

  Segments segments_;
  std::vector<Block> blocks_;
  AlignedVector<std::byte> bytes_;
};

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_TILED_WEIGHTS_H_
