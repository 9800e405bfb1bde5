// SPDX-License-Identifier: Apache-2.0
#include "base/barrier.h"

namespace adabin {
namespace {

// Some tens of microseconds.
constexpr int kSpins = 1000;

inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

Signal::Signal(bool spin) : spins_(spin ? kSpins : 0) {}

void Signal::WaitWhile(uint32_t old) {
  for (int i = 0; i < spins_; ++i) {
    if (value() != old) return;
    Pause();
  }
  // No wake-up is lost: this announces a sleeper and then looks at the value, Advance changes the
  // value and then looks for sleepers, all four in one order that every thread sees. So either the
  // sleeper sees the new value or the other side sees the sleeper, and wait() sleeps only while the
  // value is the old one.
  sleepers_.fetch_add(1);
  while (value_.load() == old) value_.wait(old);
  sleepers_.fetch_sub(1);
}

void Signal::Advance() {
  value_.fetch_add(1);
  if (sleepers_.load() > 0) value_.notify_all();
}

void Barrier::Wait() {
  const uint32_t phase = phase_.value();
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == parties_) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.Advance();
  } else {
    phase_.WaitWhile(phase);
  }
}

}  // namespace adabin
