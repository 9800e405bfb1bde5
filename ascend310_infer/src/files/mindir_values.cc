// SPDX-License-Identifier: Apache-2.0
#include "files/mindir_values.h"

#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace adabin::files {
namespace {

static_assert(std::endian::native == std::endian::little, "MindIR data is read as little-endian");

using ir::Value;
using mindir::AttributeProto;
using mindir::TensorProto;

int64_t ElementCount(const TensorProto& proto) {
  int64_t count = 1;
  for (const int64_t dim : proto.dims()) {
    if (dim < 0 || (dim > 0 && count > std::numeric_limits<int32_t>::max() / dim)) {
      throw Error("tensor '" + Printable(proto.name()) + "' has an impossible shape");
    }
    count *= dim;
  }
  return count;
}

template <typename T, typename Field>
std::vector<T> ReadElements(const TensorProto& proto, const Field& field) {
  const auto count = static_cast<size_t>(ElementCount(proto));
  std::vector<T> data;
  if (proto.has_raw_data()) {
    if (proto.raw_data().size() != count * sizeof(T)) {
      throw Error("tensor '" + Printable(proto.name()) + "' holds " +
                  std::to_string(proto.raw_data().size()) + " bytes where its shape needs " +
                  std::to_string(count * sizeof(T)) + "; the file is damaged, export it again");
    }
    data.resize(count);
    if (count > 0) std::memcpy(data.data(), proto.raw_data().data(), count * sizeof(T));
  } else {
    if (static_cast<size_t>(field.size()) != count) {
      throw Error("tensor '" + Printable(proto.name()) +
                  "' does not hold the data its shape needs; the file is damaged, export it again");
    }
    data.assign(field.begin(), field.end());
  }
  return data;
}

}  // namespace

Value ReadTensor(const TensorProto& proto) {
  if (proto.has_external_data()) {
    throw Error(
        "the weights lie in a second file (a model above the protobuf limit), which is not "
        "supported");
  }
  if (proto.compression_type() != 0) {
    throw Error("tensor '" + Printable(proto.name()) +
                "' is compressed; export without compression");
  }
  Value value;
  const auto read_ints = [&](const auto& ints) {
    value.kind = Value::Kind::kList;
    for (const int64_t i : ints) {
      Value item;
      item.kind = Value::Kind::kInt;
      item.i = i;
      value.list.push_back(std::move(item));
    }
  };
  switch (proto.data_type()) {
    case TensorProto::FLOAT:
      value.kind = Value::Kind::kTensor;
      value.tensor.shape.assign(proto.dims().begin(), proto.dims().end());
      value.tensor.data = ReadElements<float>(proto, proto.float_data());
      return value;
    case TensorProto::INT32:
      read_ints(ReadElements<int32_t>(proto, proto.int32_data()));
      return value;
    case TensorProto::INT64:
      read_ints(ReadElements<int64_t>(proto, proto.int64_data()));
      return value;
    default:
      throw Error("tensor '" + Printable(proto.name()) + "' has MindIR data type " +
                  std::to_string(proto.data_type()) + "; export the network in float32");
  }
}

Value ReadAttribute(const AttributeProto& proto) {
  Value value;
  switch (proto.type()) {
    case AttributeProto::BOOL:
    case AttributeProto::INT32:
    case AttributeProto::INT64:
      value.kind = Value::Kind::kInt;
      value.i = proto.ints_size() > 0 ? proto.ints(0) : proto.i();
      break;
    case AttributeProto::FLOAT:
      value.kind = Value::Kind::kFloat;
      value.f = proto.floats_size() > 0 ? proto.floats(0) : proto.f();
      break;
    case AttributeProto::DOUBLE:
      value.kind = Value::Kind::kFloat;
      value.f = static_cast<float>(proto.doubles_size() > 0 ? proto.doubles(0) : proto.d());
      break;
    case AttributeProto::STRING:
      value.kind = Value::Kind::kString;
      value.s = proto.strings_size() > 0 ? proto.strings(0) : proto.s();
      break;
    case AttributeProto::TUPLE:
    case AttributeProto::LIST:
      value.kind = Value::Kind::kList;
      for (const AttributeProto& item : proto.values()) value.list.push_back(ReadAttribute(item));
      break;
    case AttributeProto::TENSOR:
      return ReadTensor(proto.t());
    case AttributeProto::TENSORS:
      if (proto.tensors_size() == 1) return ReadTensor(proto.tensors(0));
      break;
    default:
      break;  // monads, None and types that no supported operator reads
  }
  return value;
}

}  // namespace adabin::files
