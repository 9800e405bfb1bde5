// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_THREAD_POOL_H_
#define ADABIN_BASE_THREAD_POOL_H_

#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

#include "base/function_ref.h"

namespace adabin {

constexpr int kMaxThreads = 256;

// A number that only one thread changes and others wait for: in a short loop first, for a layer
// takes less than the system needs to wake a thread, then asleep.
class Signal {
 public:
  // `parties` threads run at the same time; with fewer cores than that no one loops.
  explicit Signal(int parties);
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
  explicit Barrier(int parties) : parties_(parties), phase_(parties) {}
  void Wait();

 private:
  int parties_;
  std::atomic<int> arrived_{0};
  Signal phase_;
};

// A fixed set of threads that lives as long as the model. The calling thread is worker 0.
class ThreadPool {
 public:
  // Throws Error when the system does not give that many.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls fn(task, worker) once for each task in [0, tasks) and returns when all are done. Which
  // worker takes which task is not fixed, so a result may not depend on it. Not reentrant.
  void Run(int64_t tasks, FunctionRef<void(int64_t task, int worker)> fn);

  // Calls fn(worker) once on every worker, all at the same time: they may meet at barriers, and may
  // not throw.
  void RunOnAll(FunctionRef<void(int worker)> fn);

 private:
  void Loop(int worker);
  void Stop();

  std::vector<std::thread> workers_;
  Signal round_;
  std::atomic<int> running_{0};
  Signal done_;
  const FunctionRef<void(int)>* job_ = nullptr;
  std::atomic<bool> stop_{false};
};

}  // namespace adabin

#endif  // ADABIN_BASE_THREAD_POOL_H_
