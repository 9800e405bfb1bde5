// SPDX-License-Identifier: Apache-2.0
#include "base/border_classes.h"

#include <algorithm>

namespace adabin {
namespace {

void Classify(int outputs, int stride, int pad, int kernel, int dilation, int in_size,
              std::vector<TapRange>* sets, std::vector<int>* classes) {
  for (int i = 0; i < outputs; ++i) {
    const TapRange taps = ValidTaps(i * stride - pad, kernel, dilation, in_size);
    // Neighbors mostly share their set.
    if (!classes->empty() && (*sets)[static_cast<size_t>(classes->back())] == taps) {
      classes->push_back(classes->back());
      continue;
    }
    auto it = std::find(sets->rbegin(), sets->rend(), taps);
    if (it == sets->rend()) {
      sets->push_back(taps);
      it = sets->rbegin();
    }
    classes->push_back(static_cast<int>(sets->rend() - it) - 1);
  }
}

}  // namespace

BorderClasses FindBorderClasses(const ConvGeometry& g) {
  BorderClasses classes;
  Classify(g.out.h, g.stride_h, g.pad_top, g.kernel_h, g.dilation_h, g.in.h, &classes.row_sets,
           &classes.row_class);
  Classify(g.out.w, g.stride_w, g.pad_left, g.kernel_w, g.dilation_w, g.in.w, &classes.column_sets,
           &classes.column_class);
  return classes;
}

}  // namespace adabin
