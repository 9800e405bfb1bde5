// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_THREAD_POOL_H_
#define ADABIN_BASE_THREAD_POOL_H_

#include <cstdint>
#include <memory>

#include "base/function_ref.h"

namespace adabin {

constexpr int kMaxThreads = 256;

// A fixed set of threads that lives as long as the model. The calling thread is worker 0.
//
// A child of fork() has a copy of the pool and none of its threads: it starts them anew when it
// first runs something, whatever the parent's were doing. What it cannot have is the end of a run
// that one of them was in.
class ThreadPool {
 public:
  // Throws Error when the system does not give that many; so do Run and RunOnAll in a forked child.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Calls fn(task, worker) once for each task in [0, tasks) and returns when all are done. Which
  // worker takes which task is not fixed, so a result may not depend on it. Not reentrant.
  void Run(int64_t tasks, FunctionRef<void(int64_t task, int worker)> fn);

  // Calls fn(worker) once on every worker, all at the same time: they may Meet(), and may not
  // throw.
  void RunOnAll(FunctionRef<void(int worker)> fn);

  // For a function in RunOnAll: returns once it was called on every worker. What one did before,
  // all see after.
  void Meet();

 private:
  class Crew;

  const int threads_;
  std::unique_ptr<Crew> crew_;  // the other workers
};

}  // namespace adabin

#endif  // ADABIN_BASE_THREAD_POOL_H_
