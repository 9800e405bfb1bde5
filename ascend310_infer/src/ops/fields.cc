// SPDX-License-Identifier: Apache-2.0
#include "ops/fields.h"

#include <string>

#include "base/error.h"

namespace adabin::ops {

void Fields::Numbers(std::vector<int>& list) {
  int count = static_cast<int>(list.size());
  Number(count);
  if (count > kMaxRank) throw Error("a step has a list of " + std::to_string(count) + " axes");
  list.resize(static_cast<size_t>(count));
  for (int& number : list) Number(number);
}

void Fields::Sizes(TensorShape& shape) {
  std::vector<int> dims(shape.dims().begin(), shape.dims().end());
  Numbers(dims);
  shape = TensorShape(dims);
}

}  // namespace adabin::ops
