// SPDX-License-Identifier: Apache-2.0
#include "kernels/tiled_weights.h"

#include <algorithm>
#include <cstring>

#include "base/bits.h"
#include "isa/bconv_row.h"

namespace adabin::kernels {
namespace {

constexpr size_t kLanes = isa::kLanes;

// Of every 32 channels of a block (16, if it has no more) the first half goes to the even bytes.
size_t EvenOddPlace(size_t lane, size_t lanes) {
  const size_t half = std::min(lanes, size_t{32}) / 2;
  const size_t first = lane / (2 * half) * (2 * half);
  const size_t place = lane - first;
  return first + (place < half ? 2 * place : 2 * (place - half) + 1);
}

}  // namespace

Segments::Segments(const ConvGeometry& g, WeightForm form) {
  const size_t pixel_bytes = LayoutBits(g.in, {}).pixel_bytes;
  taps = g.dilation_w == 1 ? g.kernel_w : 1;
  per_row = g.kernel_w / taps;
  words = static_cast<int>((pixel_bytes * static_cast<size_t>(taps) + 3) / 4);
  count = static_cast<size_t>(per_row) * static_cast<size_t>(g.kernel_h);
  if (form == WeightForm::kWords) {
    steps = words;
    step_bytes = sizeof(uint32_t);
  } else {
    const int codes = static_cast<int>(pixel_bytes) * 2 * taps;
    steps = (codes + isa::kCodesPerStep - 1) / isa::kCodesPerStep;
    step_bytes = isa::kCodesPerStep;
  }
}

TiledWeights::TiledWeights(const ConvGeometry& g, WeightForm form, std::span<const uint32_t> bits)
    : segments_(g, form) {
  LayBlocks(g.out.c);
  const size_t row_words = RowWords(g.filter_size());
  const auto words = static_cast<size_t>(segments_.words);
  std::vector<uint32_t> row(segments_.count * words);
  for (const Block& block : blocks_) {
    const size_t lanes = static_cast<size_t>(block.vectors) * kLanes;
    const auto first = static_cast<size_t>(block.first);
    // Block by block: its zeros stay in the cache.
    bytes_.resize(block.offset + segments_.count * SegmentBytes(block));
    for (size_t lane = 0; lane < lanes && first + lane < static_cast<size_t>(g.out.c); ++lane) {
      LayRow(g, bits.data() + (first + lane) * row_words, &row);
      std::byte* at = bytes_.data() + block.offset;
      if (form == WeightForm::kWords) {
        at += lane * sizeof(uint32_t);
        for (size_t word = 0; word < row.size(); ++word, at += lanes * sizeof(uint32_t)) {
          std::memcpy(at, &row[word], sizeof(uint32_t));
        }
      } else {
        at += EvenOddPlace(lane, lanes);
        for (size_t segment = 0; segment < segments_.count; ++segment) {
          LayNibbles(row.data() + segment * words, lanes, at + segment * SegmentBytes(block));
        }
      }
    }
  }
}

size_t TiledWeights::SegmentBytes(const Block& block) const {
  return static_cast<size_t>(segments_.steps) * segments_.step_bytes *
         static_cast<size_t>(block.vectors) * kLanes;
}

void TiledWeights::LayBlocks(int out_channels) {
  constexpr int lanes = isa::kLanes;
  const int vectors = (out_channels + lanes - 1) / lanes;
  size_t offset = 0;
  for (int v = 0; v < vectors;) {
    Block block;
    block.first = v * lanes;
    const int left = vectors - v;
    block.vectors = left >= 4 ? 4 : left >= 2 ? 2 : 1;
    block.offset = offset;
    offset += segments_.count * SegmentBytes(block);
    v += block.vectors;
    blocks_.push_back(block);
  }
  bytes_.reserve(offset);
}

// One output channel's bits in the order of the segments' words.
void TiledWeights::LayRow(const ConvGeometry& g, const uint32_t* bits,
                          std::vector<uint32_t>* row) const {
  std::fill(row->begin(), row->end(), 0u);
  const size_t pixel_bits = LayoutBits(g.in, {}).pixel_bytes * 8;
  const auto channels = static_cast<size_t>(g.in.c);
  for (int tap = 0; tap < g.taps(); ++tap) {
    const auto segment = static_cast<size_t>(tap / segments_.taps);
    const size_t start = segment * static_cast<size_t>(segments_.words) * 32 +
                         static_cast<size_t>(tap % segments_.taps) * pixel_bits;
    const size_t first = static_cast<size_t>(tap) * channels;
    if (channels % 32 == 0) {
      std::copy_n(bits + first / 32, channels / 32, row->data() + start / 32);
      continue;
    }
    for (size_t c = 0; c < channels; ++c) {
      if (GetBit(bits, first + c)) SetBit(row->data(), start + c);
    }
  }
}

void TiledWeights::LayNibbles(const uint32_t* words, size_t lanes, std::byte* to) const {
  const int nibbles = std::min(segments_.steps * isa::kCodesPerStep, segments_.words * 8);
  for (int n = 0; n < nibbles; ++n, to += lanes) {
    *to = static_cast<std::byte>((words[n / 8] >> (4 * (n % 8))) & 15u);
  }
}

}  // namespace adabin::kernels
