// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_BARRIER_H_
#define ADABIN_BASE_BARRIER_H_

#include <atomic>
#include <cstdint>

namespace adabin {

// A number that only one thread changes and others wait for: in a short loop first, for a layer
// takes less than the system needs to wake a thread, then asleep.
//
// The loop pays where the other thread is running. Where it is not, for the machine has more to do
// than processors, the loop keeps it from running: a thread whose loops ended in sleep more than
// once goes to sleep almost at once, and tries a whole loop now and then. Nor does it yield: beside
// a program that only computes, each time would cost a slice of milliseconds.
class Signal {
 public:
  // `spin`: whether there is a processor for everyone; else no one loops.
  explicit Signal(bool spin) : spin_(spin) {}
  uint32_t value() const { return value_.load(std::memory_order_acquire); }
  // Returns once the value differs from `old`. `soon`: it does within microseconds, if whoever
  // changes it is running.
  void WaitWhile(uint32_t old, bool soon = false);
  void Advance();

 private:
  bool Spin(uint32_t old, bool soon) const;
  void Sleep(uint32_t old);

  std::atomic<uint32_t> value_{0};
  std::atomic<int> sleepers_{0};
  const bool spin_;
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
