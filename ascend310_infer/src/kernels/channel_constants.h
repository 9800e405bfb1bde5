// SPDX-License-Identifier: Apache-2.0
//
// What a float convolution has per output channel, with zeros up to whole vectors.
#ifndef ADABIN_KERNELS_CHANNEL_CONSTANTS_H_
#define ADABIN_KERNELS_CHANNEL_CONSTANTS_H_

#include <span>

#include "base/aligned_vector.h"
#include "kernels/conv2d.h"
#include "kernels/padded.h"

namespace adabin::kernels {

class ChannelConstants {
 public:
  explicit ChannelConstants(const Conv2DParams& params)
      : act_(params.act),
        a_(PerLane(params, params.scale, 1.0f)),
        c_(PerLane(params, params.shift, 0.0f)),
        positive_(PerLane(params, params.positive, 0.0f)),
        negative_(PerLane(params, params.negative, 0.0f)) {}

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
  static AlignedVector<float> PerLane(const Conv2DParams& params, std::span<const T> values,
                                      float none) {
    const auto channels = static_cast<size_t>(params.geometry.out.c);
    return Padded(values, channels, RoundUp(channels, isa::kLanes), none);
  }

  Activation act_;
  AlignedVector<float> a_, c_, positive_, negative_;
};

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_CHANNEL_CONSTANTS_H_
