// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TESTS_MINDIR_BUILDER_H_
#define ADABIN_TESTS_MINDIR_BUILDER_H_

#include <random>
#include <string>
#include <vector>

#include "mindir_model.h"

namespace adabin::test {

// Writes MindIR graphs as MindSpore 2.10 does: a primitive table, Constant nodes, parameters behind
// Load, the output behind Depend. Each call returns the name of the value it adds.
class MindIrBuilder {
 public:
  explicit MindIrBuilder(const std::vector<int64_t>& input_shape);

  std::string Input() const { return "x"; }
  std::string AnotherInput(const std::string& name, const std::vector<int64_t>& shape);
  std::string Parameter(const std::vector<int64_t>& shape, const std::vector<float>& data);
  std::string Scalar(float value);  // a rank-0 tensor
  std::string Int(int64_t value);
  std::string Float(float value);
  std::string Ints(const std::vector<int64_t>& values);
  std::string Node(const std::string& op, const std::vector<std::string>& inputs);

  // Select(x >= threshold, high, low)
  std::string Binarize(const std::string& x, float threshold, float high, float low);
  // Select(threshold >= x, low, high)
  std::string BinarizeFalling(const std::string& x, float threshold, float high, float low);
  struct Conv {
    std::vector<int64_t> weight_shape;
    std::vector<float> weights;
    int64_t stride = 1;
    std::vector<int64_t> pad = {0, 0, 0, 0};
    std::string pad_mode = "pad";
    int64_t dilation = 1;
    int64_t group = 1;
  };
  std::string Conv2D(const std::string& x, const Conv& conv);
  std::string BatchNorm(const std::string& x, int64_t channels, std::mt19937* rng);
  // Mul(x, Select(x >= 0, positive, negative))
  std::string Maxout(const std::string& x, const std::vector<float>& positive,
                     const std::vector<float>& negative);
  // Sub(Mul(positive, ReLU(x)), Mul(negative, ReLU(Neg(x))))
  std::string MaxoutOfTwo(const std::string& x, const std::vector<float>& positive,
                          const std::vector<float>& negative);
  // `mode`: 1 same, 2 valid
  std::string AvgPool(const std::string& x, int64_t kernel, int64_t stride, int64_t mode);
  std::string MaxPool(const std::string& x, int64_t kernel, int64_t stride,
                      const std::string& pad_mode);
  // As many zeros on both sides of each dimension.
  std::string Pad(const std::string& x, const std::vector<int64_t>& sizes);

  void Output(const std::vector<std::string>& values);
  std::string Serialize() const { return model.Serialize(); }

  MindIrModel model;

 private:
  std::string NewName();
  std::string AddNode(const std::string& op_type, const std::vector<std::string>& inputs);
  // Registers a primitive; its attributes are the caller's to fill in.
  MindIrPrimitive& Primitive(const std::string& op);
  std::string Reference(const MindIrPrimitive& primitive) const;
  MindIrAttribute& ConstantNode(std::string* name);

  int names_ = 0;
};

// Weights with two values per output channel.
std::vector<float> TwoValuedWeights(const std::vector<int64_t>& shape, std::mt19937* rng);
std::vector<float> NormalFloats(size_t count, std::mt19937* rng);

// A small network with every kind of layer: float stem, two binary convolutions with BatchNorm,
// residual and Maxout, subsampling, channel padding, mean, dense layer; 3 x 8 x 8 in, 5 out.
std::string SmallNetwork(int64_t batch = 2);

}  // namespace adabin::test

#endif  // ADABIN_TESTS_MINDIR_BUILDER_H_
