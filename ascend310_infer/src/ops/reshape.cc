// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "ir/node_view.h"
#include "kernels/feature_map.h"
#include "ops/check.h"
#include "ops/operator.h"
#include "ops/whole.h"

namespace adabin::ops {
namespace {

using ir::Step;

// One size may be left open; all are per batch in the graph and per sample in the plan.
Step Parse(const Source& source) {
  const ir::NodeView view(source.graph, source.node);
  const Shape& in = source.in;
  const int64_t batch = source.batch;
  Step step;
  step.kind = ir::StepKind::kReshape;
  if (view.op() == "Flatten") {
    step.shape = {static_cast<int>(in.size()), 1, 1};
    return step;
  }
  const ir::Value& value = view.argument("shape", 1);
  if (value.kind != ir::Value::Kind::kList) view.Fail("its shape is not a constant");
  std::vector<int> dims = view.ints(value, value.list.size(), "shape");
  if (dims.size() != 2 && dims.size() != 4) {
    view.Fail("to rank " + std::to_string(dims.size()) + " is not supported");
  }
  int64_t known = 1;
  int* open = nullptr;
  for (int& dim : dims) {
    if (dim == -1 && open == nullptr) {
      open = &dim;
    } else if (dim < 1 || known > (int64_t{1} << 40) / dim) {
      view.Fail("its shape is impossible");
    } else {
      known *= dim;
    }
  }
  const int64_t elements = batch * static_cast<int64_t>(in.size());
  if (open != nullptr) *open = static_cast<int>(std::min<int64_t>(elements / known, 1 << 30));
  if (dims[0] != batch) view.Fail("mixes samples of a batch, which is not supported");
  step.shape = {dims[1], dims.size() == 4 ? dims[2] : 1, dims.size() == 4 ? dims[3] : 1};
  return step;
}

Shape Infer(const ir::Plan& plan, Step* step) {
  CheckShape(*step, step->shape.c, step->shape.h, step->shape.w);
  if (step->shape.size() != InputShape(plan, *step).size()) {
    Fail(*step, "the number of elements changes");
  }
  return step->shape;
}

void ListFields(Fields& fields, Step& step) {
  for (int* field : {&step.shape.c, &step.shape.h, &step.shape.w}) fields.Number(*field);
}

void Emit(schedule::Scheduler* scheduler, const Step& step) {
  EmitWhole(scheduler, step, [](const Whole& whole, const float* x, float* z) {
    kernels::Reshape(whole.in, whole.out, x, z);
  });
}

}  // namespace

const Operator kReshape = {.kind = ir::StepKind::kReshape,
                           .mindir = {"Reshape", "Flatten"},
                           .words = "Reshape, Flatten",
                           .parse = Parse,
                           .infer = Infer,
                           .fields = ListFields,
                           .emit = Emit};

}  // namespace adabin::ops
