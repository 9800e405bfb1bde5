// SPDX-License-Identifier: Apache-2.0
#include "files/mindir_values.h"

#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/touch_pages.h"

namespace adabin::files {
namespace {

static_assert(std::endian::native == std::endian::little, "MindIR data is read as little-endian");

using graph::Value;

constexpr int kMaxDepth = 64;  // of lists in lists: each is a call

size_t ElementCount(const TensorMessage& message) {
  int64_t count = 1;
  for (const int64_t dim : message.dims) {
    if (dim < 0 || (dim > 0 && count > std::numeric_limits<int32_t>::max() / dim)) {
      throw Error("tensor '" + Printable(std::string(message.name)) + "' has an impossible shape");
    }
    count *= dim;
  }
  return static_cast<size_t>(count);
}

// The first of a repeated field, which only items of lists use.
template <typename T>
T FirstOr(const std::vector<T>& repeated, T single) {
  return repeated.empty() ? single : repeated[0];
}

}  // namespace

void ValueReader::Take(size_t bytes) {
  if (bytes > left_) {
    throw Error(
        "its constants and attributes take more memory than a file of this size can need; the "
        "file is damaged, export it again");
  }
  left_ -= bytes;
}

template <typename T>
std::vector<T> ValueReader::Elements(const TensorMessage& message, const std::vector<T>& field) {
  const size_t count = ElementCount(message);
  const size_t size = message.raw_data ? message.raw_data->size() : field.size() * sizeof(T);
  if (message.raw_data && size != count * sizeof(T)) {
    throw Error("tensor '" + Printable(std::string(message.name)) + "' holds " +
                std::to_string(size) + " bytes where its shape needs " +
                std::to_string(count * sizeof(T)) + "; the file is damaged, export it again");
  }
  if (size != count * sizeof(T)) {
    throw Error("tensor '" + Printable(std::string(message.name)) +
                "' does not hold the data its shape needs; the file is damaged, export it again");
  }
  Take(size);
  if (!message.raw_data) return field;
  std::vector<T> data;
  data.reserve(count);
  TouchPages(data.data(), size);
  data.resize(count);
  if (count > 0) std::memcpy(data.data(), message.raw_data->data(), size);
  return data;
}

template <typename T>
Value ValueReader::Integers(const std::vector<T>& elements) {
  Take(elements.size() * sizeof(Value));
  Value value;
  value.kind = Value::Kind::kList;
  value.list.resize(elements.size());
  for (size_t i = 0; i < elements.size(); ++i) {
    value.list[i].kind = Value::Kind::kInt;
    value.list[i].i = elements[i];
  }
  return value;
}

Value ValueReader::Tensor(const TensorMessage& message) {
  if (message.external) {
    throw Error(
        "the weights lie in a second file (a model above the protobuf limit), which is not "
        "supported");
  }
  if (message.compression_type != 0) {
    throw Error("tensor '" + Printable(std::string(message.name)) +
                "' is compressed; export without compression");
  }
  Value value;
  switch (static_cast<DataType>(message.data_type)) {
    case DataType::kFloat:
      value.kind = Value::Kind::kTensor;
      value.tensor.shape = message.dims;
      value.tensor.data = Elements(message, message.floats);
      return value;
    case DataType::kInt32:
      return Integers(Elements(message, message.int32s));
    case DataType::kInt64:
      return Integers(Elements(message, message.int64s));
  }
  throw Error("tensor '" + Printable(std::string(message.name)) + "' has MindIR data type " +
              std::to_string(message.data_type) + "; export the network in float32");
}

Value ValueReader::Attribute(const AttributeMessage& message, int depth) {
  Value value;
  switch (static_cast<AttributeType>(message.type)) {
    case AttributeType::kBool:
    case AttributeType::kInt32:
    case AttributeType::kInt64:
      value.kind = Value::Kind::kInt;
      value.i = FirstOr(message.ints, message.i);
      break;
    case AttributeType::kFloat:
      value.kind = Value::Kind::kFloat;
      value.f = FirstOr(message.floats, message.f);
      break;
    case AttributeType::kDouble:
      value.kind = Value::Kind::kFloat;
      value.f = static_cast<float>(FirstOr(message.doubles, message.d));
      break;
    case AttributeType::kString:
      value.kind = Value::Kind::kString;
      value.s = FirstOr(message.strings, message.s);
      Take(value.s.size());
      break;
    case AttributeType::kTuple:
    case AttributeType::kList:
      if (depth == kMaxDepth) {
        throw Error("an attribute is a list of lists more than " + std::to_string(kMaxDepth) +
                    " deep; the file is damaged, export it again");
      }
      value.kind = Value::Kind::kList;
      Take(message.values.size() * sizeof(Value));
      value.list.reserve(message.values.size());
      for (const Message item : message.values) {
        value.list.push_back(Attribute(ParseAttribute(item), depth + 1));
      }
      break;
    case AttributeType::kTensor:
      return Tensor(message.tensor);
    case AttributeType::kTensors:
      if (message.tensors.size() == 1) return Tensor(ParseTensor(message.tensors[0]));
      break;
    case AttributeType::kUMonad:  // and None and types that no supported operator reads
      break;
  }
  return value;
}

}  // namespace adabin::files
