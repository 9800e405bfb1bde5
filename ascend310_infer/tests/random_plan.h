// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TESTS_RANDOM_PLAN_H_
#define ADABIN_TESTS_RANDOM_PLAN_H_

#include <random>
#include <vector>

#include "graph/plan.h"

namespace adabin::test {

// A plan of every kind of step in any order, with parameters that no training would give.
class RandomPlan {
 public:
  explicit RandomPlan(unsigned seed);
  graph::Plan plan_;

  std::vector<float> Floats(size_t count, float low = -1, float high = 1);

 private:
  int Draw(int low, int high) { return std::uniform_int_distribution(low, high)(rng_); }
  bool OneIn(int n) { return Draw(1, n) == 1; }
  int Pick(std::vector<int> from) {
    return from[static_cast<size_t>(Draw(0, static_cast<int>(from.size()) - 1))];
  }
  int AnyValue();
  float Extreme();
  std::vector<double> Doubles(size_t count);
  int LikeShape(const TensorShape& shape);
  void AddStep();
  const TensorShape& InputOf(const graph::Step& step) const {
    return plan_.values[static_cast<size_t>(step.input())];
  }
  TensorShape AnyShape(int size);
  void SetAxes(graph::Step* step);
  void SetActivation(graph::Step* step, int channels);
  void SetBinarizer(graph::Step* step);
  void SetConv(graph::Step* step, const Shape& in);

  std::mt19937 rng_;
};

}  // namespace adabin::test

#endif  // ADABIN_TESTS_RANDOM_PLAN_H_
