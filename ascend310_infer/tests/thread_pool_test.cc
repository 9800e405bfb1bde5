// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/default_threads.h"
#include "base/error.h"

namespace adabin {
namespace {

TEST(ThreadPool, RunsEachTaskOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int64_t tasks : {0, 1, 2, 7, 100}) {
      for (int round = 0; round < 50; ++round) {
        std::vector<std::atomic<int>> seen(static_cast<size_t>(tasks));
        pool.Run(tasks, [&](int64_t task, int worker) {
          ++seen[static_cast<size_t>(task)];
          EXPECT_LT(worker, threads);
        });
        for (const auto& count : seen) ASSERT_EQ(count, 1);
      }
    }
  }
}

TEST(ThreadPool, PassesAFailureOn) {
  ThreadPool pool(3);
  EXPECT_THROW(pool.Run(10, [](int64_t, int) { throw std::runtime_error("x"); }),
               std::runtime_error);
  int sum = 0;
  pool.Run(1, [&](int64_t, int) { ++sum; });
  EXPECT_EQ(sum, 1);
}

TEST(ThreadPool, NamesTheFlagWhenAThreadCannotStart) {
  pthread_attr_t kept, huge;
  ASSERT_EQ(pthread_getattr_default_np(&kept), 0);
  ASSERT_EQ(pthread_attr_init(&huge), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, size_t{1} << 47), 0);  // all addresses that there are
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  std::string complaint;
  try {
    ThreadPool pool(3);
  } catch (const Error& error) {
    complaint = error.what();
  }
  ASSERT_EQ(pthread_setattr_default_np(&kept), 0);
  EXPECT_EQ(complaint.rfind("threads 3: ", 0), 0u) << complaint;
}

// As a network runs: every thread does its share of a step, all meet, the next one begins.
TEST(ThreadPool, MeetsAtBarriers) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 20; ++round) {
      std::vector<int> values(static_cast<size_t>(threads), 0);
      std::atomic<int> wrong{0};
      pool.RunOnAll([&](int worker) {
        for (int step = 1; step <= 50; ++step) {
          values[static_cast<size_t>(worker)] = step;
          pool.Meet();
          for (const int value : values) wrong += value != step;
          pool.Meet();
        }
      });
      ASSERT_EQ(wrong, 0);
    }
  }
}

// Longer than anyone spins.
TEST(ThreadPool, WakesSleepers) {
  ThreadPool pool(3);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<int> met{0};
    pool.RunOnAll([&](int worker) {
      if (worker == 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      pool.Meet();
      ++met;
    });
    ASSERT_EQ(met, 3);
  }
}

// Waits of every length, so that the value changes before, while and after a waiter goes to sleep,
// with more threads than processors and without. A wake-up that is lost is never made up for.
TEST(ThreadPool, LosesNoWakeUp) {
  std::promise<void> promise;
  std::future<void> ended = promise.get_future();
  std::thread runs([&] {
    for (const int threads : {2, 3, UsableProcessors() + 1, 16}) {
      ThreadPool pool(threads);
      for (int round = 0; round < 50; ++round) {
        pool.RunOnAll([&](int worker) {
          std::minstd_rand random(static_cast<unsigned>(1000 * round + worker + 1));
          for (int step = 0; step < 40; ++step) {
            // Now and then longer than anyone spins.
            const auto work = random() % (random() % 16 == 0 ? 200000 : 2000);
            for (auto i = work; i > 0; --i) asm volatile("");
            pool.Meet();
          }
        });
      }
    }
    promise.set_value();
  });
  if (ended.wait_for(std::chrono::seconds(120)) != std::future_status::ready) {
    std::cerr << "a thread was not woken" << std::endl;
    std::abort();  // for nothing can end the others
  }
  runs.join();
}

// Every process, or every model, of a busy machine has its pool: more threads than processors, and
// no pool knows of the others.
TEST(ThreadPool, RunsBesideOtherPools) {
  std::vector<std::thread> users;
  std::atomic<int> wrong{0};
  for (int user = 0; user < 4; ++user) {
    users.emplace_back([&] {
      ThreadPool pool(2);
      std::atomic<int> steps{0};
      for (int round = 0; round < 20; ++round) {
        pool.RunOnAll([&](int) {
          for (int step = 0; step < 20; ++step) {
            ++steps;
            pool.Meet();
          }
        });
      }
      wrong += steps != 2 * 20 * 20;
    });
  }
  for (std::thread& user : users) user.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace adabin
