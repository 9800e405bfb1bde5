// SPDX-License-Identifier: Apache-2.0
#include "ops/formula.h"

namespace adabin::ops {

size_t ChannelOf(const TensorShape& shape, size_t i) {
  if (!shape.has_channels()) return i % static_cast<size_t>(shape[shape.rank() - 1]);
  const Shape map = shape.map();
  return i / (static_cast<size_t>(map.h) * static_cast<size_t>(map.w));
}

Index IndexOf(const TensorShape& shape, size_t i) {
  Index index = {};
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const auto size = static_cast<size_t>(shape[axis]);
    index[static_cast<size_t>(axis)] = static_cast<int>(i % size);
    i /= size;
  }
  return index;
}

size_t ElementOf(const TensorShape& shape, const Index& index) {
  size_t i = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const int at = shape[axis] == 1 ? 0 : index[static_cast<size_t>(axis)];
    i = i * static_cast<size_t>(shape[axis]) + static_cast<size_t>(at);
  }
  return i;
}

double Activate(const graph::Step& step, size_t channel, double x) {
  switch (step.after.act) {
    case Activation::kNone:
      break;
    case Activation::kRelu:
      return x > 0 ? x : 0;
    case Activation::kTwoSlope:
      return x * double{x > 0 ? step.after.positive[channel] : step.after.negative[channel]};
  }
  return x;
}

float Finish(const Formula& f, size_t channel, size_t i, double sum) {
  const graph::Step& step = f.step;
  if (!step.after.scale.empty()) sum *= step.after.scale[channel];
  if (!step.after.shift.empty()) sum += step.after.shift[channel];
  if (step.second() >= 0) sum += f.in[1].x[i];
  return static_cast<float>(Activate(step, channel, sum));
}

}  // namespace adabin::ops
