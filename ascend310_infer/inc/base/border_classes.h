// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_BORDER_CLASSES_H_
#define ADABIN_BASE_BORDER_CLASSES_H_

#include <cstddef>
#include <vector>

#include "base/conv_geometry.h"

namespace adabin {

// Which taps of a window's rows, or columns, lie inside the map, for each output along that axis.
// Neighbors mostly see the same: of a map of any size, only as many runs of them are kept as a
// kernel has different ends to reach over.
class BorderAxis {
 public:
  struct Run {
    int begin = 0;  // outputs
    int end = 0;
    int set = 0;  // among sets()
  };

  BorderAxis() = default;
  BorderAxis(int outputs, int stride, int pad, int kernel, int dilation, int in_size);

  const std::vector<TapRange>& sets() const { return sets_; }
  const std::vector<Run>& runs() const { return runs_; }
  // The run of an output.
  const Run& At(int output) const;
  TapRange TapsAt(int output) const { return sets_[static_cast<size_t>(At(output).set)]; }

 private:
  std::vector<TapRange> sets_;
  std::vector<Run> runs_;
};

// Groups the output pixels of a window by the set of kernel taps that lie inside the map. Zero
// padding is neither of the two activation values, so each set has its own additive constant. The
// sets are products of a row set and a column set, hence classes are numbered
// row set * columns.sets().size() + column set. A 3x3 kernel with padding 1 has at most 9.
struct BorderClasses {
  BorderAxis rows;
  BorderAxis columns;

  int count() const { return static_cast<int>(rows.sets().size() * columns.sets().size()); }
  int ClassOf(int row, int column) const {
    return rows.At(row).set * static_cast<int>(columns.sets().size()) + columns.At(column).set;
  }
};

BorderClasses FindBorderClasses(const ConvGeometry& geometry);

}  // namespace adabin

#endif  // ADABIN_BASE_BORDER_CLASSES_H_
