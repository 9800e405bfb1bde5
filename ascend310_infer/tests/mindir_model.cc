// SPDX-License-Identifier: Apache-2.0
#include "mindir_model.h"

#include <protozero/pbf_builder.hpp>

namespace adabin::test {
namespace {

using files::AttributeField;
using files::GraphField;
using files::ModelField;
using files::NodeField;
using files::PrimitiveField;
using files::TensorField;
using files::ValueInfoField;
using protozero::pbf_builder;

std::string Bytes(const MindIrTensor& tensor) {
  std::string bytes;
  pbf_builder<TensorField> out(bytes);
  for (const int64_t dim : tensor.dims) out.add_int64(TensorField::kDim, dim);
  out.add_int32(TensorField::kDataType, tensor.data_type);
  if (!tensor.name.empty()) out.add_string(TensorField::kName, tensor.name);
  if (tensor.raw_data) out.add_bytes(TensorField::kRawData, *tensor.raw_data);
  if (!tensor.external.empty()) {
    std::string external;
    protozero::pbf_writer(external).add_string(1, tensor.external);
    out.add_message(TensorField::kExternalData, external);
  }
  return bytes;
}

std::string Bytes(const MindIrAttribute& attribute) {
  std::string bytes;
  pbf_builder<AttributeField> out(bytes);
  if (!attribute.name.empty()) out.add_string(AttributeField::kName, attribute.name);
  if (attribute.f) out.add_float(AttributeField::kFloat, *attribute.f);
  if (attribute.i) out.add_int64(AttributeField::kInt, *attribute.i);
  if (!attribute.s.empty()) out.add_bytes(AttributeField::kString, attribute.s);
  for (const int64_t item : attribute.ints) out.add_int64(AttributeField::kInts, item);
  for (const MindIrTensor& tensor : attribute.tensors) {
    out.add_message(AttributeField::kTensors, Bytes(tensor));
  }
  out.add_int32(AttributeField::kType, static_cast<int32_t>(attribute.type));
  for (const MindIrAttribute& item : attribute.values) {
    out.add_message(AttributeField::kValues, Bytes(item));
  }
  return bytes;
}

std::string Bytes(const MindIrPrimitive& primitive) {
  std::string bytes;
  pbf_builder<PrimitiveField> out(bytes);
  out.add_string(PrimitiveField::kName, primitive.name);
  out.add_string(PrimitiveField::kOpType, primitive.op_type);
  for (const MindIrAttribute& attribute : primitive.attributes) {
    out.add_message(PrimitiveField::kAttribute, Bytes(attribute));
  }
  return bytes;
}

std::string Bytes(const MindIrNode& node) {
  std::string bytes;
  pbf_builder<NodeField> out(bytes);
  for (const std::string& input : node.inputs) out.add_string(NodeField::kInput, input);
  for (const std::string& output : node.outputs) out.add_string(NodeField::kOutput, output);
  if (!node.name.empty()) out.add_string(NodeField::kName, node.name);
  out.add_string(NodeField::kOpType, node.op_type);
  for (const MindIrAttribute& attribute : node.attributes) {
    out.add_message(NodeField::kAttribute, Bytes(attribute));
  }
  if (!node.domain.empty()) out.add_string(NodeField::kDomain, node.domain);
  return bytes;
}

std::string Bytes(const MindIrValueInfo& info) {
  std::string bytes;
  pbf_builder<ValueInfoField> out(bytes);
  out.add_string(ValueInfoField::kName, info.name);
  for (const MindIrTensor& tensor : info.tensors) {
    out.add_message(ValueInfoField::kTensor, Bytes(tensor));
  }
  return bytes;
}

std::string GraphBytes(const MindIrModel& model) {
  std::string bytes;
  pbf_builder<GraphField> out(bytes);
  for (const MindIrNode& node : model.nodes) out.add_message(GraphField::kNode, Bytes(node));
  for (const MindIrTensor& parameter : model.parameters) {
    out.add_message(GraphField::kParameter, Bytes(parameter));
  }
  for (const MindIrValueInfo& input : model.inputs) {
    out.add_message(GraphField::kInput, Bytes(input));
  }
  for (const MindIrValueInfo& output : model.outputs) {
    out.add_message(GraphField::kOutput, Bytes(output));
  }
  return bytes;
}

}  // namespace

void MindIrTensor::SetFloats(const std::vector<int64_t>& shape, const std::vector<float>& data) {
  dims = shape;
  data_type = static_cast<int32_t>(DataType::kFloat);
  raw_data.emplace(reinterpret_cast<const char*>(data.data()), data.size() * sizeof(float));
}

void MindIrAttribute::SetInt(int64_t value) {
  type = AttributeType::kInt64;
  i = value;
}

void MindIrAttribute::SetString(const std::string& value) {
  type = AttributeType::kString;
  s = value;
}

void MindIrAttribute::SetInts(const std::vector<int64_t>& items) {
  type = AttributeType::kTuple;
  for (const int64_t item : items) {
    MindIrAttribute& value = values.emplace_back();
    value.type = AttributeType::kInt64;
    value.ints = {item};
  }
}

MindIrAttribute& MindIrPrimitive::Add(const std::string& attribute) {
  attributes.emplace_back().name = attribute;
  return attributes.back();
}

std::string MindIrModel::Serialize() const {
  std::string bytes;
  pbf_builder<ModelField> out(bytes);
  out.add_string(ModelField::kIrVersion, "1.1");
  out.add_string(ModelField::kProducerName, "MindSpore");
  out.add_message(ModelField::kGraph, GraphBytes(*this));
  out.add_bool(ModelField::kLittleEndian, little_endian);
  for (const MindIrPrimitive& primitive : primitives) {
    out.add_message(ModelField::kPrimitive, Bytes(primitive));
  }
  out.add_int64(ModelField::kMindIrVersion, 3);
  return bytes;
}

}  // namespace adabin::test
