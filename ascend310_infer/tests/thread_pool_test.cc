// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

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
  EXPECT_EQ(complaint.rfind("--threads 3: ", 0), 0u) << complaint;
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

}  // namespace
}  // namespace adabin
