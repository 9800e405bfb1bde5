// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_DETECTION_BEST_H_
#define ADABIN_DETECTION_BEST_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace adabin::detection {

// A box that may be an object of a class. Boxes are numbered in the order of their priors.
struct Candidate {
  float score = 0;
  uint32_t box = 0;

  bool Before(const Candidate& other) const {
    return score != other.score ? score > other.score : box < other.box;
  }
};

// The best candidates of a class, out of any number that come in the order of their boxes: twice as
// many as are wanted are kept, and halved when they are full.
class Best {
 public:
  Best(size_t most, float least) : most_(most), least_(least) {}

  // A later candidate can only count above this.
  float least() const { return least_; }

  void Add(const Candidate& candidate) {
    kept_.push_back(candidate);
    if (kept_.size() >= 2 * most_) Cut();
  }

  // At most so many, best first.
  const std::vector<Candidate>& Sorted() {
    std::sort(kept_.begin(), kept_.end(), InOrder);
    if (kept_.size() > most_) kept_.resize(most_);
    return kept_;
  }

 private:
  static bool InOrder(const Candidate& a, const Candidate& b) { return a.Before(b); }

  void Cut() {
    const auto last = kept_.begin() + static_cast<std::ptrdiff_t>(most_) - 1;
    std::nth_element(kept_.begin(), last, kept_.end(), InOrder);
    least_ = last->score;
    kept_.resize(most_);
  }

  size_t most_;
  float least_;
  std::vector<Candidate> kept_;
};

}  // namespace adabin::detection

#endif  // ADABIN_DETECTION_BEST_H_
