// SPDX-License-Identifier: Apache-2.0
#include "base/forks.h"

#include <pthread.h>

#include <atomic>

namespace adabin {
namespace {

std::atomic<int> forks{0};

}  // namespace

int Forks() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { ++forks; });
  (void)registered;
  return forks.load(std::memory_order_relaxed);
}

}  // namespace adabin
