// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_GRAPH_GRAPH_H_
#define ADABIN_GRAPH_GRAPH_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace adabin::graph {

struct Tensor {
  std::vector<int64_t> shape;  // empty: a scalar
  std::vector<float> data;
};

// A constant of the graph or an attribute of an operator.
struct Value {
  enum class Kind { kNone, kInt, kFloat, kString, kList, kTensor };
  Kind kind = Kind::kNone;
  int64_t i = 0;  // kInt, and booleans
  float f = 0;
  std::string s;
  std::vector<Value> list;
  Tensor tensor;
};

// An operator. Inputs are indices into Graph::values.
struct Node {
  std::string op;    // "Conv2D"
  std::string name;  // where in the network, for messages only; nothing is recognized by it
  std::vector<int> inputs;
  std::map<std::string, Value> attributes;
};

// What an operator can read: an input of the network, a constant, or another operator's output.
struct GraphValue {
  enum class Kind { kInput, kConstant, kNode };
  Kind kind = Kind::kConstant;
  int node = -1;  // kNode: index into Graph::nodes
  Value constant;
};

struct GraphInput {
  std::string name;            // the network's own; empty: it has none
  std::vector<int64_t> shape;  // as exported, with the batch
};

// A network as exported, without the exporter's bookkeeping (Load, Depend, tuples). Nodes are in
// an order in which each comes after what it reads.
struct Graph {
  std::vector<GraphInput> inputs;  // one or more
  std::vector<GraphValue> values;  // of which the first are the inputs
  std::vector<Node> nodes;
  std::vector<int> node_value;  // the value that each node produces
  std::vector<int> outputs;
};

}  // namespace adabin::graph

#endif  // ADABIN_GRAPH_GRAPH_H_
