// SPDX-License-Identifier: Apache-2.0
#include "files/mindir_reader.h"

#include <algorithm>
#include <limits>
#include <protozero/exception.hpp>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "files/mindir_messages.h"
#include "files/mindir_values.h"
#include "graph/node_view.h"
#include "ops/operator.h"

namespace adabin::files {
namespace {

using graph::Graph;
using graph::GraphValue;
using graph::Node;
using graph::Value;

class Builder {
 public:
  Builder(const ModelMessage& model, size_t bytes, const Consumed& consumed)
      : model_(model), consumed_(consumed), values_(bytes) {
    for (const PrimitiveMessage& primitive : model.primitives) {
      primitives_[primitive.name] = &primitive;
    }
  }

  Graph Build() {
    ReadInputs();
    for (const Message parameter : model_.parameters) {
      const TensorMessage tensor = ParseTensor(parameter);
      Define(tensor.name, {{AddConstant(values_.Tensor(tensor))}});
      // No more of it than that: names are looked up later.
      if (consumed_ && tensor.raw_data) consumed_(*tensor.raw_data);
    }
    for (const Message node : model_.nodes) ReadNode(ParseNode(node));
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

  void ReadInputs() {
    if (model_.inputs.empty()) throw Error("the network has no input; export it again");
    for (const Message message : model_.inputs) {
      const ValueInfoMessage input = ParseValueInfo(message);
      const std::string number = std::to_string(graph_.inputs.size());
      if (input.tensors.size() != 1) {
        throw Error("input " + number +
                    " of the network is not one tensor, which is not supported");
      }
      const TensorMessage tensor = ParseTensor(input.tensors[0]);
      if (tensor.data_type != static_cast<int32_t>(DataType::kFloat)) {
        throw Error("input " + number + " of the network is not float32; export it in float32");
      }
      // "graph:argument of construct"; of outputs the exporter's own numbers are all there is.
      const size_t colon = input.name.rfind(':');
      const bool named = colon != std::string::npos;
      graph_.inputs.push_back(
          {named ? Printable(std::string(input.name.substr(colon + 1))) : "", tensor.dims});
      GraphValue value;
      value.kind = GraphValue::Kind::kInput;
      graph_.values.push_back(std::move(value));
      Define(input.name, {{static_cast<int>(graph_.values.size()) - 1}});
    }
  }

  int AddConstant(Value constant) {
    GraphValue value;
    value.constant = std::move(constant);
    graph_.values.push_back(std::move(value));
    return static_cast<int>(graph_.values.size()) - 1;
  }

  void Define(std::string_view name, Named named) { names_[name] = std::move(named); }

  // Appends `named` to a tuple.
  void AddItems(const Named& named, std::vector<int>* items) {
    tuple_items_ += named.values.size();
    if (tuple_items_ > kMaxTupleItems) {
      throw Error("the tuples are too large; the file is damaged, export it again");
    }
    items->insert(items->end(), named.values.begin(), named.values.end());
  }

  const Named& Find(std::string_view name) const {
    const auto it = names_.find(name);
    if (it == names_.end()) {
      throw Error("'" + Printable(std::string(name)) +
                  "' is used but not defined; the file is damaged, export it again");
    }
    return it->second;
  }

  static std::string_view Input(const NodeMessage& node, size_t index) {
    if (index >= node.inputs.size()) {
      throw Error("operator '" + Printable(std::string(node.name)) +
                  "' lacks an input; the file is damaged, export it again");
    }
    return node.inputs[index];
  }

  std::string_view OperatorOf(const NodeMessage& node, const PrimitiveMessage** primitive) {
    constexpr std::string_view prefix = "REF::";
    *primitive = nullptr;
    if (!node.op_type.starts_with(prefix)) return node.op_type;
    const std::string_view key = node.op_type.substr(prefix.size());
    const auto it = primitives_.find(key);
    if (it == primitives_.end()) {
      throw Error(
          "operator '" + Printable(std::string(key)) +
          "' is a call of another graph, which is not supported (or the file is truncated)");
    }
    *primitive = it->second;
    return it->second->op_type;
  }

  void ReadNode(const NodeMessage& node) {
    if (node.outputs.size() != 1) {
      throw Error("operator '" + Printable(std::string(node.name)) + "' has " +
                  std::to_string(node.outputs.size()) +
                  " outputs; the file is damaged, export it again");
    }
    const std::string_view output = node.outputs[0];
    const PrimitiveMessage* primitive = nullptr;
    const std::string_view op = OperatorOf(node, &primitive);
    if (op == "Constant") {
      if (node.attributes.size() != 1)
        throw Error("a constant without a value; the file is damaged, export it again");
      Define(output, {{AddConstant(values_.Attribute(ParseAttribute(node.attributes[0])))}});
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
      for (const std::string_view input : node.inputs) {
        const Named& named = Find(input);
        tuple.nested |= named.tuple;
        AddItems(named, &tuple.values);
      }
      Define(output, std::move(tuple));
    } else if (op == "TupleGetItem") {
      ReadTupleGetItem(node);
    } else {
      AddNode(std::string(op), node, primitive);
    }
  }

  void ReadTupleGetItem(const NodeMessage& node) {
    const Named& source = Find(Input(node, 0));
    const Named& which = Find(Input(node, 1));
    // Another operator with several outputs (BatchNorm) stands for its first one.
    const auto items = static_cast<int64_t>(source.values.size());
    const Node* split = source.tuple ? nullptr : graph::Producer(graph_, source.values[0], "Split");
    const Value* index =
        which.tuple ? nullptr : &graph_.values[static_cast<size_t>(which.values[0])].constant;
    if (split != nullptr && index != nullptr && index->kind == Value::Kind::kInt && index->i >= 0) {
      return AddPart(node, source.values[0], Value(*index));
    }
    if (index == nullptr || index->kind != Value::Kind::kInt || index->i < 0 || index->i >= items ||
        source.nested) {
      throw Error("'" + Printable(std::string(node.name)) +
                  "' takes an output that is not supported");
    }
    Define(node.outputs[0], {{source.values[static_cast<size_t>(index->i)]}});
  }

  // The parts of a Split are nodes of their own: TupleGetItem with an attribute.
  void AddPart(const NodeMessage& message, int split, const Value& index) {
    Node node;
    node.op = "TupleGetItem";
    node.name = message.domain;
    node.inputs = {split};
    node.attributes["index"] = index;
    Add(std::move(node), message.outputs[0]);
  }

  void AddNode(const std::string& op, const NodeMessage& message,
               const PrimitiveMessage* primitive) {
    Node node;
    node.op = op;
    node.name = message.domain;
    const bool takes_tuple = std::ranges::any_of(
        ops::OperatorsFrom(op), [](const ops::Operator* o) { return o->reads_tuple; });
    for (const std::string_view input : message.inputs) {
      const Named& named = Find(input);
      if (named.tuple && (!takes_tuple || !node.inputs.empty() || named.nested)) {
        throw Error("operator " + Printable(op) + " reads a tuple, which is not supported");
      }
      AddItems(named, &node.inputs);
    }
    if (primitive != nullptr) {
      for (const Message bytes : primitive->attributes) {
        values_.TakeAttribute(bytes.size());
        const AttributeMessage attribute = ParseAttribute(bytes);
        node.attributes[std::string(attribute.name)] = values_.Attribute(attribute);
      }
    }
    Add(std::move(node), message.outputs[0]);
  }

  void Add(Node node, std::string_view output) {
    GraphValue value;
    value.kind = GraphValue::Kind::kNode;
    value.node = static_cast<int>(graph_.nodes.size());
    graph_.values.push_back(std::move(value));
    graph_.nodes.push_back(std::move(node));
    graph_.node_value.push_back(static_cast<int>(graph_.values.size()) - 1);
    Define(output, {{graph_.node_value.back()}});
  }

  void ReadOutputs() {
    for (const Message output : model_.outputs) {
      const Named& named = Find(ParseValueInfo(output).name);
      graph_.outputs.insert(graph_.outputs.end(), named.values.begin(), named.values.end());
    }
    if (graph_.outputs.empty()) throw Error("the network has no output; export it again");
  }

  const ModelMessage& model_;
  const Consumed& consumed_;
  ValueReader values_;
  std::unordered_map<std::string_view, const PrimitiveMessage*> primitives_;
  std::unordered_map<std::string_view, Named> names_;
  size_t tuple_items_ = 0;
  Graph graph_;
};

[[noreturn]] void FailAsOther() {
  throw Error(
      "not a MindIR file, nor a packed one (.adabin), or only a part of it; export the network "
      "with export.py");
}

}  // namespace

graph::Graph ReadMindIr(std::string_view bytes, const Consumed& consumed) {
  if (bytes.size() > std::numeric_limits<int32_t>::max()) FailAsOther();
  try {
    const ModelMessage model = ParseModel(bytes);
    if (!model.has_graph || model.nodes.empty()) FailAsOther();
    // Files with a primitive table end with their version: without it the end is missing.
    if (!model.primitives.empty() && !model.has_version) {
      throw Error("a truncated MindIR file; copy or export it again");
    }
    if (model.big_endian) throw Error("written by a big-endian machine, which is not supported");
    return Builder(model, bytes.size(), consumed).Build();
  } catch (const protozero::exception&) {
    FailAsOther();
  }
}

}  // namespace adabin::files
