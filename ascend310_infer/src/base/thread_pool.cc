// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/barrier.h"
#include "base/default_threads.h"
#include "base/error.h"
#include "base/forks.h"

namespace adabin {

// The threads of one process, and all that they wait for. A forked child makes another one, for its
// copy of this may be in any state.
class ThreadPool::Crew {
 public:
  explicit Crew(int threads) : Crew(threads, threads > 1 && threads <= UsableProcessors()) {
    Start(threads);
  }
  // After the delegation a failed Start() ends here as well.
  ~Crew() {
    if (OfThisProcess()) {
      Stop();
    } else {
      // Handles of threads that are not here: nothing can join or detach them.
      for (std::thread& worker : workers_) std::construct_at(&worker);
    }
  }

  bool OfThisProcess() const { return forks_ == Forks(); }

  void RunOnAll(FunctionRef<void(int)> fn) {
    job_ = &fn;
    running_ = static_cast<int>(workers_.size());
    const uint32_t done = done_.value();
    round_.Advance();
    fn(0);
    done_.WaitWhile(done);
  }

  void Meet() { barrier_.Wait(); }

 private:
  Crew(int threads, bool spin) : round_(spin), done_(spin), barrier_(threads, spin) {}

  void Start(int threads) {
    workers_.reserve(static_cast<size_t>(std::max(threads, 1)) - 1);
    try {
      for (int worker = 1; worker < threads; ++worker) {
        workers_.emplace_back([this, worker] { Loop(worker); });
      }
    } catch (const std::exception& error) {
      throw Error("threads " + std::to_string(threads) + ": only " +
                  std::to_string(workers_.size() + 1) + " can run (" + error.what() +
                  "); give fewer");
    }
  }

  void Stop() {
    stop_ = true;
    round_.Advance();
    for (std::thread& worker : workers_) worker.join();
  }

  void Loop(int worker) {
    for (uint32_t seen = 0;; ++seen) {
      round_.WaitWhile(seen);
      if (stop_) return;
      (*job_)(worker);
      if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) done_.Advance();
    }
  }

  const int forks_ = Forks();
  std::vector<std::thread> workers_;
  Signal round_;
  std::atomic<int> running_{0};
  Signal done_;
  Barrier barrier_;
  const FunctionRef<void(int)>* job_ = nullptr;
  std::atomic<bool> stop_{false};
};

ThreadPool::ThreadPool(int threads)
    : threads_(std::max(threads, 1)), crew_(std::make_unique<Crew>(threads_)) {}

ThreadPool::~ThreadPool() = default;

void ThreadPool::RunOnAll(FunctionRef<void(int)> fn) {
  if (threads_ == 1) return fn(0);
  if (!crew_->OfThisProcess()) crew_ = std::make_unique<Crew>(threads_);
  crew_->RunOnAll(fn);
}

void ThreadPool::Meet() {
  if (threads_ > 1) crew_->Meet();
}

void ThreadPool::Run(int64_t tasks, FunctionRef<void(int64_t, int)> fn) {
  if (threads_ == 1 || tasks <= 1) {
    for (int64_t task = 0; task < tasks; ++task) fn(task, 0);
    return;
  }
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  RunOnAll([&](int worker) {
    try {
      for (int64_t task = next++; task < tasks; task = next++) fn(task, worker);
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
      next = tasks;
    }
  });
  if (failure) std::rethrow_exception(failure);
}

}  // namespace adabin
