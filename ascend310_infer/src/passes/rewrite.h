// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_PASSES_REWRITE_H_
#define ADABIN_PASSES_REWRITE_H_

#include <utility>
#include <vector>

#include "graph/plan.h"
#include "graph/plan_readers.h"

namespace adabin::passes {

// A plan in the hands of a pass. Values keep their numbers until Finish: a step that takes another
// one over is put in the place of the last of them, whose value it then makes.
class Rewrite {
 public:
  explicit Rewrite(graph::Plan plan)
      : plan_(std::move(plan)),
        readers_(plan_),
        gone_(plan_.steps.size(), false),
        replaced_by_(plan_.values.size(), -1) {}

  size_t size() const { return plan_.steps.size(); }
  // To change one that is neither moved nor put, put it.
  graph::Step& step(size_t i) { return plan_.steps[i]; }
  bool IsGone(size_t i) const { return gone_[i]; }
  const TensorShape& ShapeOf(int value) const { return plan_.values[static_cast<size_t>(value)]; }
  // Of the plan as it was.
  const graph::PlanReaders& readers() const { return readers_; }

  // The step that makes `value`, if one does which nobody else reads; or -1.
  int OwnProducer(int value) const {
    const bool own = value > 0 && readers_.IsReadOnce(value) && !IsGone(Maker(value));
    return own ? value - 1 : -1;
  }
  // The step that alone reads `value`, as its input; or -1.
  int OwnReader(int value) const {
    const graph::Step* step = readers_.Only(value);
    const auto i = step == nullptr ? 0 : static_cast<size_t>(step - plan_.steps.data());
    return step == nullptr || IsGone(i) ? -1 : static_cast<int>(i);
  }

  // Step `from` goes to the place of a later one, which takes it over.
  void Move(size_t from, size_t to) {
    if (from == to) return;
    Put(to, std::move(plan_.steps[from]));
    Remove(from);
  }
  void Put(size_t i, graph::Step step) {
    plan_.steps[i] = std::move(step);
    gone_[i] = false;
    changed_ = true;
  }
  // Nobody reads what step `i` makes any longer.
  void Remove(size_t i) { gone_[i] = changed_ = true; }
  // Who read what step `i` makes reads `value` instead.
  void Replace(size_t i, int value) {
    Remove(i);
    replaced_by_[i + 1] = value;
  }

  // The plan that this leaves, all of it inferred and checked anew; or the one that it was. Throws
  // Error.
  graph::Plan Finish();

 private:
  static size_t Maker(int value) { return static_cast<size_t>(value) - 1; }

  graph::Plan plan_;
  const graph::PlanReaders readers_;
  bool changed_ = false;
  std::vector<bool> gone_;
  std::vector<int> replaced_by_;  // of each value, or -1
};

}  // namespace adabin::passes

#endif  // ADABIN_PASSES_REWRITE_H_
