// SPDX-License-Identifier: Apache-2.0
//
// One model, many users: threads, sessions, processes; and what each of them allocates.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "capi.h"
#include "in_child.h"

namespace adabin::test {
namespace {

TEST(CApiThreads, EightThreadsOverOneModelGiveTheBitsOfOne) {
  const auto model = LoadBytes(SmallPacked());
  const auto input = Samples(7);
  const auto expected = Outputs(Open(model.get(), 1).get(), input);
  std::atomic<int> wrong{0};
  std::vector<std::thread> users;
  for (int user = 0; user < 8; ++user) {
    users.emplace_back([&, user] {
      const auto session = Open(model.get(), 1 + user % 3);
      for (int run = 0; run < 20; ++run) wrong += Outputs(session.get(), input) != expected;
    });
  }
  for (std::thread& user : users) user.join();
  EXPECT_EQ(wrong, 0);
}

TEST(CApiThreads, ManySessionsTakeTurns) {
  const auto model = LoadBytes(SmallPacked());
  const auto input = Samples(3);
  const auto expected = Outputs(Open(model.get(), 1).get(), input);
  std::vector<Owned<adabin_session>> sessions;
  for (int i = 0; i < 50; ++i) sessions.push_back(Open(model.get(), 1 + i % 3));
  for (int round = 0; round < 3; ++round) {
    for (const auto& session : sessions) EXPECT_EQ(Outputs(session.get(), input), expected);
  }
  std::reverse(sessions.begin(), sessions.end());
  sessions.resize(10);
  for (const auto& session : sessions) EXPECT_EQ(Outputs(session.get(), input), expected);
}

// Whoever comes second is told so, and neither result is touched.
TEST(CApiThreads, ASessionThatIsRunningIsBusy) {
  const auto model = LoadBytes(SmallPacked());
  const auto session = Open(model.get(), 1);
  const auto input = Samples(200);
  const auto expected = Outputs(session.get(), input);
  std::atomic<int> busy{0}, wrong{0};
  const auto start = std::chrono::steady_clock::now();
  const auto use = [&] {
    std::vector<float> output;
    while (busy < 10 && std::chrono::steady_clock::now() - start < std::chrono::seconds(20)) {
      const Result result = RunFloats(session.get(), input, &output);
      busy += result.code == ADABIN_BUSY;
      wrong += result.code == ADABIN_BUSY ? output[0] != -1.0f : output != expected;
    }
  };
  std::thread other(use);
  use();
  other.join();
  EXPECT_GE(busy, 10);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(Outputs(session.get(), input), expected);
}

#if !defined(__SANITIZE_THREAD__)
TEST(CApiFork, AChildRunsSessionsOfItsParentAndItsOwn) {
  const auto model = LoadBytes(SmallPacked());
  const auto session = Open(model.get(), 2);
  const auto input = Samples(3);
  const auto expected = Outputs(session.get(), input);
  EXPECT_EQ(InChild([&] { return Outputs(session.get(), input) == expected; }), 0);
#if !defined(__SANITIZE_ADDRESS__)  // it does not look after its own locks at a fork
  EXPECT_EQ(InChild([&] { return Outputs(Open(model.get(), 2).get(), input) == expected; }), 0);
#endif
  EXPECT_EQ(Outputs(session.get(), input), expected);
}

#if !defined(__SANITIZE_ADDRESS__)
// The child's copy of the session is not busy, whatever it was doing.
TEST(CApiFork, ASessionThatWasRunningAtTheForkIsAsGoodAsNewInTheChild) {
  const auto model = LoadBytes(SmallPacked());
  const auto session = Open(model.get(), 2);
  const auto input = Samples(3);
  const auto expected = Outputs(session.get(), input);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::thread other([&] {
    while (!stop) wrong += Outputs(session.get(), input) != expected;
  });
  for (int i = 0; i < 50 && !HasFailure(); ++i) {
    EXPECT_EQ(InChild([&] {
                return Outputs(session.get(), input) == expected &&
                       Outputs(session.get(), input) == expected;
              }),
              0);
  }
  stop = true;
  other.join();
  EXPECT_EQ(wrong, 0);
}
#endif
#endif

size_t SessionBytes(const adabin_model* model, const adabin_session_options* options,
                    size_t samples) {
  size_t bytes = 0;
  EXPECT_EQ(Result(adabin_model_session_bytes(model, options, samples, &bytes)).code, ADABIN_OK);
  return bytes;
}

TEST(CApiMemory, ASessionSaysBeforehandWhatItNeedsAndKeepsToALimit) {
  const auto model = LoadBytes(SmallPacked());
  const auto input = Samples(9);
  const auto expected = Outputs(Open(model.get(), 1).get(), input);
  const auto options = SessionOptions(4);
  const size_t one = SessionBytes(model.get(), options.get(), 1);
  const size_t many = SessionBytes(model.get(), options.get(), 9);
  EXPECT_GT(one, 0u);
  EXPECT_GT(many, one);  // an arena for each thread
  EXPECT_EQ(SessionBytes(model.get(), options.get(), 1000000), many);
  EXPECT_LT(SessionBytes(model.get(), SessionOptions(1).get(), 9), one);
  // With less, threads share every sample.
  ASSERT_EQ(Result(adabin_session_options_set_memory_limit(options.get(), many - 1)).code,
            ADABIN_OK);
  EXPECT_EQ(SessionBytes(model.get(), options.get(), 9), one);
  EXPECT_EQ(Outputs(Open(model.get(), options.get()).get(), input), expected);
  ASSERT_EQ(Result(adabin_session_options_set_memory_limit(options.get(), one - 1)).code,
            ADABIN_OK);
  adabin_session* session = nullptr;
  const Result refused = adabin_session_create(model.get(), options.get(), &session);
  EXPECT_EQ(refused.code, ADABIN_RESOURCE);
  EXPECT_NE(refused.message.find("one sample needs " + std::to_string(one) + " bytes"),
            std::string::npos)
      << refused.message;
  // Pixels are normalized into a map of floats.
  const auto pixels = SessionOptions(1);
  const float mean[] = {0, 0, 0}, std[] = {1, 1, 1};
  ASSERT_EQ(Result(adabin_session_options_set_input_type(pixels.get(), ADABIN_UINT8)).code, 0);
  ASSERT_EQ(Result(adabin_session_options_set_normalization(pixels.get(), mean, std, 3)).code, 0);
  EXPECT_EQ(SessionBytes(model.get(), pixels.get(), 1),
            SessionBytes(model.get(), SessionOptions(1).get(), 1) + kInput * sizeof(float));
}

// Bytes of this process that are in memory.
size_t Resident() {
  size_t pages = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%zu %zu", &pages, &resident) != 2) resident = 0;
  if (file != nullptr) std::fclose(file);
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// ADABIN_LOADS=100000 build/capi_threads_test --gtest_filter=*Loads* takes minutes. LeakSanitizer
// counts blocks; elsewhere the process does not grow.
TEST(CApiMemory, LoadsAndRunsLeakNothing) {
  const char* asked = std::getenv("ADABIN_LOADS");
  const int loads = asked == nullptr ? 300 : std::atoi(asked);
  const std::string bytes = SmallPacked();
  const std::string damaged = bytes.substr(0, bytes.size() - 1);
  const auto input = Samples(2);
  std::vector<float> output;
  [[maybe_unused]] size_t before = 0;
  for (int i = 0; i < loads; ++i) {
    if (i == loads / 3) before = Resident();
    const auto model = LoadBytes(bytes);
    const auto session = Open(model.get(), 1 + i % 2);
    ASSERT_EQ(RunFloats(session.get(), input, &output).code, ADABIN_OK);
    adabin_model* none = nullptr;
    ASSERT_EQ(Result(adabin_model_load_bytes(damaged.data(), damaged.size(), nullptr, &none)).code,
              ADABIN_MODEL);
  }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(ADABIN_EMULATED)
  EXPECT_LT(Resident(), before + (size_t{2} << 20));
#endif
}

}  // namespace
}  // namespace adabin::test
