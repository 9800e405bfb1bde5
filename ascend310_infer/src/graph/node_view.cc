// SPDX-License-Identifier: Apache-2.0
#include "graph/node_view.h"

#include <cctype>

#include "base/error.h"

namespace adabin::graph {

void NodeView::Fail(const std::string& what) const {
  const std::string where = node_.name.empty() ? "" : " (" + Printable(node_.name) + ")";
  throw Error("operator " + Printable(op()) + where + ": " + what);
}

int NodeView::input(size_t index) const {
  if (!has_input(index)) Fail("lacks input " + std::to_string(index));
  return node_.inputs[index];
}

const Value& NodeView::constant(size_t index, const char* what) const {
  const GraphValue& value = graph_.values[static_cast<size_t>(input(index))];
  if (value.kind != GraphValue::Kind::kConstant) {
    Fail(std::string(what) + " is computed, only a constant is supported");
  }
  return value.constant;
}

const Value* NodeView::attribute(const char* name) const {
  const auto it = node_.attributes.find(name);
  return it == node_.attributes.end() ? nullptr : &it->second;
}

const Value& NodeView::argument(const char* name, size_t index) const {
  const Value* value = attribute(name);
  return value != nullptr ? *value : constant(index, name);
}

std::vector<int> NodeView::ints(const Value& value, size_t count, const char* what) const {
  constexpr int64_t kLimit = int64_t{1} << 30;
  std::vector<int> out;
  const auto add = [&](const Value& item) {
    if (item.kind != Value::Kind::kInt || item.i < -kLimit || item.i > kLimit) {
      Fail(std::string(what) + " is not a list of integers in range");
    }
    out.push_back(static_cast<int>(item.i));
  };
  if (value.kind == Value::Kind::kList) {
    for (const Value& item : value.list) add(item);
  } else {
    add(value);
    out.resize(count, out[0]);
  }
  if (out.size() != count) {
    Fail(std::string(what) + " has " + std::to_string(out.size()) + " entries where " +
         std::to_string(count) + " are needed");
  }
  return out;
}

NodeView::PadMode NodeView::pad_mode(const Value& value) const {
  if (value.kind == Value::Kind::kInt && value.i >= 0 && value.i <= 2) {
    return static_cast<PadMode>(value.i);
  }
  std::string word = value.s;
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (word == "pad") return PadMode::kPad;
  if (word == "same") return PadMode::kSame;
  if (word == "valid") return PadMode::kValid;
  Fail("pad_mode '" + Printable(value.s) + "' is not supported");
}

const Node* Producer(const Graph& graph, int v) {
  const GraphValue& value = graph.values[static_cast<size_t>(v)];
  return value.kind == GraphValue::Kind::kNode ? &graph.nodes[static_cast<size_t>(value.node)]
                                               : nullptr;
}

const Node* Producer(const Graph& graph, int v, const char* op) {
  const Node* node = Producer(graph, v);
  return node != nullptr && node->op == op ? node : nullptr;
}

const Tensor* ConstantTensor(const Graph& graph, int v) {
  const GraphValue& value = graph.values[static_cast<size_t>(v)];
  const bool tensor =
      value.kind == GraphValue::Kind::kConstant && value.constant.kind == Value::Kind::kTensor;
  return tensor ? &value.constant.tensor : nullptr;
}

std::optional<float> ConstantScalar(const Graph& graph, int v) {
  const GraphValue& value = graph.values[static_cast<size_t>(v)];
  if (value.kind != GraphValue::Kind::kConstant) return std::nullopt;
  if (value.constant.kind == Value::Kind::kFloat) return value.constant.f;
  const Tensor* tensor = ConstantTensor(graph, v);
  if (tensor != nullptr && tensor->data.size() == 1) return tensor->data[0];
  return std::nullopt;
}

}  // namespace adabin::graph
