// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_BORDER_CLASSES_H_
#define ADABIN_BASE_BORDER_CLASSES_H_

#include <vector>

#include "base/conv_geometry.h"

namespace adabin {

// Groups the output pixels of a window by the set of kernel taps that lie inside the map. Zero
// padding is neither of the two activation values, so each set has its own additive constant. The
// sets are products of a row set and a column set, hence classes are numbered
// row_class * column_sets.size() + column_class. A 3x3 kernel with padding 1 has at most 9.
struct BorderClasses {
  std::vector<TapRange> row_sets;
  std::vector<TapRange> column_sets;
  std::vector<int> row_class;     // per output row: index into row_sets
  std::vector<int> column_class;  // per output column

  int count() const { return static_cast<int>(row_sets.size() * column_sets.size()); }
  int ClassOf(int row, int column) const {
    return row_class[static_cast<size_t>(row)] * static_cast<int>(column_sets.size()) +
           column_class[static_cast<size_t>(column)];
  }
};

BorderClasses FindBorderClasses(const ConvGeometry& geometry);

}  // namespace adabin

#endif  // ADABIN_BASE_BORDER_CLASSES_H_
