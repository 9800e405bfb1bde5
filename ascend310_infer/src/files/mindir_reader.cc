// SPDX-License-Identifier: Apache-2.0
#include "files/mindir_reader.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "files/mindir_values.h"
#include "ir/node_view.h"
#include "ops/operator.h"

namespace adabin::files {
namespace {

using ir::Graph;
using ir::GraphValue;
using ir::Node;
using ir::Value;
using mindir::AttributeProto;
using mindir::TensorProto;

class Builder {
 public:
  explicit Builder(const mindir::ModelProto& model) : model_(model) {
    for (const mindir::PrimitiveProto& primitive : model.primitives()) {
      primitives_[primitive.name()] = &primitive;
    }
  }

  Graph Build() {
    ReadInput();
    for (const TensorProto& parameter : model_.graph().parameter()) {
      Define(parameter.name(), {{AddConstant(ReadTensor(parameter))}});
    }
    for (const mindir::NodeProto& node : model_.graph().node()) ReadNode(node);
    ReadOutputs();
    return std::move(graph_);
  }

 private:
  // A name stands for one value, or for several where the exporter wrote a tuple. Tuples in tuples
  // are flattened, which is right where all of one is read: as outputs.
  struct Named {
    std::vector<int> values;
    bool tuple = false;
    bool nested = false;
  };

  // Of all tuples together: each one of tuples can double the size of the one before.
  static constexpr size_t kMaxTupleItems = size_t{1} << 20;

  void ReadInput() {
    if (model_.graph().input_size() != 1 || model_.graph().input(0).tensor_size() != 1) {
      throw Error("the network has " + std::to_string(model_.graph().input_size()) +
                  " inputs; one image tensor is needed");
    }
    const mindir::ValueInfoProto& input = model_.graph().input(0);
    if (input.tensor(0).data_type() != TensorProto::FLOAT) {
      throw Error("the network's input is not float32; export it in float32");
    }
    graph_.input_shape.assign(input.tensor(0).dims().begin(), input.tensor(0).dims().end());
    // "graph:argument of construct"; of outputs the exporter's own numbers are all there is.
    const size_t colon = input.name().rfind(':');
    if (colon != std::string::npos) graph_.input_name = Printable(input.name().substr(colon + 1));
    GraphValue value;
    value.kind = GraphValue::Kind::kInput;
    graph_.values.push_back(std::move(value));
    Define(input.name(), {{0}});
  }

  int AddConstant(Value constant) {
    GraphValue value;
    value.constant = std::move(constant);
    graph_.values.push_back(std::move(value));
    return static_cast<int>(graph_.values.size()) - 1;
  }

  void Define(const std::string& name, Named named) { names_[name] = std::move(named); }

  // Appends `named` to a tuple.
  void AddItems(const Named& named, std::vector<int>* items) {
    tuple_items_ += named.values.size();
    if (tuple_items_ > kMaxTupleItems) {
      throw Error("the tuples are too large; the file is damaged, export it again");
    }
    items->insert(items->end(), named.values.begin(), named.values.end());
  }

  const Named& Find(const std::string& name) const {
    const auto it = names_.find(name);
    if (it == names_.end()) {
      throw Error("'" + Printable(name) +
                  "' is used but not defined; the file is damaged, export it again");
    }
    return it->second;
  }

  static const std::string& Input(const mindir::NodeProto& node, int index) {
    if (index >= node.input_size()) {
      throw Error("operator '" + Printable(node.name()) +
                  "' lacks an input; the file is damaged, export it again");
    }
    return node.input(index);
  }

  std::string OperatorOf(const mindir::NodeProto& node, const mindir::PrimitiveProto** primitive) {
    const std::string prefix = "REF::";
    *primitive = nullptr;
    if (!node.op_type().starts_with(prefix)) return node.op_type();
    const std::string key = node.op_type().substr(prefix.size());
    const auto it = primitives_.find(key);
    if (it == primitives_.end()) {
      throw Error(
          "operator '" + Printable(key) +
          "' is a call of another graph, which is not supported (or the file is truncated)");
    }
    *primitive = it->second;
    return it->second->op_type();
  }

  void ReadNode(const mindir::NodeProto& node) {
    if (node.output_size() != 1) {
      throw Error("operator '" + Printable(node.name()) + "' has " +
                  std::to_string(node.output_size()) +
                  " outputs; the file is damaged, export it again");
    }
    const std::string& output = node.output(0);
    const mindir::PrimitiveProto* primitive = nullptr;
    const std::string op = OperatorOf(node, &primitive);
    if (op == "Constant") {
      if (node.attribute_size() != 1)
        throw Error("a constant without a value; the file is damaged, export it again");
      Define(output, {{AddConstant(ReadAttribute(node.attribute(0)))}});
    } else if (op == "Load" || op == "Depend") {
      // They order reads and writes of parameters; inference writes none.
      const Named& source = Find(Input(node, 0));
      Named copy{{}, source.tuple, source.nested};
      AddItems(source, &copy.values);
      Define(output, std::move(copy));
    } else if (op == "UpdateState") {
      Define(output, {{AddConstant(Value())}});
    } else if (op == "MakeTuple") {
      Named tuple{{}, true};
      for (const std::string& input : node.input()) {
        const Named& named = Find(input);
        tuple.nested |= named.tuple;
        AddItems(named, &tuple.values);
      }
      Define(output, std::move(tuple));
    } else if (op == "TupleGetItem") {
      ReadTupleGetItem(node);
    } else {
      AddNode(op, node, primitive);
    }
  }

  void ReadTupleGetItem(const mindir::NodeProto& node) {
    const Named& source = Find(Input(node, 0));
    const Named& which = Find(Input(node, 1));
    // Another operator with several outputs (BatchNorm) stands for its first one.
    const auto items = static_cast<int64_t>(source.values.size());
    const Node* split = source.tuple ? nullptr : ir::Producer(graph_, source.values[0], "Split");
    const Value* index =
        which.tuple ? nullptr : &graph_.values[static_cast<size_t>(which.values[0])].constant;
    if (split != nullptr && index != nullptr && index->kind == Value::Kind::kInt && index->i >= 0) {
      return AddPart(node, source.values[0], Value(*index));
    }
    if (index == nullptr || index->kind != Value::Kind::kInt || index->i < 0 || index->i >= items ||
        source.nested) {
      throw Error("'" + Printable(node.name()) + "' takes an output that is not supported");
    }
    Define(node.output(0), {{source.values[static_cast<size_t>(index->i)]}});
  }

  // The parts of a Split are nodes of their own: TupleGetItem with an attribute.
  void AddPart(const mindir::NodeProto& proto, int split, const Value& index) {
    Node node;
    node.op = "TupleGetItem";
    node.name = proto.domain();
    node.inputs = {split};
    node.attributes["index"] = index;
    Add(std::move(node), proto.output(0));
  }

  void AddNode(const std::string& op, const mindir::NodeProto& proto,
               const mindir::PrimitiveProto* primitive) {
    Node node;
    node.op = op;
    node.name = proto.domain();
    const bool takes_tuple = std::ranges::any_of(
        ops::OperatorsFrom(op), [](const ops::Operator* o) { return o->reads_tuple; });
    for (const std::string& input : proto.input()) {
      const Named& named = Find(input);
      if (named.tuple && (!takes_tuple || !node.inputs.empty() || named.nested)) {
        throw Error("operator " + Printable(op) + " reads a tuple, which is not supported");
      }
      AddItems(named, &node.inputs);
    }
    if (primitive != nullptr) {
      for (const AttributeProto& attribute : primitive->attribute()) {
        node.attributes[attribute.name()] = ReadAttribute(attribute);
      }
    }
    Add(std::move(node), proto.output(0));
  }

  void Add(Node node, const std::string& output) {
    for (const int input : node.inputs) ++graph_.values[static_cast<size_t>(input)].uses;
    GraphValue value;
    value.kind = GraphValue::Kind::kNode;
    value.node = static_cast<int>(graph_.nodes.size());
    graph_.values.push_back(std::move(value));
    graph_.nodes.push_back(std::move(node));
    graph_.node_value.push_back(static_cast<int>(graph_.values.size()) - 1);
    Define(output, {{graph_.node_value.back()}});
  }

  void ReadOutputs() {
    for (const mindir::ValueInfoProto& output : model_.graph().output()) {
      const Named& named = Find(output.name());
      graph_.outputs.insert(graph_.outputs.end(), named.values.begin(), named.values.end());
    }
    if (graph_.outputs.empty()) throw Error("the network has no output; export it again");
    for (const int output : graph_.outputs) ++graph_.values[static_cast<size_t>(output)].uses;
  }

  const mindir::ModelProto& model_;
  std::unordered_map<std::string, const mindir::PrimitiveProto*> primitives_;
  std::unordered_map<std::string, Named> names_;
  size_t tuple_items_ = 0;
  Graph graph_;
};

}  // namespace

ir::Graph ReadMindIr(std::string_view bytes) {
  mindir::ModelProto model;
  if (bytes.size() > std::numeric_limits<int32_t>::max() ||
      !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph() ||
      model.graph().node_size() == 0) {
    throw Error("not a MindIR file, or a truncated one; export the network with export.py");
  }
  // Files with a primitive table end with their version: without it the end is missing.
  if (model.primitives_size() > 0 && !model.has_mind_ir_version()) {
    throw Error("a truncated MindIR file; copy or export it again");
  }
  if (model.has_little_endian() && !model.little_endian()) {
    throw Error("written by a big-endian machine, which is not supported");
  }
  return Builder(model).Build();
}

}  // namespace adabin::files
