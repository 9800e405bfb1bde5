// SPDX-License-Identifier: Apache-2.0
//
// MindIR's messages, one level at a time: what lies deeper is kept as the bytes that it is. Nothing
// is copied, so all of it lives as long as the file's bytes.
//
// As in protobuf, fields come in any order; of a field that is not repeated the last one counts,
// unless it is a message: then all of them are one message, each adding to those before.
#ifndef ADABIN_FILES_MINDIR_MESSAGES_H_
#define ADABIN_FILES_MINDIR_MESSAGES_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "files/mindir_fields.h"

namespace adabin::files {

using Message = std::string_view;  // its bytes

struct PrimitiveMessage {
  std::string_view name, op_type;
  std::vector<Message> attributes;
};

struct ModelMessage {
  std::vector<PrimitiveMessage> primitives;
  bool has_graph = false;
  std::vector<Message> nodes, parameters, inputs, outputs;  // of the graph
  bool big_endian = false;
  bool has_version = false;
};

struct NodeMessage {
  std::string_view name, op_type, domain;
  std::vector<std::string_view> inputs, outputs;
  std::vector<Message> attributes;
};

struct ValueInfoMessage {
  std::string_view name;
  std::vector<Message> tensors;
};

struct TensorMessage {
  std::string_view name;
  std::vector<int64_t> dims;
  int32_t data_type = 0;
  std::optional<std::string_view> raw_data;
  std::vector<float> floats;  // where there is no raw_data
  std::vector<int32_t> int32s;
  std::vector<int64_t> int64s;
  bool external = false;
  int32_t compression_type = 0;
};

struct AttributeMessage {
  std::string_view name;
  int32_t type = 0;
  int64_t i = 0;  // these, and the repeated fields of the same types
  float f = 0;
  double d = 0;
  std::string_view s;
  std::vector<int64_t> ints;
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<std::string_view> strings;
  TensorMessage tensor;
  std::vector<Message> tensors;
  std::vector<Message> values;  // attributes
};

// These throw protozero::exception for bytes that are no such message.
ModelMessage ParseModel(Message bytes);
NodeMessage ParseNode(Message bytes);
ValueInfoMessage ParseValueInfo(Message bytes);
TensorMessage ParseTensor(Message bytes);
AttributeMessage ParseAttribute(Message bytes);

}  // namespace adabin::files

#endif  // ADABIN_FILES_MINDIR_MESSAGES_H_
