// SPDX-License-Identifier: Apache-2.0
#include <utility>
#include <vector>

#include "base/error.h"
#include "graph/node_view.h"
#include "ops/operator.h"

namespace adabin::ops {
namespace {

constexpr const Operator* kTable[] = {
#define ADABIN_OPERATOR(number, name) &k##name,
#include "graph/operators.def"
#undef ADABIN_OPERATOR
};

}  // namespace

Shape Source::Map() const {
  if (in.rank() != 0 && !in.has_channels()) {
    graph::NodeView(graph, node)
        .Fail("reads a tensor of rank " + std::to_string(in.rank() + 1) +
              " where a map or a vector is needed");
  }
  return in.map();
}

std::vector<float> Source::Take(int constant) const {
  const auto v = static_cast<size_t>(constant);
  std::vector<float>& numbers = graph.values[v].constant.tensor.data;
  return reads[v] == 1 ? std::move(numbers) : numbers;
}

int Source::Axis(const graph::Value& axis) const {
  const graph::NodeView view(graph, node);
  const int rank = in.rank() + 1;
  int number = view.ints(axis, 1, "axis")[0];
  number += number < 0 ? rank : 0;
  if (number == 0) view.Fail("works along the batch, which is not supported");
  if (number < 0 || number >= rank) {
    view.Fail("has axis " + std::to_string(number) + " of a tensor of rank " +
              std::to_string(rank));
  }
  return number - 1;
}

const Operator* FindOperator(graph::StepKind kind) {
  for (const Operator* op : kTable) {
    if (op->kind == kind) return op;
  }
  return nullptr;
}

const Operator& OperatorOf(graph::StepKind kind) {
  if (const Operator* op = FindOperator(kind)) return *op;
  throw Error("unknown step kind " + std::to_string(static_cast<int>(kind)));
}

std::vector<const Operator*> OperatorsFrom(const std::string& mindir) {
  std::vector<const Operator*> found;
  for (const Operator* op : kTable) {
    for (const char* const* name = op->mindir; *name != nullptr; ++name) {
      if (mindir == *name) found.push_back(op);
    }
  }
  return found;
}

std::string SupportedOperators() {
  std::string text;
  for (const Operator* op : kTable) {
    if (op->words != nullptr) text += std::string(text.empty() ? "" : ", ") + op->words;
  }
  return text;
}

}  // namespace adabin::ops
