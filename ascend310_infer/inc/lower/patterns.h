// SPDX-License-Identifier: Apache-2.0
//
// What the deploy form looks like in a graph. Everything is recognized by structure and value,
// never by a name. Each matcher looks at the value `v` and returns nothing when it is something
// else.
#ifndef ADABIN_LOWER_PATTERNS_H_
#define ADABIN_LOWER_PATTERNS_H_

#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/plan.h"

namespace adabin::lower {

// Typed access to a node, with messages that name the operator.
class NodeView {
 public:
  NodeView(const ir::Graph& graph, const ir::Node& node) : graph_(graph), node_(node) {}

  const std::string& op() const { return node_.op; }
  int input(size_t index) const;  // value index; throws when absent
  bool has_input(size_t index) const { return index < node_.inputs.size(); }
  const ir::Value& constant(size_t index, const char* what) const;
  // An argument that older exports write as an attribute and newer ones as a constant input.
  const ir::Value& argument(const char* attribute, size_t index) const;
  const ir::Value* attribute(const char* name) const;  // null when absent

  // [count] integers from a list, or a single integer repeated.
  std::vector<int> ints(const ir::Value& value, size_t count, const char* what) const;
  // MindSpore's 0 pad, 1 same, 2 valid, or the word in either case.
  enum class PadMode { kPad, kSame, kValid };
  PadMode pad_mode(const ir::Value& value) const;

  [[noreturn]] void Fail(const std::string& what) const;

 private:
  const ir::Graph& graph_;
  const ir::Node& node_;
};

// The node that produces value `v`, or null for inputs and constants.
const ir::Node* Producer(const ir::Graph& graph, int v);
// The same, if it is operator `op`.
const ir::Node* Producer(const ir::Graph& graph, int v, const char* op);
// The tensor held by a constant value, or null.
const ir::Tensor* ConstantTensor(const ir::Graph& graph, int v);
std::optional<float> ConstantScalar(const ir::Graph& graph, int v);

// Select(GreaterEqual(x, threshold), high, low), or Select(GreaterEqual(threshold, x), low, high):
// then the bit is 1 where the comparison is false, as it is for NaN.
struct Binarizer {
  int x = -1;
  Compare compare = Compare::kAtLeast;
  float threshold = 0;
  float high = 0;
  float low = 0;
};
std::optional<Binarizer> MatchBinarizer(const ir::Graph& graph, int v);
// Whether `v` was binarized in any manner: a Select by a comparison, as it is or behind operators
// that pass its values on. True for all that MatchBinarizer finds.
bool IsBinarized(const ir::Graph& graph, int v);

// ReLU(x), PReLU(x, w), or Maxout: Sub(Mul(pos, ReLU(x)), Mul(neg, ReLU(Neg(x))))
struct ActivationMatch {
  int x = -1;
  Activation act = Activation::kNone;
  std::vector<float> positive;  // one entry, or one per channel
  std::vector<float> negative;
  bool exclusive = false;  // nothing but this pattern reads x
};
std::optional<ActivationMatch> MatchActivation(const ir::Graph& graph, int v);

// y = x * scale + shift per channel: inference BatchNorm, BiasAdd.
struct AffineMatch {
  int x = -1;
  std::vector<double> scale;  // empty: 1
  std::vector<double> shift;
};
std::optional<AffineMatch> MatchAffine(const ir::Graph& graph, int v);

// Weights with at most two distinct finite values in each of `channels` rows become bits and two
// values per row. OIHW in, the bit order of base/bits.h out.
struct BinaryWeights {
  std::vector<uint32_t> bits;
  std::vector<float> low;
  std::vector<float> high;
};
std::optional<BinaryWeights> MatchBinaryWeights(const ir::Tensor& weights);

}  // namespace adabin::lower

#endif  // ADABIN_LOWER_PATTERNS_H_
