// SPDX-License-Identifier: Apache-2.0
#include "base/barrier.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

namespace adabin {
namespace {

inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");  // tens of nanoseconds, as the pause of x86; "yield" is none at all
#endif
}

// What this thread knows of how busy the machine is, from its own loops.
class Patience {
 public:
  // Turns of the next loop.
  int Spins() {
    whole_ = credit_ > 0 || ++short_ % kTrial == 0;
    return whole_ ? kSpins : kFewSpins;
  }
  void Met() {
    if (whole_) credit_ = credit_ > 0 ? std::min(credit_ + 1, kCredit) : kCredit;
  }
  void Missed() {
    if (whole_ && credit_ > 0) credit_ -= kMiss;
  }

 private:
  static constexpr int kSpins = 1000;  // some tens of microseconds
  static constexpr int kFewSpins = 20;
  static constexpr int kCredit = 8;  // a loop that ends well is worth one
  static constexpr int kMiss = 4;
  static constexpr unsigned kTrial = 64;

  int credit_ = kCredit;
  unsigned short_ = 0;
  bool whole_ = true;
};

constinit thread_local Patience patience;

// The system's sleep as it is: std::atomic::wait yields before.
void Futex(const std::atomic<uint32_t>* word, int operation, uint32_t value) {
  static_assert(sizeof(*word) == sizeof(uint32_t) && std::atomic<uint32_t>::is_always_lock_free);
  syscall(SYS_futex, word, operation, value, nullptr, nullptr, 0);
}

}  // namespace

bool Signal::Spin(uint32_t old, bool soon) const {
  for (int left = patience.Spins(); left > 0; --left) {
    if (value() != old) {
      patience.Met();
      return true;
    }
    Pause();
  }
  if (soon) patience.Missed();
  return false;
}

// No wake-up is lost: this announces a sleeper and then looks at the value, Advance changes the
// value and then looks for sleepers, all four in one order for all threads. So the sleeper sees the
// new value, or the other side sees the sleeper; and the system puts no one to sleep for whom the
// value has changed already.
void Signal::Sleep(uint32_t old) {
  sleepers_.fetch_add(1);
  while (value_.load() == old) Futex(&value_, FUTEX_WAIT_PRIVATE, old);
  sleepers_.fetch_sub(1);
}

void Signal::WaitWhile(uint32_t old, bool soon) {
  if (value() != old || (spin_ && Spin(old, soon))) return;
  Sleep(old);
}

void Signal::Advance() {
  value_.fetch_add(1);
  if (sleepers_.load() > 0) Futex(&value_, FUTEX_WAKE_PRIVATE, INT_MAX);
}

void Barrier::Wait() {
  const uint32_t phase = phase_.value();
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == parties_) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.Advance();
  } else {
    phase_.WaitWhile(phase, true);
  }
}

}  // namespace adabin
