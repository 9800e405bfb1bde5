// SPDX-License-Identifier: Apache-2.0
#include "ops/check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "base/error.h"
#include "base/finite.h"

namespace adabin::ops {

void Fail(const graph::Step& step, const std::string& what) {
  const graph::Origin& origin = step.origin;
  if (origin.op.empty())
    throw Error(std::string("step ") + graph::StepName(step.kind) + ": " + what);
  const std::string where = origin.name.empty() ? "" : " (" + Printable(origin.name) + ")";
  throw Error("operator " + Printable(origin.op) + where + ": " + what);
}

namespace {

void CheckSizes(const graph::Step& step, std::span<const int64_t> dims) {
  int64_t elements = 1;
  for (const int64_t dim : dims) {
    if (dim < 1) Fail(step, "the feature map is too small for this layer");
  }
  for (const int64_t dim : dims) {
    if (dim > kMaxDim || elements > kMaxElements / dim) Fail(step, "the feature map is too large");
    elements *= dim;
  }
}

}  // namespace

void CheckShape(const graph::Step& step, int64_t c, int64_t h, int64_t w) {
  CheckSizes(step, std::array{c, h, w});
}

void CheckShape(const graph::Step& step, const TensorShape& shape) {
  if (shape.rank() == 0) Fail(step, "the tensor has no axis but the batch");
  CheckSizes(step, std::vector<int64_t>(shape.dims().begin(), shape.dims().end()));
}

TensorShape OfRank(const graph::Step& step, const TensorShape& shape, int rank) {
  if (shape.rank() == rank) return shape;
  if (rank == 3 && shape.rank() == 1) return shape.map();
  const TensorShape vector(std::vector{shape[0]});
  if (rank != 1 || shape != vector) {
    Fail(step, "reads a tensor of rank " + std::to_string(shape.rank() + 1) + " where rank " +
                   std::to_string(rank + 1) + " is needed");
  }
  return vector;
}

Shape InputMap(const graph::Plan& plan, const graph::Step& step) {
  const TensorShape& shape = InputTensor(plan, step);
  if (!shape.has_channels()) {
    Fail(step, "reads a tensor of rank " + std::to_string(shape.rank() + 1) +
                   " where a map or a vector is needed");
  }
  return shape.map();
}

void CheckSize(const graph::Step& step, const char* what, size_t size, size_t expected) {
  if (size != expected) {
    Fail(step, std::string(what) + " has " + std::to_string(size) + " entries where " +
                   std::to_string(expected) + " are needed");
  }
}

void CheckAffine(const graph::Step& step, int channels) {
  const auto size = static_cast<size_t>(channels);
  if (!step.after.scale.empty()) CheckSize(step, "scale", step.after.scale.size(), size);
  if (!step.after.shift.empty()) CheckSize(step, "shift", step.after.shift.size(), size);
  CheckFinite(step, "scale", step.after.scale);
  CheckFinite(step, "shift", step.after.shift);
}

void CheckFinite(const graph::Step& step, const char* what, SharedArray<float>* values) {
  if (values->checked()) return;
  if (!AllFinite(*values)) Fail(step, std::string("a ") + what + " is not finite");
  values->SetChecked();
}

void CheckFinite(const graph::Step& step, const char* what, const std::vector<float>& values) {
  if (!AllFinite(values)) Fail(step, std::string("a ") + what + " is not finite");
}

void CheckFinite(const graph::Step& step, const char* what, const std::vector<double>& values) {
  const bool finite = std::ranges::all_of(
      values, [](double value) { return std::isfinite(static_cast<float>(value)); });
  if (!finite) Fail(step, std::string("a ") + what + " is not finite");
}

}  // namespace adabin::ops
