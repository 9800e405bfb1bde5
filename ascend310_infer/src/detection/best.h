// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_DETECTION_BEST_H_
#define ADABIN_DETECTION_BEST_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace adabin::detection {

// A box that may be an object of a class, as one number: the larger, the better. Boxes are numbered
// in the order of their priors; of equal scores the lower number is better.
class Candidate {
 public:
  Candidate() = default;
  // `score` is positive: the bits of such floats are in the order of their values.
  Candidate(float score, uint32_t box)
      : key_(uint64_t{std::bit_cast<uint32_t>(score)} << 32 | static_cast<uint32_t>(~box)) {}

  float score() const { return std::bit_cast<float>(static_cast<uint32_t>(key_ >> 32)); }
  uint32_t box() const { return ~static_cast<uint32_t>(key_); }
  bool operator>(const Candidate& other) const { return key_ > other.key_; }

 private:
  uint64_t key_ = 0;
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
    std::sort(kept_.begin(), kept_.end(), std::greater<>());
    if (kept_.size() > most_) kept_.resize(most_);
    return kept_;
  }

 private:
  void Cut() {
    const auto last = kept_.begin() + static_cast<std::ptrdiff_t>(most_) - 1;
    std::nth_element(kept_.begin(), last, kept_.end(), std::greater<>());
    least_ = last->score();
    kept_.resize(most_);
  }

  size_t most_;
  float least_;
  std::vector<Candidate> kept_;
};

}  // namespace adabin::detection

#endif  // ADABIN_DETECTION_BEST_H_
