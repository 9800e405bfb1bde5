// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace adabin {

ThreadPool::ThreadPool(int threads) {
  workers_.reserve(static_cast<size_t>(std::max(threads, 1)) - 1);
  try {
    for (int worker = 1; worker < threads; ++worker) {
      workers_.emplace_back([this, worker] { Loop(worker); });
    }
  } catch (const std::exception& error) {
    const int running = this->threads();
    Stop();
    throw Error("--threads " + std::to_string(threads) + ": only " + std::to_string(running) +
                " can run (" + error.what() + "); give fewer");
  }
}

ThreadPool::~ThreadPool() { Stop(); }

void ThreadPool::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(int64_t tasks, const std::function<void(int64_t, int)>& fn) {
  if (workers_.empty() || tasks <= 1) {
    for (int64_t task = 0; task < tasks; ++task) fn(task, 0);
    return;
  }
  {
    std::lock_guard lock(mutex_);
    fn_ = &fn;
    tasks_ = tasks;
    next_ = 0;
    running_ = static_cast<int>(workers_.size());
    failure_ = nullptr;
    ++round_;
  }
  start_.notify_all();
  Drain(0);
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return running_ == 0; });
  if (failure_) std::rethrow_exception(failure_);
}

void ThreadPool::Drain(int worker) {
  try {
    for (int64_t task = next_++; task < tasks_; task = next_++) (*fn_)(task, worker);
  } catch (...) {
    std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    next_ = tasks_;
  }
}

void ThreadPool::Loop(int worker) {
  uint64_t seen = 0;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      start_.wait(lock, [&] { return stop_ || round_ != seen; });
      if (stop_) return;
      seen = round_;
    }
    Drain(worker);
    std::lock_guard lock(mutex_);
    if (--running_ == 0) done_.notify_one();
  }
}

void ParallelRanges(ThreadPool* pool, int count, const std::function<void(int, int)>& fn) {
  const int parts = pool == nullptr ? 1 : std::min(pool->threads(), count);
  if (parts <= 1) {
    fn(0, count);
    return;
  }
  pool->Run(parts, [&](int64_t part, int) {
    const int64_t begin = count * part / parts;
    const int64_t end = count * (part + 1) / parts;
    fn(static_cast<int>(begin), static_cast<int>(end));
  });
}

}  // namespace adabin
