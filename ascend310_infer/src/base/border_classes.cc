// SPDX-License-Identifier: Apache-2.0
#include "base/border_classes.h"

#include <algorithm>
#include <iterator>

namespace adabin {

BorderAxis::BorderAxis(int outputs, int stride, int pad, int kernel, int dilation, int in_size) {
  for (int i = 0; i < outputs; ++i) {
    const TapRange taps = ValidTaps(i * stride - pad, kernel, dilation, in_size);
    if (!runs_.empty() && sets_[static_cast<size_t>(runs_.back().set)] == taps) {
      runs_.back().end = i + 1;
      continue;
    }
    const auto known = std::find(sets_.rbegin(), sets_.rend(), taps);
    const auto set =
        static_cast<int>(known == sets_.rend() ? std::ssize(sets_) : sets_.rend() - known - 1);
    if (known == sets_.rend()) sets_.push_back(taps);
    runs_.push_back({i, i + 1, set});
  }
}

const BorderAxis::Run& BorderAxis::At(int output) const {
  return *std::ranges::upper_bound(runs_, output, {}, &Run::end);
}

BorderClasses FindBorderClasses(const ConvGeometry& g) {
  return {{g.out.h, g.stride_h, g.pad_top, g.kernel_h, g.dilation_h, g.in.h},
          {g.out.w, g.stride_w, g.pad_left, g.kernel_w, g.dilation_w, g.in.w}};
}

}  // namespace adabin
