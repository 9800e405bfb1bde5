// SPDX-License-Identifier: Apache-2.0
//
// What the rest of the engine knows of an operator: how it is read from a MindIR, what shape it
// yields, what a packed file holds of it, how it runs, and its formula. Each operator is one file
// that defines its entry, k<Name>, and one row in graph/operators.def.
#ifndef ADABIN_OPS_OPERATOR_H_
#define ADABIN_OPS_OPERATOR_H_

#include <optional>
#include <string>
#include <vector>

#include "graph/fusion.h"
#include "graph/graph.h"
#include "graph/plan.h"
#include "ops/fields.h"
#include "ops/formula.h"
#include "schedule/scheduler.h"

namespace adabin::ops {

// The node that becomes a step.
struct Source {
  graph::Graph& graph;
  const graph::Node& node;
  int value;       // that the node makes
  TensorShape in;  // of the first value that the step reads; rank 0 where that is a constant
  std::vector<TensorShape> inputs;  // of all that it reads
  int64_t batch;  // the exported one, which shapes in the graph contain and steps do not
  const std::vector<int>& reads;  // how often each value of the graph is read

  // The numbers of a constant, out of the graph if nothing else reads it: weights take memory.
  std::vector<float> Take(int constant) const;

  // The same as a map; throws Error naming the node for a tensor that is none.
  Shape Map() const;
  // An axis as MindIR counts them, the batch first or from behind, without the batch. Throws Error
  // naming the node for one that is not there, and for the batch.
  int Axis(const graph::Value& axis) const;
};

struct Operator {
  graph::StepKind kind;

  // MindIR operators that it can be made from, null-terminated, and how a message lists them.
  const char* mindir[16] = {};
  const char* words = nullptr;
  // The graph values that the step reads if it makes value `v`, in order; nothing if `v` is
  // something that this operator cannot be. Null: the node's first input.
  std::optional<std::vector<int>> (*match)(const graph::Graph& graph, int v) = nullptr;
  // The step but for its inputs. Throws Error naming the node. Null: it has no attributes.
  graph::Step (*parse)(const Source& source) = nullptr;

  // Fills what is inferred of a step; returns its output's shape. Checks every size and limit, and
  // throws Error: nothing unchecked reaches a kernel.
  TensorShape (*infer)(const graph::Plan& plan, graph::Step* step);
  int max_inputs = 1;          // and one at least, unless this is 0
  bool reads_bits = false;     // of its input, unless --kernel is float
  bool passes_values = false;  // all that comes out went in: what was binarized still is
  bool any_order = false;      // it reads its inputs by ValueBuffers::strides, however they lie
  bool reads_tuple = false;  // a MindIR operator whose first input is a tuple: its items are inputs

  // All that the packed file holds of a step but kind and inputs; arrays last. Null: none.
  void (*fields)(Fields& fields, graph::Step& step) = nullptr;

  // Which steps run within its pass over memory; the one place that decides it. Null: none.
  void (*fuse)(const graph::Fusing& fusing, const graph::Step& step, graph::Pass* pass) = nullptr;
  // Before anything is emitted: what the step wants of its input. Null: nothing.
  void (*prepare)(schedule::Scheduler* scheduler, const graph::Step& step) = nullptr;
  // Emits the step, and with it those that run within its pass (Scheduler::PassOf).
  void (*emit)(schedule::Scheduler* scheduler, const graph::Step& step);
  // Whether it reads the network's input, its own, as NCHW. Null: no.
  bool (*reads_nchw)(const schedule::Scheduler& scheduler, const graph::Step& step) = nullptr;

  // What it computes, as the definition that `emit` is compared with. Null: nothing, kInput.
  void (*formula)(const Formula& f) = nullptr;
};

#define ADABIN_OPERATOR(number, name) extern const Operator k##name;
#include "graph/operators.def"
#undef ADABIN_OPERATOR

// Null for a number that is no operator.
const Operator* FindOperator(graph::StepKind kind);
// Throws Error for it.
const Operator& OperatorOf(graph::StepKind kind);
// Those made from MindIR operators of that name. The first whose `match` finds itself is meant.
std::vector<const Operator*> OperatorsFrom(const std::string& mindir);
// All MindIR operators that are supported, as a list in words.
std::string SupportedOperators();

}  // namespace adabin::ops

#endif  // ADABIN_OPS_OPERATOR_H_
