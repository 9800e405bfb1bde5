// SPDX-License-Identifier: Apache-2.0
#include "files/mindir_messages.h"

#include <utility>

#include "files/mindir_wire.h"

namespace adabin::files {
namespace {

PrimitiveMessage ParsePrimitive(Message bytes) {
  PrimitiveMessage out;
  pbf_message<PrimitiveField> message(bytes.data(), bytes.size());
  while (message.next()) {
    switch (message.tag_and_type()) {
      case Bytes(PrimitiveField::kName):
        out.name = TakeBytes(message);
        break;
      case Bytes(PrimitiveField::kOpType):
        out.op_type = TakeBytes(message);
        break;
      case Bytes(PrimitiveField::kAttribute):
        out.attributes.push_back(TakeBytes(message));
        break;
      default:
        message.skip();
    }
  }
  return out;
}

void AddGraph(Message bytes, ModelMessage* out) {
  pbf_message<GraphField> message(bytes.data(), bytes.size());
  while (message.next()) {
    switch (message.tag_and_type()) {
      case Bytes(GraphField::kNode):
        out->nodes.push_back(TakeBytes(message));
        break;
      case Bytes(GraphField::kParameter):
        out->parameters.push_back(TakeBytes(message));
        break;
      case Bytes(GraphField::kInput):
        out->inputs.push_back(TakeBytes(message));
        break;
      case Bytes(GraphField::kOutput):
        out->outputs.push_back(TakeBytes(message));
        break;
      default:
        message.skip();
    }
  }
}

void AddTensor(Message bytes, TensorMessage* out) {
  pbf_message<TensorField> message(bytes.data(), bytes.size());
  while (message.next()) {
    switch (message.tag_and_type()) {
      case Varint(TensorField::kDim):
        TakeOne(message, &out->dims);
        break;
      case Bytes(TensorField::kDim):
        TakePacked(message, &out->dims);
        break;
      case Varint(TensorField::kDataType):
        out->data_type = message.get_int32();
        break;
      case Fixed32(TensorField::kFloatData):
        TakeOne(message, &out->floats);
        break;
      case Bytes(TensorField::kFloatData):
        TakePacked(message, &out->floats);
        break;
      case Varint(TensorField::kInt32Data):
        TakeOne(message, &out->int32s);
        break;
      case Bytes(TensorField::kInt32Data):
        TakePacked(message, &out->int32s);
        break;
      case Varint(TensorField::kInt64Data):
        TakeOne(message, &out->int64s);
        break;
      case Bytes(TensorField::kInt64Data):
        TakePacked(message, &out->int64s);
        break;
      case Bytes(TensorField::kName):
        out->name = TakeBytes(message);
        break;
      case Bytes(TensorField::kRawData):
        out->raw_data = TakeBytes(message);
        break;
      case Bytes(TensorField::kExternalData):
        out->external = true;
        message.skip();
        break;
      case Varint(TensorField::kCompressionType):
        out->compression_type = message.get_int32();
        break;
      default:
        message.skip();
    }
  }
}

}  // namespace

ModelMessage ParseModel(Message bytes) {
  ModelMessage out;
  pbf_message<ModelField> message(bytes.data(), bytes.size());
  while (message.next()) {
    switch (message.tag_and_type()) {
      case Bytes(ModelField::kGraph):
        out.has_graph = true;
        AddGraph(TakeBytes(message), &out);
        break;
      case Bytes(ModelField::kPrimitive):
        out.primitives.push_back(ParsePrimitive(TakeBytes(message)));
        break;
      case Varint(ModelField::kLittleEndian):
        out.big_endian = message.get_uint64() == 0;
        break;
      case Varint(ModelField::kMindIrVersion):
        out.has_version = true;
        message.skip();
        break;
      default:
        message.skip();
    }
  }
  return out;
}

NodeMessage ParseNode(Message bytes) {
  NodeMessage out;
  pbf_message<NodeField> message(bytes.data(), bytes.size());
  while (message.next()) {
    switch (message.tag_and_type()) {
      case Bytes(NodeField::kInput):
        out.inputs.push_back(TakeBytes(message));
        break;
      case Bytes(NodeField::kOutput):
        out.outputs.push_back(TakeBytes(message));
        break;
      case Bytes(NodeField::kName):
        out.name = TakeBytes(message);
        break;
      case Bytes(NodeField::kOpType):
        out.op_type = TakeBytes(message);
        break;
      case Bytes(NodeField::kAttribute):
        out.attributes.push_back(TakeBytes(message));
        break;
      case Bytes(NodeField::kDomain):
        out.domain = TakeBytes(message);
        break;
      default:
        message.skip();
    }
  }
  return out;
}

ValueInfoMessage ParseValueInfo(Message bytes) {
  ValueInfoMessage out;
  pbf_message<ValueInfoField> message(bytes.data(), bytes.size());
  while (message.next()) {
    switch (message.tag_and_type()) {
      case Bytes(ValueInfoField::kName):
        out.name = TakeBytes(message);
        break;
      case Bytes(ValueInfoField::kTensor):
        out.tensors.push_back(TakeBytes(message));
        break;
      default:
        message.skip();
    }
  }
  return out;
}

TensorMessage ParseTensor(Message bytes) {
  TensorMessage out;
  AddTensor(bytes, &out);
  return out;
}

AttributeMessage ParseAttribute(Message bytes) {
  AttributeMessage out;
  pbf_message<AttributeField> message(bytes.data(), bytes.size());
  while (message.next()) {
    switch (message.tag_and_type()) {
      case Bytes(AttributeField::kName):
        out.name = TakeBytes(message);
        break;
      case Varint(AttributeField::kType):
        out.type = message.get_int32();
        break;
      case Varint(AttributeField::kInt):
        out.i = message.get_int64();
        break;
      case Fixed32(AttributeField::kFloat):
        out.f = message.get_float();
        break;
      case Fixed64(AttributeField::kDouble):
        out.d = message.get_double();
        break;
      case Bytes(AttributeField::kString):
        out.s = TakeBytes(message);
        break;
      case Varint(AttributeField::kInts):
        TakeOne(message, &out.ints);
        break;
      case Bytes(AttributeField::kInts):
        TakePacked(message, &out.ints);
        break;
      case Fixed32(AttributeField::kFloats):
        TakeOne(message, &out.floats);
        break;
      case Bytes(AttributeField::kFloats):
        TakePacked(message, &out.floats);
        break;
      case Fixed64(AttributeField::kDoubles):
        TakeOne(message, &out.doubles);
        break;
      case Bytes(AttributeField::kDoubles):
        TakePacked(message, &out.doubles);
        break;
      case Bytes(AttributeField::kStrings):
        out.strings.push_back(TakeBytes(message));
        break;
      case Bytes(AttributeField::kTensor):
        AddTensor(TakeBytes(message), &out.tensor);
        break;
      case Bytes(AttributeField::kTensors):
        out.tensors.push_back(TakeBytes(message));
        break;
      case Bytes(AttributeField::kValues):
        out.values.push_back(TakeBytes(message));
        break;
      default:
        message.skip();
    }
  }
  return out;
}

}  // namespace adabin::files
