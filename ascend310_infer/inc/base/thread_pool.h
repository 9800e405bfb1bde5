// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_THREAD_POOL_H_
#define ADABIN_BASE_THREAD_POOL_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace adabin {

constexpr int kMaxThreads = 256;

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
  void Run(int64_t tasks, const std::function<void(int64_t task, int worker)>& fn);

 private:
  void Loop(int worker);
  void Drain(int worker);
  void Stop();

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable done_;
  const std::function<void(int64_t, int)>* fn_ = nullptr;
  int64_t tasks_ = 0;
  std::atomic<int64_t> next_{0};
  int running_ = 0;
  uint64_t round_ = 0;
  bool stop_ = false;
  std::exception_ptr failure_;
};

// Splits [0, count) into one range per thread; without a pool the caller does it all.
void ParallelRanges(ThreadPool* pool, int count, const std::function<void(int begin, int end)>& fn);

}  // namespace adabin

#endif  // ADABIN_BASE_THREAD_POOL_H_
