// SPDX-License-Identifier: Apache-2.0
//
// A float convolution of several groups as so many convolutions by rows, each of which reads and
// writes its channels among those of the whole map.
#include <algorithm>
#include <vector>

#include "kernels/conv2d.h"
#include "kernels/group_target.h"
#include "kernels/padded.h"

namespace adabin::kernels {
namespace {

using isa::kLanes;

class GroupedConv2D : public Conv2D {
 public:
  GroupedConv2D(const Conv2DParams& params, const isa::FloatLoops& simd)
      : geometry_(params.geometry), bits_(params.geometry.out.c, simd) {
    const ConvGeometry& g = geometry_;
    Conv2DParams one = params;
    one.geometry = g.OfGroup();
    one.map_channels = g.in.c;
    const auto out = static_cast<size_t>(g.group_out());
    for (size_t group = 0; group < static_cast<size_t>(g.groups); ++group) {
      one.weights = PartOf(params.weights, group, out * static_cast<size_t>(g.filter_size()));
      one.after = params.after.Part(group * out, out);
      groups_.push_back(CreateRowConv2D(one, simd));
      scratch_ = std::max(scratch_, RoundUp(groups_.back()->scratch_bytes(), kAlign));
    }
  }

  // Two groups may share a word of bits: then one thread does both.
  int blocks() const override { return OwnBits() ? geometry_.groups : 1; }

  size_t scratch_bytes() const override { return scratch_ + bits_.row_bytes(geometry_.out.w); }

  void Run(const float* x, const Work& work, const Target& target,
           std::byte* scratch) const override {
    if (OwnBits()) {
      for (int i = work.block_begin; i < work.block_end; ++i) {
        RunGroup(i, x, work.row_begin, work.row_end, target, scratch);
      }
      return;
    }
    bits_.Run(geometry_.out, work, target, scratch + scratch_,
              [&](int row_begin, int row_end, const Target& floats) {
                for (int i = 0; i < geometry_.groups; ++i) {
                  RunGroup(i, x, row_begin, row_end, floats, scratch);
                }
              });
  }

 private:
  bool OwnBits() const { return geometry_.group_out() % kLanes == 0; }

  void RunGroup(int group, const float* x, int row_begin, int row_end, const Target& target,
                std::byte* scratch) const {
    const Conv2D& conv = *groups_[static_cast<size_t>(group)];
    conv.Start(scratch);
    conv.Run(x + int64_t{group} * geometry_.group_in(), {row_begin, row_end, 0, conv.blocks()},
             GroupTarget(target, geometry_, group), scratch);
  }

  ConvGeometry geometry_;
  BitsOfRows bits_;
  std::vector<std::unique_ptr<Conv2D>> groups_;
  size_t scratch_ = 0;
};

}  // namespace

std::unique_ptr<Conv2D> CreateGroupedConv2D(const Conv2DParams& params,
                                            const isa::FloatLoops& simd) {
  return std::make_unique<GroupedConv2D>(params, simd);
}

}  // namespace adabin::kernels
