// SPDX-License-Identifier: Apache-2.0
//
// A MindIR file as objects that a test fills in, in the fields that MindSpore writes.
#ifndef ADABIN_TESTS_MINDIR_MODEL_H_
#define ADABIN_TESTS_MINDIR_MODEL_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "files/mindir_fields.h"

namespace adabin::test {

using files::AttributeType;
using files::DataType;

struct MindIrTensor {
  std::string name;
  std::vector<int64_t> dims;
  int32_t data_type = static_cast<int32_t>(DataType::kFloat);
  std::optional<std::string> raw_data;
  std::string external;  // the second file

  void SetFloats(const std::vector<int64_t>& shape, const std::vector<float>& data);
};

struct MindIrAttribute {
  std::string name;
  AttributeType type = AttributeType::kUMonad;
  std::optional<int64_t> i;
  std::optional<float> f;
  std::string s;
  std::vector<int64_t> ints;
  std::vector<MindIrTensor> tensors;
  std::vector<MindIrAttribute> values;

  void SetInt(int64_t value);
  void SetString(const std::string& value);
  void SetInts(const std::vector<int64_t>& items);  // a tuple
};

struct MindIrPrimitive {
  std::string name, op_type;
  std::vector<MindIrAttribute> attributes;

  MindIrAttribute& Add(const std::string& attribute);
};

struct MindIrNode {
  std::string op_type;
  std::vector<std::string> inputs, outputs;
  std::string name, domain;
  std::vector<MindIrAttribute> attributes;
};

struct MindIrValueInfo {
  std::string name;
  std::vector<MindIrTensor> tensors;
};

struct MindIrModel {
  std::deque<MindIrPrimitive> primitives;  // references to them stay
  std::deque<MindIrNode> nodes;
  std::deque<MindIrTensor> parameters;
  std::vector<MindIrValueInfo> inputs, outputs;
  bool little_endian = true;

  std::string Serialize() const;
};

}  // namespace adabin::test

#endif  // ADABIN_TESTS_MINDIR_MODEL_H_
