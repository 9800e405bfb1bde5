// SPDX-License-Identifier: Apache-2.0
//
// What a float convolution has per output channel, with zeros up to whole vectors.
#ifndef ADABIN_KERNELS_CHANNEL_CONSTANTS_H_
#define ADABIN_KERNELS_CHANNEL_CONSTANTS_H_

#include <algorithm>
#include <span>

#include "base/aligned_vector.h"
#include "kernels/conv2d.h"

namespace adabin::kernels {

class ChannelConstants {
 public:
  explicit ChannelConstants(const Conv2DParams& params)
      : act_(params.act),
        channels_(static_cast<size_t>(params.geometry.out.c)),
        a_(Padded(params.scale, 1.0f)),
        c_(Padded(params.shift, 0.0f)),
        positive_(Padded(params.positive, 0.0f)),
        negative_(Padded(params.negative, 0.0f)) {}

  // A multiple of a vector.
  size_t size() const { return a_.size(); }

  // For the channels from `first` on.
  void Place(size_t first, isa::FinishTile* f) const {
    f->act = act_;
    f->a = a_.data() + first;
    f->c = c_.data() + first;
    f->positive = positive_.data() + first;
    f->negative = negative_.data() + first;
  }

 private:
  template <typename T>
  AlignedVector<float> Padded(std::span<const T> values, float none) const {
    constexpr size_t kLanes = isa::kLanes;
    AlignedVector<float> out((channels_ + kLanes - 1) / kLanes * kLanes, 0.0f);
    if (values.empty()) std::fill_n(out.begin(), channels_, none);
    std::transform(values.begin(), values.end(), out.begin(),
                   [](T value) { return static_cast<float>(value); });
    return out;
  }

  Activation act_;
  size_t channels_;
  AlignedVector<float> a_, c_, positive_, negative_;
};

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_CHANNEL_CONSTANTS_H_
