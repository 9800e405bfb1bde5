// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_BARRIER_H_
#define ADABIN_BASE_BARRIER_H_

#include <atomic>
#include <cstdint>

namespace adabin {

// A number that only one thread changes and others wait for: in a short loop first, for a layer
// takes less than the system needs to wake a thread, then asleep.
class Signal {
 public:
  // `spin`: whether whoever is waited for can run meanwhile; else no one loops.
  explicit Signal(bool spin);
  uint32_t value() const { return value_.load(std::memory_order_acquire); }
  // Returns once the value differs from `old`.
  void WaitWhile(uint32_t old);
  void Advance();

 private:
  std::atomic<uint32_t> value_{0};
  std::atomic<int> sleepers_{0};
  const int spins_;
};

// Where `parties` threads meet. What one did before, all see after.
class Barrier {
 public:
  Barrier(int parties, bool spin) : parties_(parties), phase_(spin) {}
  void Wait();

 private:
  int parties_;
  std::atomic<int> arrived_{0};
  Signal phase_;
};

}  // namespace adabin

#endif  // ADABIN_BASE_BARRIER_H_
