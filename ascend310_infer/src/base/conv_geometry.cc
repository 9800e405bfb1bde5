// SPDX-License-Identifier: Apache-2.0
#include "base/conv_geometry.h"

#include <algorithm>

namespace adabin {

TapRange ValidTaps(int origin, int kernel, int dilation, int in_size) {
  TapRange taps;
  taps.begin = origin >= 0 ? 0 : std::min(kernel, (-origin + dilation - 1) / dilation);
  taps.end = origin >= in_size ? 0 : std::min(kernel, (in_size - 1 - origin) / dilation + 1);
  // A map smaller than the dilation can fall between two taps: no tap is valid then. One single
  // representation of "none" keeps the number of border classes small.
  if (taps.begin >= taps.end) taps = TapRange{};
  return taps;
}

}  // namespace adabin
