// SPDX-License-Identifier: Apache-2.0
#include "schedule/step_text.h"

namespace adabin::schedule {

std::string Text(const Shape& s) {
  return std::to_string(s.c) + "x" + std::to_string(s.h) + "x" + std::to_string(s.w);
}

std::string Text(const TensorShape& shape) {
  if (shape.has_channels()) return Text(shape.map());
  std::string text;
  for (const int dim : shape.dims()) {
    text.append(text.empty() ? "" : "x").append(std::to_string(dim));
  }
  return text;
}

std::string Text(const ConvGeometry& g) {
  std::string text = std::to_string(g.kernel_h) + "x" + std::to_string(g.kernel_w);
  if (g.stride_h != 1 || g.stride_w != 1) text.append("/").append(std::to_string(g.stride_h));
  return text;
}

std::string Text(Activation act) {
  switch (act) {
    case Activation::kNone:
      return "";
    case Activation::kRelu:
      return " ReLU";
    case Activation::kTwoSlope:
      return " Maxout";
  }
  return "";
}

}  // namespace adabin::schedule
