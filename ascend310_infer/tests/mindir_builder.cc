// SPDX-License-Identifier: Apache-2.0
#include "mindir_builder.h"

#include <cmath>

namespace adabin::test {
namespace {

using mindir::AttributeProto;
using mindir::TensorProto;

void FillTensor(const std::vector<int64_t>& shape, const std::vector<float>& data,
                TensorProto* tensor) {
  for (const int64_t dim : shape) tensor->add_dims(dim);
  tensor->set_data_type(TensorProto::FLOAT);
  tensor->set_raw_data(data.data(), data.size() * sizeof(float));
}

void FillInts(const std::vector<int64_t>& values, AttributeProto* attribute) {
  attribute->set_type(AttributeProto::TUPLE);
  for (const int64_t value : values) {
    AttributeProto* item = attribute->add_values();
    item->set_type(AttributeProto::INT64);
    item->add_ints(value);
  }
}

AttributeProto* AddAttribute(mindir::PrimitiveProto* primitive, const std::string& name) {
  AttributeProto* attribute = primitive->add_attribute();
  attribute->set_name(name);
  return attribute;
}

}  // namespace

MindIrBuilder::MindIrBuilder(const std::vector<int64_t>& input_shape) {
  model.set_ir_version("1.1");
  model.set_producer_name("MindSpore");
  model.set_little_endian(true);
  model.set_mind_ir_version(3);
  mindir::ValueInfoProto* input = model.mutable_graph()->add_input();
  input->set_name(Input());
  TensorProto* tensor = input->add_tensor();
  for (const int64_t dim : input_shape) tensor->add_dims(dim);
  tensor->set_data_type(TensorProto::FLOAT);
}

std::string MindIrBuilder::NewName() { return std::string("v").append(std::to_string(names_++)); }

std::string MindIrBuilder::AddNode(const std::string& op_type,
                                   const std::vector<std::string>& inputs) {
  mindir::NodeProto* node = model.mutable_graph()->add_node();
  node->set_op_type(op_type);
  for (const std::string& input : inputs) node->add_input(input);
  const std::string name = NewName();
  node->set_name(name);
  node->set_domain("Default/" + name);
  node->add_output(name);
  return name;
}

mindir::PrimitiveProto* MindIrBuilder::Primitive(const std::string& op) {
  mindir::PrimitiveProto* primitive = model.add_primitives();
  primitive->set_name(op + ":" + std::to_string(model.primitives_size()));
  primitive->set_op_type(op);
  return primitive;
}

std::string MindIrBuilder::Reference(const mindir::PrimitiveProto& primitive) const {
  return "REF::" + primitive.name();
}

std::string MindIrBuilder::Node(const std::string& op, const std::vector<std::string>& inputs) {
  return AddNode(Reference(*Primitive(op)), inputs);
}

mindir::AttributeProto* MindIrBuilder::ConstantNode(std::string* name) {
  *name = AddNode("Constant", {});
  mindir::NodeProto* node = model.mutable_graph()->mutable_node(model.graph().node_size() - 1);
  AttributeProto* attribute = node->add_attribute();
  attribute->set_name("value");
  return attribute;
}

std::string MindIrBuilder::Parameter(const std::vector<int64_t>& shape,
                                     const std::vector<float>& data) {
  TensorProto* parameter = model.mutable_graph()->add_parameter();
  parameter->set_name(NewName());
  FillTensor(shape, data, parameter);
  std::string monad;
  ConstantNode(&monad)->set_type(AttributeProto::UMONAD);
  return Node("Load", {model.graph().parameter(model.graph().parameter_size() - 1).name(), monad});
}

std::string MindIrBuilder::Scalar(float value) {
  std::string name;
  AttributeProto* attribute = ConstantNode(&name);
  attribute->set_type(AttributeProto::TENSORS);
  FillTensor({}, {value}, attribute->add_tensors());
  return name;
}

std::string MindIrBuilder::Int(int64_t value) {
  std::string name;
  AttributeProto* attribute = ConstantNode(&name);
  attribute->set_type(AttributeProto::INT64);
  attribute->set_i(value);
  return name;
}

std::string MindIrBuilder::Float(float value) {
  std::string name;
  AttributeProto* attribute = ConstantNode(&name);
  attribute->set_type(AttributeProto::FLOAT);
  attribute->set_f(value);
  return name;
}

std::string MindIrBuilder::Ints(const std::vector<int64_t>& values) {
  std::string name;
  FillInts(values, ConstantNode(&name));
  return name;
}

std::string MindIrBuilder::Binarize(const std::string& x, float threshold, float high, float low) {
  const std::string bit = Node("GreaterEqual", {x, Scalar(threshold)});
  const std::string h = Scalar(high);
  return Node("Select", {bit, h, Scalar(low)});
}

std::string MindIrBuilder::BinarizeFalling(const std::string& x, float threshold, float high,
                                           float low) {
  const std::string falling = Node("GreaterEqual", {Scalar(threshold), x});
  const std::string l = Scalar(low);
  return Node("Select", {falling, l, Scalar(high)});
}

std::string MindIrBuilder::Conv2D(const std::string& x, const Conv& conv) {
  const std::string weights = Parameter(conv.weight_shape, conv.weights);
  mindir::PrimitiveProto* primitive = Primitive("Conv2D");
  FillInts({conv.weight_shape[2], conv.weight_shape[3]}, AddAttribute(primitive, "kernel_size"));
  FillInts({1, 1, conv.stride, conv.stride}, AddAttribute(primitive, "stride"));
  FillInts({1, 1, conv.dilation, conv.dilation}, AddAttribute(primitive, "dilation"));
  FillInts(conv.pad, AddAttribute(primitive, "pad"));
  AttributeProto* mode = AddAttribute(primitive, "pad_mode");
  mode->set_type(AttributeProto::STRING);
  mode->set_s(conv.pad_mode);
  AttributeProto* group = AddAttribute(primitive, "group");
  group->set_type(AttributeProto::INT64);
  group->set_i(conv.group);
  const std::string reference = Reference(*primitive);
  return AddNode(reference, {x, weights});
}

std::string MindIrBuilder::BatchNorm(const std::string& x, int64_t channels, std::mt19937* rng) {
  const auto n = static_cast<size_t>(channels);
  std::vector<float> variance = NormalFloats(n, rng);
  for (float& v : variance) v = std::abs(v) + 0.1f;
  std::vector<std::string> inputs = {x};
  for (int i = 0; i < 3; ++i) inputs.push_back(Parameter({channels}, NormalFloats(n, rng)));
  inputs.push_back(Parameter({channels}, variance));
  inputs.push_back(Int(0));
  inputs.push_back(Float(1e-5f));
  const std::string all = Node("BatchNorm", inputs);
  const std::string first = Int(0);
  return Node("TupleGetItem", {all, first});
}

std::string MindIrBuilder::Maxout(const std::string& x, const std::vector<float>& positive,
                                  const std::vector<float>& negative) {
  const std::vector<int64_t> shape = {1, static_cast<int64_t>(positive.size()), 1, 1};
  const std::string pos = Parameter(shape, positive);
  const std::string neg = Parameter(shape, negative);
  const std::string zero = Scalar(0);
  const std::string sign = Node("GreaterEqual", {x, zero});
  const std::string slope = Node("Select", {sign, pos, neg});
  return Node("Mul", {x, slope});
}

std::string MindIrBuilder::MaxoutOfTwo(const std::string& x, const std::vector<float>& positive,
                                       const std::vector<float>& negative) {
  const std::vector<int64_t> shape = {1, static_cast<int64_t>(positive.size()), 1, 1};
  const std::string up = Node("ReLU", {x});
  const std::string pos = Node("Mul", {Parameter(shape, positive), up});
  const std::string mirrored = Node("Neg", {x});
  const std::string down = Node("ReLU", {mirrored});
  const std::string neg = Node("Mul", {Parameter(shape, negative), down});
  return Node("Sub", {pos, neg});
}

std::string MindIrBuilder::AvgPool(const std::string& x, int64_t kernel, int64_t stride,
                                   int64_t mode) {
  const std::string k = Ints({kernel, kernel});
  const std::string s = Ints({stride, stride});
  return Node("AvgPool", {x, k, s, Int(mode), Int(0)});
}

std::string MindIrBuilder::MaxPool(const std::string& x, int64_t kernel, int64_t stride,
                                   const std::string& pad_mode) {
  mindir::PrimitiveProto* primitive = Primitive("MaxPool");
  FillInts({1, 1, kernel, kernel}, AddAttribute(primitive, "kernel_size"));
  FillInts({1, 1, stride, stride}, AddAttribute(primitive, "strides"));
  AttributeProto* mode = AddAttribute(primitive, "pad_mode");
  mode->set_type(AttributeProto::STRING);
  mode->set_s(pad_mode);
  const std::string reference = Reference(*primitive);
  return AddNode(reference, {x});
}

void MindIrBuilder::Output(const std::vector<std::string>& values) {
  std::string result = values[0];
  if (values.size() > 1) result = Node("MakeTuple", values);
  std::string monad;
  ConstantNode(&monad)->set_type(AttributeProto::UMONAD);
  const std::string state = Node("UpdateState", {monad, values[0]});
  model.mutable_graph()->add_output()->set_name(Node("Depend", {result, state}));
}

std::vector<float> NormalFloats(size_t count, std::mt19937* rng) {
  std::normal_distribution<float> normal;
  std::vector<float> out(count);
  for (float& v : out) v = normal(*rng);
  return out;
}

std::vector<float> TwoValuedWeights(const std::vector<int64_t>& shape, std::mt19937* rng) {
  std::vector<float> out;
  for (int64_t o = 0; o < shape[0]; ++o) {
    const std::vector<float> two = NormalFloats(2, rng);
    for (int64_t i = 0; i < shape[1] * shape[2] * shape[3]; ++i) out.push_back(two[(*rng)() % 2]);
  }
  return out;
}

std::string SmallNetwork(int64_t batch) {
  std::mt19937 rng(99);
  MindIrBuilder b({batch, 3, 8, 8});
  const auto maxout = [&](const std::string& x, size_t channels) {
    const std::vector<float> positive = NormalFloats(channels, &rng);
    return b.Maxout(x, positive, NormalFloats(channels, &rng));
  };
  MindIrBuilder::Conv stem{{4, 3, 3, 3}, NormalFloats(108, &rng), 1, {1, 1, 1, 1}};
  std::string x = maxout(b.BatchNorm(b.Conv2D(b.Input(), stem), 4, &rng), 4);
  MindIrBuilder::Conv first{{4, 4, 3, 3}, TwoValuedWeights({4, 4, 3, 3}, &rng), 1, {1, 1, 1, 1}};
  std::string y = b.BatchNorm(b.Conv2D(b.Binarize(x, 0.1f, 0.8f, -0.6f), first), 4, &rng);
  x = maxout(b.Node("Add", {y, x}), 4);
  MindIrBuilder::Conv second{{8, 4, 3, 3}, TwoValuedWeights({8, 4, 3, 3}, &rng), 2, {1, 1, 1, 1}};
  y = b.BatchNorm(b.Conv2D(b.BinarizeFalling(x, -0.2f, -0.5f, 0.7f), second), 8, &rng);
  mindir::PrimitiveProto* pad = b.model.add_primitives();
  pad->set_name("Pad:1000");
  pad->set_op_type("Pad");
  mindir::AttributeProto* paddings = AddAttribute(pad, "paddings");
  paddings->set_type(mindir::AttributeProto::TUPLE);
  for (const int64_t channels : {0, 2, 0, 0})
    FillInts({channels, channels}, paddings->add_values());
  const std::string pooled = b.AvgPool(x, 1, 2, 2);
  mindir::NodeProto* node = b.model.mutable_graph()->add_node();
  node->set_op_type("REF::Pad:1000");
  node->add_input(pooled);
  node->add_output("padded");
  x = maxout(b.Node("Add", {"padded", y}), 8);
  x = b.Node("ReduceMean", {x, b.Ints({2, 3}), b.Int(0)});
  const std::string weights = b.Parameter({5, 8}, NormalFloats(40, &rng));
  x = b.Node("MatMul", {x, weights, b.Int(0), b.Int(1)});
  x = b.Node("BiasAdd", {x, b.Parameter({5}, NormalFloats(5, &rng)), b.Int(0)});
  b.Output({x});
  return b.Serialize();
}

}  // namespace adabin::test
