// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_GRAPH_PLAN_H_
#define ADABIN_GRAPH_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/bits.h"
#include "base/conv_geometry.h"
#include "base/epilogue.h"
#include "base/shared_array.h"
#include "base/tensor_shape.h"

namespace adabin::graph {

// What a step does: the rows of operators.def.
enum class StepKind : uint8_t {
#define ADABIN_OPERATOR(number, name) k##name = number,
#include "graph/operators.def"
#undef ADABIN_OPERATOR
};
const char* StepName(StepKind kind);

// The operator of a MindIR that a step was, for messages. Plans that differ here only are the same.
struct Origin {
  std::string op;
  std::string name;
  bool operator==(const Origin&) const { return true; }
};

// One step of a network. Value 0 is the network's first input, value i + 1 the output of step i; a
// step reads only earlier values. The other inputs are made by steps before all others, which read
// nothing: value k is input k. Fields that a kind does not name keep their defaults.
struct Step {
  StepKind kind = StepKind::kAdd;
  Origin origin;
  std::vector<int> inputs = {0};  // values that it reads, one or more; of kInput none

  ConvGeometry geometry;   // convolutions and pooling; sizes `in` and `out` are inferred
  PoolDivisor divisor;     // kPaddedAverage
  int out_channels = 0;    // convolutions, kDense
  int pads[6] = {};        // kPad: before, after of c, h, w
  TensorShape shape;       // kReshape, kSlice, kInput: of the output
  std::vector<int> axes;   // kTranspose: the input's, in the output's order; kConcat, kSoftmax: one
  std::vector<int> first;  // kSlice: of each axis the first element, and the distance to the next
  std::vector<int> steps;
  uint8_t function = 0;  // kPointwise, kArithmetic: which of those in their file
  float epsilon = 0;     // kL2Norm: under the root

  // kBinaryConv: bit rows (base/bits.h), the two weights of each output channel.
  SharedArray<uint32_t> bits;
  std::vector<float> weight_low;
  std::vector<float> weight_high;
  Compare compare = Compare::kAtLeast;  // this and the following also kThreshold
  float threshold = 0;
  float high = 0;
  float low = 0;
  // kThreshold: a comparison that no kernel knows. None is left once binary layers are recognized.
  bool unknown = false;

  SharedArray<float> weights;  // kConv: OIHW; kDense: [out][in]
  Epilogue after;  // convolutions; kDense: shift; kAffine: scale, shift; kActivation: the rest

  int input() const { return inputs[0]; }
  // kAdd, kArithmetic: the other operand; convolutions: the residual; or -1.
  int second() const { return inputs.size() > 1 ? inputs[1] : -1; }
  void SetSecond(int value) {  // -1: none
    inputs.resize(1);
    if (value >= 0) inputs.push_back(value);
  }

  bool operator==(const Step&) const = default;
};

// A network: as exported, one step for each operator, or after any of the passes (passes/), each of
// which makes another plan of it.
struct Plan {
  Shape input;  // the first one
  std::vector<Step> steps;
  std::vector<int> outputs;         // value indices
  std::vector<TensorShape> values;  // inferred: shape of each value
  // As the network's author calls them; empty: they have no names.
  std::vector<std::string> input_names;
  std::vector<std::string> output_names;

  int CountKind(StepKind kind) const;
  size_t InputCount() const { return 1 + static_cast<size_t>(CountKind(StepKind::kInput)); }
  // Sizes of output `index` for one sample, without the batch, in the order of the output file. A
  // map of one pixel is given as the vector that it is: a packed file does not tell them apart.
  std::vector<int> OutputDims(size_t index) const;
  bool operator==(const Plan&) const = default;
};

// Names of inputs or outputs: none where all are empty.
std::vector<std::string> NamesIfAny(std::vector<std::string> names);

}  // namespace adabin::graph

#endif  // ADABIN_GRAPH_PLAN_H_
