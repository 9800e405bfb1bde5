// SPDX-License-Identifier: Apache-2.0
//
// A binary convolution of several groups as so many of one group: the bits of a group's channels
// are gathered into a map of their own, its results go among those of the others.
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/group_target.h"
#include "kernels/tiled_bconv2d.h"

namespace adabin::kernels {
namespace {

// Those of the channels of `group`, of which the layer decided together how they are rounded.
BConv2DConstants ConstantsOf(const BConv2DConstants& all, const ConvGeometry& g, size_t group) {
  const auto channels = static_cast<size_t>(g.out.c);
  const auto out = static_cast<size_t>(g.group_out());
  const auto part = [&](const std::vector<float>& values, size_t begin) {
    const auto from = values.begin() + static_cast<ptrdiff_t>(begin + group * out);
    return std::vector<float>(from, from + static_cast<ptrdiff_t>(out));
  };
  BConv2DConstants one;
  one.classes = all.classes;
  one.a = part(all.a, 0);
  one.b = part(all.b, 0);
  for (size_t i = 0; i < static_cast<size_t>(all.classes.count()); ++i) {
    const std::vector<float> c = part(all.c, i * channels);
    one.c.insert(one.c.end(), c.begin(), c.end());
  }
  one.after = all.after.Part(group * out, out);
  return one;
}

class GroupedBConv2D : public BConv2D {
 public:
  GroupedBConv2D(const BConv2DParams& params, const isa::Isa& set)
      : geometry_(params.geometry), bits_(params.geometry.out.c, isa::Floats(&set)) {
    const ConvGeometry& g = geometry_;
    const BConv2DConstants constants = ComputeConstants(params);
    const auto out = static_cast<size_t>(g.group_out());
    BConv2DParams one = params;
    one.geometry = g.OfGroup();
    for (size_t group = 0; group < static_cast<size_t>(g.groups); ++group) {
      one.bits = PartOf(params.bits, group, out * RowWords(g.filter_size()));
      groups_.push_back(CreateTiledBConv2D(one, ConstantsOf(constants, g, group), *set.binary));
      scratch_ = std::max(scratch_, RoundUp(groups_.back()->scratch_bytes(), kAlign));
    }
    layout_ = LayoutBits(one.geometry.in, groups_[0]->padding());
  }

  // Two groups may share a word of bits: then one thread does both.
  int blocks() const override { return OwnBits() ? geometry_.groups : 1; }

  size_t scratch_bytes() const override {
    return scratch_ + RoundUp(layout_.bytes(), kAlign) + bits_.row_bytes(geometry_.out.w);
  }

  void Run(const std::byte* bits, const BitLayout& layout, const Work& work, const Target& target,
           std::byte* scratch) const override {
    std::byte* map = scratch + scratch_;
    std::memset(map, 0, layout_.bytes());
    const auto run = [&](int begin, int end, int row_begin, int row_end, const Target& to) {
      for (int group = begin; group < end; ++group) {
        Gather(bits, layout, group, row_begin, row_end, map);
        const BConv2D& conv = *groups_[static_cast<size_t>(group)];
        conv.Run(map, layout_, {row_begin, row_end, 0, conv.blocks()},
                 GroupTarget(to, geometry_, group), scratch);
      }
    };
    if (OwnBits())
      return run(work.block_begin, work.block_end, work.row_begin, work.row_end, target);
    bits_.Run(geometry_.out, work, target, map + RoundUp(layout_.bytes(), kAlign),
              [&](int row_begin, int row_end, const Target& floats) {
                run(0, geometry_.groups, row_begin, row_end, floats);
              });
  }

 private:
  bool OwnBits() const { return geometry_.group_out() % isa::kLanes == 0; }

  // The rows that outputs [row_begin, row_end) see. Padding and tails of words are and stay zero.
  void Gather(const std::byte* bits, const BitLayout& layout, int group, int row_begin, int row_end,
              std::byte* map) const {
    const ConvGeometry& g = geometry_;
    const int begin = std::max(0, row_begin * g.stride_h - g.pad_top);
    const int end = std::min(
        g.in.h, (row_end - 1) * g.stride_h - g.pad_top + (g.kernel_h - 1) * g.dilation_h + 1);
    const auto count = static_cast<size_t>(g.group_in());
    const size_t first = static_cast<size_t>(group) * count;
    const bool whole_bytes = first % 8 == 0 && count % 8 == 0;
    for (int h = begin; h < end; ++h) {
      const std::byte* from = bits + layout.Offset(h, 0) + first / 8;
      std::byte* to = map + layout_.Offset(h, 0);
      for (int w = 0; w < g.in.w; ++w, from += layout.pixel_bytes, to += layout_.pixel_bytes) {
        if (whole_bytes) {
          std::memcpy(to, from, count / 8);
        } else {
          GatherPixel(from, first % 8, count, to);
        }
      }
    }
  }

  // `count` bits from bit `shift` of `from` on.
  static void GatherPixel(const std::byte* from, size_t shift, size_t count, std::byte* to) {
    for (size_t done = 0; done < count; done += 8, ++from, ++to) {
      const size_t bits = std::min<size_t>(8, count - done);
      unsigned byte = std::to_integer<unsigned>(*from) >> shift;
      if (shift + bits > 8) byte |= std::to_integer<unsigned>(from[1]) << (8 - shift);
      *to = static_cast<std::byte>(byte & ((1u << bits) - 1));
    }
  }

  ConvGeometry geometry_;
  BitsOfRows bits_;
  std::vector<std::unique_ptr<BConv2D>> groups_;
  BitLayout layout_;  // of a group's input
  size_t scratch_ = 0;
};

}  // namespace

std::unique_ptr<BConv2D> CreateGroupedBConv2D(const BConv2DParams& params, const isa::Isa& set) {
  return std::make_unique<GroupedBConv2D>(params, set);
}

}  // namespace adabin::kernels
