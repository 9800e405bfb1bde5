// SPDX-License-Identifier: Apache-2.0
//
// An Epilogue as vectors read it.
#ifndef ADABIN_KERNELS_CHANNEL_CONSTANTS_H_
#define ADABIN_KERNELS_CHANNEL_CONSTANTS_H_

#include "base/aligned_vector.h"
#include "isa/isa.h"
#include "kernels/padded.h"

namespace adabin::kernels {

class ChannelConstants {
 public:
  ChannelConstants(const Epilogue& after, int channels)
      : size_(RoundUp(static_cast<size_t>(channels), isa::kLanes)),
        act_(after.act),
        scale_(Padded<double>(after.scale, size_)),
        shift_(Padded<double>(after.shift, size_)),
        positive_(Padded<float>(after.positive, size_)),
        negative_(Padded<float>(after.negative, size_)) {}

  size_t size() const { return size_; }  // channels up to whole vectors

  // For the channels from `first` on.
  void Place(size_t first, isa::FinishTile* f) const {
    const auto from = [first](const AlignedVector<float>& values) {
      return values.empty() ? nullptr : values.data() + first;
    };
    f->scale = from(scale_);
    f->shift = from(shift_);
    f->act = act_;
    f->positive = from(positive_);
    f->negative = from(negative_);
  }

 private:
  size_t size_;
  Activation act_;
  AlignedVector<float> scale_, shift_, positive_, negative_;  // empty as those of the Epilogue
};

// Row `h` of a map, the first one of `target`, from a row of sums, pixel by pixel.
void FinishRow(const isa::FloatLoops& simd, const ChannelConstants& after, const Shape& map, int h,
               const float* sums, const Target& target);

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_CHANNEL_CONSTANTS_H_
