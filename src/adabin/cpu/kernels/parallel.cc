// SPDX-License-Identifier: Apache-2.0
#include "parallel.h"

#include <dlfcn.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

namespace adabin_cpu {
namespace {

constexpr int kMaxThreads = 256;
// Operators follow each other within microseconds during a step; going to sleep and waking up costs more than that.
constexpr auto kSpin = std::chrono::microseconds(30);
// The last tasks of a loop end at about the same time, unless the machine is busy with something else.
constexpr auto kSpinForOthers = std::chrono::microseconds(200);

inline void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

std::atomic<int>& Threads() {
  static std::atomic<int> threads{1};
  return threads;
}

/// Workers sleep in code of this library: keep it mapped when whoever loaded it closes it.
void KeepLibraryLoaded() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&KeepLibraryLoaded), &info) != 0 && info.dli_fname != nullptr) {
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

class Pool {
 public:
  explicit Pool(int workers) : workers_(workers) {
    try {
      for (int i = 0; i < workers; ++i) {
        std::thread worker([this] { Work(); });
        pthread_setname_np(worker.native_handle(), "adabin_kernels");
        worker.detach();
      }
    } catch (const std::system_error&) {
      // The system refuses more threads: those started, and the caller, do the work.
    }
  }

  int workers() const { return workers_; }

  /// Runs the loop on this thread and up to `helpers` workers; false if another thread's loop is running.
  bool Run(int64_t tasks, int helpers, const std::function<void(int64_t)>& body) {
    if (busy_.exchange(true, std::memory_order_acquire)) return false;
    body_ = &body;
    tasks_ = tasks;
    next_.store(0, std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      places_ = helpers;
      open_ = true;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    TakeTasks();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      open_ = false;  // who has not joined by now stays out
    }
    // Every task is taken; wait for the workers that still compute theirs.
    for (const auto start = std::chrono::steady_clock::now(); active_.load(std::memory_order_acquire) != 0; Pause()) {
      if (std::chrono::steady_clock::now() - start < kSpinForOthers) continue;
      std::unique_lock<std::mutex> lock(mutex_);
      done_.wait(lock, [this] { return active_.load(std::memory_order_acquire) == 0; });
    }
    busy_.store(false, std::memory_order_release);
    return true;
  }

 private:
  void TakeTasks() {
    for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < tasks_;) (*body_)(i);
  }

  void Work() {
    for (uint64_t seen = 0;;) {
      const auto start = std::chrono::steady_clock::now();
      while (generation_.load(std::memory_order_acquire) == seen && std::chrono::steady_clock::now() - start < kSpin) {
        Pause();
      }
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_relaxed) != seen; });
        seen = generation_.load(std::memory_order_relaxed);
        if (!open_ || places_ == 0) continue;
        --places_;
        active_.fetch_add(1, std::memory_order_relaxed);
      }
      TakeTasks();
      std::lock_guard<std::mutex> lock(mutex_);
      if (active_.fetch_sub(1, std::memory_order_release) == 1) done_.notify_one();
    }
  }

  const int workers_;
  std::atomic<bool> busy_{false};
  const std::function<void(int64_t)>* body_ = nullptr;
  int64_t tasks_ = 0;
  std::atomic<int64_t> next_{0};
  std::atomic<int> active_{0};
  std::atomic<uint64_t> generation_{0};
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  bool open_ = false;
  int places_ = 0;
};

std::atomic<Pool*> pool{nullptr};
std::mutex pool_mutex;
thread_local bool inside_loop = false;

/// A forked child has none of the parent's workers, and the locks may be in any state: it starts anew.
void ForgetPool() {
  pool.store(nullptr);
  new (&pool_mutex) std::mutex;
  inside_loop = false;
}

/// The pool, for at least `workers` workers. Never destroyed: at exit, workers
/// sleep until the process ends; a pool that has become too small is left to sleep.
Pool* GetPool(int workers) {
  Pool* current = pool.load(std::memory_order_acquire);
  if (current != nullptr && current->workers() >= workers) return current;
  std::lock_guard<std::mutex> lock(pool_mutex);
  current = pool.load(std::memory_order_acquire);
  if (current != nullptr && current->workers() >= workers) return current;
  static const int registered = [] {
    KeepLibraryLoaded();
    return pthread_atfork(nullptr, nullptr, ForgetPool);
  }();
  (void)registered;
  current = new Pool(workers);
  pool.store(current, std::memory_order_release);
  return current;
}

}  // namespace

int NumThreads() { return Threads().load(std::memory_order_relaxed); }

void SetNumThreads(int threads) { Threads().store(std::clamp(threads, 1, kMaxThreads)); }

void ParallelFor(int64_t tasks, const std::function<void(int64_t)>& body) {
  const int helpers = static_cast<int>(std::min<int64_t>(NumThreads(), tasks)) - 1;
  if (helpers > 0 && !inside_loop) {
    Pool* workers = GetPool(NumThreads() - 1);
    std::mutex error_mutex;
    std::exception_ptr error;
    // A body runs with inside_loop set, on whatever thread: a loop within it is serial.
    const auto guarded = [&](int64_t i) {
      inside_loop = true;
      try {
        body(i);
      } catch (...) {
        std::lock_guard<std::mutex> lock(error_mutex);
        error = std::current_exception();
      }
      inside_loop = false;
    };
    if (workers->Run(tasks, helpers, guarded)) {
      if (error) std::rethrow_exception(error);
      return;
    }
  }
  for (int64_t i = 0; i < tasks; ++i) body(i);
}

}  // namespace adabin_cpu

extern "C" __attribute__((visibility("default"))) void AdabinSetThreads(int threads) {
  adabin_cpu::SetNumThreads(threads);
}

extern "C" __attribute__((visibility("default"))) int AdabinThreads() { return adabin_cpu::NumThreads(); }
