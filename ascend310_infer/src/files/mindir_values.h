// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_FILES_MINDIR_VALUES_H_
#define ADABIN_FILES_MINDIR_VALUES_H_

#include <cstddef>
#include <string_view>

#include "files/mindir_messages.h"
#include "graph/graph.h"

namespace adabin::files {

// Constants and attributes. What `bytes` bytes of a file hold can take many times their memory (a
// list item of three bytes is a Value; many operators can share one primitive): there is a limit to
// what the values of one file take together.
class ValueReader {
 public:
  explicit ValueReader(size_t bytes) : left_(kFree + 2 * bytes) {}

  // Throw Error naming the tensor for data that does not fit its shape, or that is not float32;
  // protozero::exception for bytes that are no such message.
  graph::Value Tensor(const TensorMessage& message);
  // Scalars inside tuples arrive in the repeated fields (`ints`), plain ones in `i`.
  graph::Value Attribute(const AttributeMessage& message) { return Attribute(message, 0); }
  // Counts an operator's own copy of an attribute of `bytes` bytes, before it is parsed.
  void TakeAttribute(size_t bytes) { Take(bytes + kEntry); }

 private:
  static constexpr size_t kFree = size_t{64} << 20;
  static constexpr size_t kEntry = sizeof(graph::Value) + 64;  // of a map, with its name

  graph::Value Attribute(const AttributeMessage& message, int depth);
  void Take(size_t bytes);
  template <typename T>
  std::vector<T> Elements(const TensorMessage& message, const std::vector<T>& field);
  template <typename T>
  graph::Value Integers(const std::vector<T>& elements);

  size_t left_;
};

}  // namespace adabin::files

#endif  // ADABIN_FILES_MINDIR_VALUES_H_
