// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_GRAPH_NODE_VIEW_H_
#define ADABIN_GRAPH_NODE_VIEW_H_

#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace adabin::graph {

// Typed access to a node, with messages that name the operator.
class NodeView {
 public:
  NodeView(const Graph& graph, const Node& node) : graph_(graph), node_(node) {}

  const std::string& op() const { return node_.op; }
  int input(size_t index) const;  // value index; throws when absent
  bool has_input(size_t index) const { return index < node_.inputs.size(); }
  const Value& constant(size_t index, const char* what) const;
  // An argument that older exports write as an attribute and newer ones as a constant input.
  const Value& argument(const char* attribute, size_t index) const;
  const Value* attribute(const char* name) const;  // null when absent

  // [count] integers from a list, or a single integer repeated.
  std::vector<int> ints(const Value& value, size_t count, const char* what) const;
  // MindSpore's 0 pad, 1 same, 2 valid, or the word in either case.
  enum class PadMode { kPad, kSame, kValid };
  PadMode pad_mode(const Value& value) const;

  [[noreturn]] void Fail(const std::string& what) const;

 private:
  const Graph& graph_;
  const Node& node_;
};

// The node that produces value `v`, or null for inputs and constants.
const Node* Producer(const Graph& graph, int v);
// The same, if it is operator `op`.
const Node* Producer(const Graph& graph, int v, const char* op);
// The tensor held by a constant value, or null.
const Tensor* ConstantTensor(const Graph& graph, int v);
std::optional<float> ConstantScalar(const Graph& graph, int v);

}  // namespace adabin::graph

#endif  // ADABIN_GRAPH_NODE_VIEW_H_
