// SPDX-License-Identifier: Apache-2.0
#include "mindir_builder.h"

#include <cmath>

namespace adabin::test {
MindIrBuilder::MindIrBuilder(const std::vector<int64_t>& input_shape) {
  MindIrTensor tensor;
  tensor.dims = input_shape;
  model.inputs.push_back({Input(), {tensor}});
}

std::string MindIrBuilder::AnotherInput(const std::string& name,
                                        const std::vector<int64_t>& shape) {
  MindIrTensor tensor;
  tensor.dims = shape;
  model.inputs.push_back({name, {tensor}});
  return name;
}

std::string MindIrBuilder::NewName() { return std::string("v").append(std::to_string(names_++)); }

std::string MindIrBuilder::AddNode(const std::string& op_type,
                                   const std::vector<std::string>& inputs) {
  const std::string name = NewName();
  model.nodes.push_back({op_type, inputs, {name}, name, "Default/" + name, {}});
  return name;
}

MindIrPrimitive& MindIrBuilder::Primitive(const std::string& op) {
  model.primitives.push_back({op + ":" + std::to_string(model.primitives.size() + 1), op, {}});
  return model.primitives.back();
}

std::string MindIrBuilder::Reference(const MindIrPrimitive& primitive) const {
  return "REF::" + primitive.name;
}

std::string MindIrBuilder::Node(const std::string& op, const std::vector<std::string>& inputs) {
  return AddNode(Reference(Primitive(op)), inputs);
}

MindIrAttribute& MindIrBuilder::ConstantNode(std::string* name) {
  *name = AddNode("Constant", {});
  MindIrAttribute& attribute = model.nodes.back().attributes.emplace_back();
  attribute.name = "value";
  return attribute;
}

std::string MindIrBuilder::Parameter(const std::vector<int64_t>& shape,
                                     const std::vector<float>& data) {
  MindIrTensor& parameter = model.parameters.emplace_back();
  parameter.name = NewName();
  parameter.SetFloats(shape, data);
  std::string monad;
  ConstantNode(&monad).type = AttributeType::kUMonad;
  return Node("Load", {parameter.name, monad});
}

std::string MindIrBuilder::Scalar(float value) {
  std::string name;
  MindIrAttribute& attribute = ConstantNode(&name);
  attribute.type = AttributeType::kTensors;
  attribute.tensors.emplace_back().SetFloats({}, {value});
  return name;
}

std::string MindIrBuilder::Int(int64_t value) {
  std::string name;
  ConstantNode(&name).SetInt(value);
  return name;
}

std::string MindIrBuilder::Float(float value) {
  std::string name;
  MindIrAttribute& attribute = ConstantNode(&name);
  attribute.type = AttributeType::kFloat;
  attribute.f = value;
  return name;
}

std::string MindIrBuilder::Ints(const std::vector<int64_t>& values) {
  std::string name;
  ConstantNode(&name).SetInts(values);
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
  MindIrPrimitive& primitive = Primitive("Conv2D");
  primitive.Add("kernel_size").SetInts({conv.weight_shape[2], conv.weight_shape[3]});
  primitive.Add("stride").SetInts({1, 1, conv.stride, conv.stride});
  primitive.Add("dilation").SetInts({1, 1, conv.dilation, conv.dilation});
  primitive.Add("pad").SetInts(conv.pad);
  primitive.Add("pad_mode").SetString(conv.pad_mode);
  primitive.Add("group").SetInt(conv.group);
  return AddNode(Reference(primitive), {x, weights});
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
  MindIrPrimitive& primitive = Primitive("MaxPool");
  primitive.Add("kernel_size").SetInts({1, 1, kernel, kernel});
  primitive.Add("strides").SetInts({1, 1, stride, stride});
  primitive.Add("pad_mode").SetString(pad_mode);
  return AddNode(Reference(primitive), {x});
}

std::string MindIrBuilder::Pad(const std::string& x, const std::vector<int64_t>& sizes) {
  MindIrPrimitive& primitive = Primitive("Pad");
  MindIrAttribute& paddings = primitive.Add("paddings");
  paddings.type = AttributeType::kTuple;
  for (const int64_t size : sizes) paddings.values.emplace_back().SetInts({size, size});
  return AddNode(Reference(primitive), {x});
}

void MindIrBuilder::Output(const std::vector<std::string>& values) {
  std::string result = values[0];
  if (values.size() > 1) result = Node("MakeTuple", values);
  std::string monad;
  ConstantNode(&monad).type = AttributeType::kUMonad;
  const std::string state = Node("UpdateState", {monad, values[0]});
  model.outputs.push_back({Node("Depend", {result, state}), {}});
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
  const std::string padded = b.Pad(b.AvgPool(x, 1, 2, 2), {0, 2, 0, 0});
  x = maxout(b.Node("Add", {padded, y}), 8);
  x = b.Node("ReduceMean", {x, b.Ints({2, 3}), b.Int(0)});
  const std::string weights = b.Parameter({5, 8}, NormalFloats(40, &rng));
  x = b.Node("MatMul", {x, weights, b.Int(0), b.Int(1)});
  x = b.Node("BiasAdd", {x, b.Parameter({5}, NormalFloats(5, &rng)), b.Int(0)});
  b.Output({x});
  return b.Serialize();
}

}  // namespace adabin::test
