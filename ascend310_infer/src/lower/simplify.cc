// SPDX-License-Identifier: Apache-2.0
#include "lower/simplify.h"

#include <utility>

#include "ir/plan_readers.h"
#include "ops/append.h"

namespace adabin::lower {
namespace {

using ir::Plan;
using ir::Step;
using ir::StepKind;

constexpr int kMaxKernel = 1 << 10;  // as a plan allows

class Simplifier {
 public:
  explicit Simplifier(const Plan& plan)
      : plan_(plan), readers_(plan), absorbed_(plan.steps.size(), false) {}

  Plan Run() {
    ops::SetInput(&out_, plan_.values[0]);
    value_.assign(plan_.values.size(), 0);
    // A dense layer takes over steps before and behind it: it has to know them before any is
    // emitted.
    std::vector<Step> dense(plan_.steps.size());
    std::vector<int> result(plan_.steps.size());
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      if (plan_.steps[i].kind == StepKind::kDense) dense[i] = FoldDense(i, &result[i]);
    }
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      if (absorbed_[i]) continue;
      Step step = plan_.steps[i];
      if (ChangesNothing(step)) {
        value_[i + 1] = value_[Index(step.input())];
        continue;
      }
      size_t target = i + 1;
      if (step.kind == StepKind::kDense) {
        step = std::move(dense[i]);
        target = Index(result[i]);
      }
      for (int& input : step.inputs) input = value_[Index(input)];
      value_[target] = ops::Append(&out_, std::move(step));
    }
    for (const int output : plan_.outputs) out_.outputs.push_back(value_[Index(output)]);
    return std::move(out_);
  }

 private:
  static size_t Index(int value) { return static_cast<size_t>(value); }
  size_t Number(const Step& step) const { return static_cast<size_t>(&step - plan_.steps.data()); }

  bool ChangesNothing(const Step& step) const {
    return step.kind == StepKind::kReshape && step.shape == plan_.values[Index(step.input())];
  }

  // The step that makes `value` if nothing else reads it, or null.
  const Step* OwnProducer(int value) const {
    if (value == 0 || !readers_.IsReadOnce(value) || absorbed_[Index(value) - 1]) return nullptr;
    return &plan_.steps[Index(value) - 1];
  }

  void Absorb(const Step& step) { absorbed_[Number(step)] = true; }

  // Layer `i` with all that it takes over; `value` gets the number of its result in the old plan.
  Step FoldDense(size_t i, int* value) {
    Step step = plan_.steps[i];
    const auto in = static_cast<size_t>(plan_.values[Index(step.input())].map().c);
    const auto out = static_cast<size_t>(step.out_channels);
    // x -> before_scale x + before_shift, the layer, y -> after_scale y + after_shift
    std::vector<double> before_scale(in, 1.0), before_shift(in, 0.0);
    std::vector<double> after_scale(out, 1.0), after_shift(step.shift);
    after_shift.resize(out, 0.0);
    bool folds = false;
    for (const Step* own = OwnProducer(step.input()); own != nullptr;
         own = OwnProducer(step.input())) {
      if (own->kind == StepKind::kAffine) {
        for (size_t c = 0; c < in; ++c) {
          before_shift[c] += own->shift.empty() ? 0.0 : before_scale[c] * own->shift[c];
          before_scale[c] *= own->scale.empty() ? 1.0 : own->scale[c];
        }
        folds = true;
      } else if (!ChangesNothing(*own)) {
        break;
      }
      Absorb(*own);
      step.inputs = own->inputs;
    }
    *value = static_cast<int>(i) + 1;
    for (const Step* reader = OwnReader(*value); reader != nullptr; reader = OwnReader(*value)) {
      if (reader->kind == StepKind::kAffine) {
        for (size_t o = 0; o < out; ++o) {
          const double scale = reader->scale.empty() ? 1.0 : reader->scale[o];
          after_scale[o] *= scale;
          after_shift[o] = after_shift[o] * scale + (reader->shift.empty() ? 0 : reader->shift[o]);
        }
        folds = true;
      } else if (!ChangesNothing(*reader)) {
        break;
      }
      Absorb(*reader);
      *value = static_cast<int>(Number(*reader)) + 1;
    }
    if (folds) {
      for (size_t o = 0; o < out; ++o) {
        float* row = step.weights.data() + o * in;
        for (size_t c = 0; c < in; ++c) {
          const double weight = after_scale[o] * row[c];
          after_shift[o] += weight * before_shift[c];
          row[c] = static_cast<float>(weight * before_scale[c]);
        }
      }
      step.shift = std::move(after_shift);
    }
    ReadMapAsItLies(&step);
    return step;
  }

  // The only step that reads `value`, as its input, if no other took it over; or null.
  const Step* OwnReader(int value) const {
    const Step* reader = readers_.Only(value);
    return reader == nullptr || absorbed_[Number(*reader)] ? nullptr : reader;
  }

  void ReadMapAsItLies(Step* step) {
    const Step* reshape = OwnProducer(step->input());
    if (reshape == nullptr || reshape->kind != StepKind::kReshape) return;
    const TensorShape& tensor = plan_.values[Index(reshape->input())];
    const Shape map = tensor.map();
    if (!tensor.has_channels() || map.h > kMaxKernel || map.w > kMaxKernel) return;
    Absorb(*reshape);
    step->kind = StepKind::kConv;
    step->inputs = reshape->inputs;
    step->geometry.kernel_h = map.h;
    step->geometry.kernel_w = map.w;
  }

  const Plan& plan_;
  const ir::PlanReaders readers_;
  std::vector<bool> absorbed_;
  std::vector<int> value_;  // in the new plan, of each value of the old one
  Plan out_;
};

}  // namespace

Plan Simplify(const Plan& plan) { return Simplifier(plan).Run(); }

}  // namespace adabin::lower
