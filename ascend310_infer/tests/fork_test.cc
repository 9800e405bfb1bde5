// SPDX-License-Identifier: Apache-2.0
//
// A child of fork() has none of its parent's threads, and a copy of whatever they were doing.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "backend/cpu_backend.h"
#include "base/thread_pool.h"
#include "in_child.h"
#include "lowered.h"
#include "mindir_builder.h"

namespace adabin {
namespace {

using test::InChild;

// Both ways in which a network uses the pool.
bool Works(ThreadPool* pool) {
  std::vector<int> seen(100, 0);
  pool->Run(100, [&](int64_t task, int) { ++seen[static_cast<size_t>(task)]; });
  std::atomic<int> workers{0};
  pool->RunOnAll([&](int) { ++workers; });
  return std::accumulate(seen.begin(), seen.end(), 0) == 100 && workers == pool->threads();
}

TEST(ForkedChild, RunsAPoolThatTheParentHasUsed) {
  ThreadPool pool(3);
  ASSERT_TRUE(Works(&pool));
  EXPECT_EQ(InChild([&] { return Works(&pool) && Works(&pool); }), 0);
  EXPECT_TRUE(Works(&pool));
}

// AddressSanitizer does not look after its own locks at a fork: where a thread is starting, or
// allocates, the child gets them locked.
#if !defined(__SANITIZE_ADDRESS__)
TEST(ForkedChild, IsTheFirstToRunAPool) {
  ThreadPool pool(3);
  EXPECT_EQ(InChild([&] { return Works(&pool); }), 0);
  EXPECT_TRUE(Works(&pool));
}

TEST(ForkedChild, MakesAPoolOfItsOwn) {
  ThreadPool pool(2);
  EXPECT_EQ(InChild([] {
              ThreadPool own(3);
              return Works(&own);
            }),
            0);
}
#endif

TEST(ForkedChild, ForksAgain) {
  ThreadPool pool(3);
  ASSERT_TRUE(Works(&pool));
  EXPECT_EQ(InChild([&] {
              return InChild([&] { return Works(&pool); }) == 0 && Works(&pool) &&
                     InChild([&] { return Works(&pool); }) == 0 && Works(&pool);
            }),
            0);
}

TEST(ForkedChild, DestroysAPool) {
  for (const bool used : {false, true}) {
    auto pool = std::make_unique<ThreadPool>(3);
    ASSERT_TRUE(Works(pool.get()));
    EXPECT_EQ(InChild([&] {
                const bool works = !used || Works(pool.get());
                pool.reset();
                return works;
              }),
              0);
  }
}

// A model of SmallNetwork() and three samples for it: two that threads share, one that they split.
class ForkedModel : public testing::Test {
 protected:
  static constexpr size_t kSamples = 3;

  ForkedModel() {
    const graph::Plan plan = test::LowerBytes(test::SmallNetwork());
    std::mt19937 rng(3);
    input_ = test::NormalFloats(kSamples * plan.input.size(), &rng);
    backend::Options options;
    options.threads = 2;
    model_ = std::make_unique<backend::CpuBackend>(plan, options);
  }
  std::vector<std::vector<float>> Outputs() {
    std::vector<std::vector<float>> outputs;
    model_->Run(input_.data(), kSamples, &outputs);
    return outputs;
  }

  std::vector<float> input_;
  std::unique_ptr<backend::CpuBackend> model_;
};

TEST_F(ForkedModel, GivesTheSameOutputs) {
  const auto expected = Outputs();
  EXPECT_EQ(InChild([&] { return Outputs() == expected && Outputs() == expected; }), 0);
  EXPECT_EQ(Outputs(), expected);
}

#if !defined(__SANITIZE_ADDRESS__)
// The copy of a model in the middle of a run: some workers at a barrier, some on their way to it.
TEST_F(ForkedModel, GivesTheSameOutputsWhenAnotherThreadWasRunningIt) {
  const auto expected = Outputs();
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::thread other([&] {
    auto outputs = expected;
    while (!stop) {
      model_->Run(input_.data(), kSamples, &outputs);
      wrong += outputs != expected;
    }
  });
  for (int i = 0; i < 100 && !HasFailure(); ++i) {
    EXPECT_EQ(InChild([&] { return Outputs() == expected && Outputs() == expected; }), 0);
  }
  stop = true;
  other.join();
  EXPECT_EQ(wrong, 0);
}
#endif

}  // namespace
}  // namespace adabin
