// SPDX-License-Identifier: Apache-2.0
#include <cctype>

#include "base/error.h"
#include "lower/patterns.h"

namespace adabin::lower {

void NodeView::Fail(const std::string& what) const {
  const std::string where = node_.name.empty() ? "" : " (" + Printable(node_.name) + ")";
  throw Error("operator " + Printable(op()) + where + ": " + what);
}

int NodeView::input(size_t index) const {
  if (!has_input(index)) Fail("lacks input " + std::to_string(index));
  return node_.inputs[index];
}

const ir::Value& NodeView::constant(size_t index, const char* what) const {
  const ir::GraphValue& value = graph_.values[static_cast<size_t>(input(index))];
  if (value.kind != ir::GraphValue::Kind::kConstant) {
    Fail(std::string(what) + " is computed, only a constant is supported");
  }
  return value.constant;
}

const ir::Value* NodeView::attribute(const char* name) const {
  const auto it = node_.attributes.find(name);
  return it == node_.attributes.end() ? nullptr : &it->second;
}

const ir::Value& NodeView::argument(const char* name, size_t index) const {
  const ir::Value* value = attribute(name);
  return value != nullptr ? *value : constant(index, name);
}

std::vector<int> NodeView::ints(const ir::Value& value, size_t count, const char* what) const {
  constexpr int64_t kLimit = int64_t{1} << 30;
  std::vector<int> out;
  const auto add = [&](const ir::Value& item) {
    if (item.kind != ir::Value::Kind::kInt || item.i < -kLimit || item.i > kLimit) {
      Fail(std::string(what) + " is not a list of integers in range");
    }
    out.push_back(static_cast<int>(item.i));
  };
  if (value.kind == ir::Value::Kind::kList) {
    for (const ir::Value& item : value.list) add(item);
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

NodeView::PadMode NodeView::pad_mode(const ir::Value& value) const {
  if (value.kind == ir::Value::Kind::kInt && value.i >= 0 && value.i <= 2) {
    return static_cast<PadMode>(value.i);
  }
  std::string word = value.s;
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (word == "pad") return PadMode::kPad;
  if (word == "same") return PadMode::kSame;
  if (word == "valid") return PadMode::kValid;
  Fail("pad_mode '" + Printable(value.s) + "' is not supported");
}

const ir::Node* Producer(const ir::Graph& graph, int v) {
  const ir::GraphValue& value = graph.values[static_cast<size_t>(v)];
  return value.kind == ir::GraphValue::Kind::kNode ? &graph.nodes[static_cast<size_t>(value.node)]
                                                   : nullptr;
}

const ir::Node* Producer(const ir::Graph& graph, int v, const char* op) {
  const ir::Node* node = Producer(graph, v);
  return node != nullptr && node->op == op ? node : nullptr;
}

const ir::Tensor* ConstantTensor(const ir::Graph& graph, int v) {
  const ir::GraphValue& value = graph.values[static_cast<size_t>(v)];
  const bool tensor = value.kind == ir::GraphValue::Kind::kConstant &&
                      value.constant.kind == ir::Value::Kind::kTensor;
  return tensor ? &value.constant.tensor : nullptr;
}

std::optional<float> ConstantScalar(const ir::Graph& graph, int v) {
  const ir::GraphValue& value = graph.values[static_cast<size_t>(v)];
  if (value.kind != ir::GraphValue::Kind::kConstant) return std::nullopt;
  if (value.constant.kind == ir::Value::Kind::kFloat) return value.constant.f;
  const ir::Tensor* tensor = ConstantTensor(graph, v);
  if (tensor != nullptr && tensor->data.size() == 1) return tensor->data[0];
  return std::nullopt;
}

}  // namespace adabin::lower
