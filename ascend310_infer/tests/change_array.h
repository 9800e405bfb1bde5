// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TESTS_CHANGE_ARRAY_H_
#define ADABIN_TESTS_CHANGE_ARRAY_H_

#include <utility>
#include <vector>

#include "base/shared_array.h"

namespace adabin::test {

// What `change` makes of a copy of its numbers.
template <typename T, typename Change>
void ChangeArray(SharedArray<T>* array, const Change& change) {
  std::vector<T> numbers(array->begin(), array->end());
  change(&numbers);
  *array = std::move(numbers);
}

}  // namespace adabin::test

#endif  // ADABIN_TESTS_CHANGE_ARRAY_H_
