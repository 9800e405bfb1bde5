// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_FIELDS_H_
#define ADABIN_OPS_FIELDS_H_

#include <cstdint>
#include <type_traits>
#include <vector>

#include "base/shared_array.h"
#include "base/tensor_shape.h"

namespace adabin::ops {

// Writer and reader of the packed file. They share each operator's list of fields, so that they
// cannot drift apart: the writer takes from the fields what the reader fills in.
class Fields {
 public:
  virtual ~Fields() = default;
  virtual void Number(int& value) = 0;  // not negative
  virtual void Number(uint8_t& value) = 0;
  virtual void Number(float& value) = 0;
  virtual void Array(SharedArray<uint32_t>& data) = 0;
  virtual void Array(SharedArray<float>& data) = 0;
  virtual void Array(std::vector<float>& data) = 0;
  virtual void Array(std::vector<double>& data) = 0;

  // Of a list how many there are, at most kMaxRank, and these.
  void Numbers(std::vector<int>& list);
  void Sizes(TensorShape& shape);

  template <typename Enum>
    requires std::is_enum_v<Enum>
  void Choice(Enum& value) {
    auto number = static_cast<uint8_t>(value);
    Number(number);
    value = static_cast<Enum>(number);
  }
};

}  // namespace adabin::ops

#endif  // ADABIN_OPS_FIELDS_H_
