// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TESTS_TENSOR_NETWORK_H_
#define ADABIN_TESTS_TENSOR_NETWORK_H_

#include <string>
#include <utility>
#include <vector>

#include "graph/plan.h"
#include "ops/append.h"

namespace adabin::test {

using Floats = std::vector<float>;
using Dims = std::vector<int>;

inline size_t Index(int i) { return static_cast<size_t>(i); }

// All outputs of a sample with the values 0.01, 0.02, ..., which have to be the same whether steps
// are fused or not, with either number of threads, and from a packed file. `input` gets the sample.
std::vector<Floats> RunEveryWay(const graph::Plan& plan, Floats* input = nullptr);

// A plan in the making.
class Network {
 public:
  explicit Network(const Dims& input) { ops::SetInput(&plan, TensorShape(input)); }
  int Add(graph::Step step) { return ops::Append(&plan, std::move(step)); }
  int Reshape(int value, const Dims& dims) {
    graph::Step step;
    step.kind = graph::StepKind::kReshape;
    step.inputs = {value};
    step.shape = TensorShape(dims);
    return Add(step);
  }
  int Axes(graph::StepKind kind, const std::vector<int>& inputs, const Dims& axes) {
    graph::Step step;
    step.kind = kind;
    step.inputs = inputs;
    step.axes = axes;
    return Add(step);
  }
  int Transpose(int value, const Dims& axes) {
    return Axes(graph::StepKind::kTranspose, {value}, axes);
  }
  int Function(graph::StepKind kind, const std::vector<int>& inputs, int number) {
    graph::Step step;
    step.kind = kind;
    step.inputs = inputs;
    step.function = static_cast<uint8_t>(number);
    return Add(step);
  }
  // Adds 1 to every value: reads memory in the usual order.
  int AddOne(int value) {
    graph::Step step;
    step.kind = graph::StepKind::kAffine;
    step.inputs = {value};
    step.after.shift.assign(Index(plan.values[Index(value)].pixels().c), 1.0);
    return Add(step);
  }

  graph::Plan plan;
};

}  // namespace adabin::test

#endif  // ADABIN_TESTS_TENSOR_NETWORK_H_
