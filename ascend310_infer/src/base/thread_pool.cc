// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <algorithm>
#include <mutex>
#include <string>

#include "base/error.h"

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

Signal::Signal(int parties)
    : spins_(parties <= static_cast<int>(std::thread::hardware_concurrency()) ? kSpins : 0) {}

void Signal::WaitWhile(uint32_t old) {
  for (int i = 0; i < spins_; ++i) {
    if (value() != old) return;
    Pause();
  }
  // Either the sleeper sees the new value or the other side sees the sleeper: both are ordered.
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

ThreadPool::ThreadPool(int threads) : round_(threads), done_(threads) {
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
  stop_ = true;
  round_.Advance();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void ThreadPool::RunOnAll(FunctionRef<void(int)> fn) {
  if (workers_.empty()) return fn(0);
  job_ = &fn;
  running_ = static_cast<int>(workers_.size());
  const uint32_t done = done_.value();
  round_.Advance();
  fn(0);
  done_.WaitWhile(done);
}

void ThreadPool::Run(int64_t tasks, FunctionRef<void(int64_t, int)> fn) {
  if (workers_.empty() || tasks <= 1) {
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

void ThreadPool::Loop(int worker) {
  for (uint32_t seen = 0;; ++seen) {
    round_.WaitWhile(seen);
    if (stop_) return;
    (*job_)(worker);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) done_.Advance();
  }
}

}  // namespace adabin
