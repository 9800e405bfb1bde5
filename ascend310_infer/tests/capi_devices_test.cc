// SPDX-License-Identifier: Apache-2.0
//
// The kinds of devices by the C API: each that is there runs every sort of session, and gives what
// the CPU gives but for the rounding of either.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "adabin.h"
#include "capi.h"
#include "mindir_builder.h"

namespace adabin::test {
namespace {

Owned<adabin_model> LoadOn(const char* device, const std::string& bytes) {
  adabin_model_options* made = nullptr;
  EXPECT_EQ(Result(adabin_model_options_create(&made)).code, ADABIN_OK);
  const Owned<adabin_model_options> options(made);
  EXPECT_EQ(Result(adabin_model_options_set_device(made, device, 0)).code, ADABIN_OK);
  adabin_model* model = nullptr;
  const Result result = adabin_model_load_bytes(bytes.data(), bytes.size(), made, &model);
  EXPECT_EQ(result.code, ADABIN_OK) << result.message;
  return Owned<adabin_model>(model);
}

std::vector<std::string> DevicesThatAreThere() {
  std::vector<std::string> there;
  for (size_t i = 0; i < adabin_device_count(); ++i) {
    if (adabin_device_supported(i) != 0) there.emplace_back(adabin_device_name(i));
  }
  return there;
}

void ExpectNear(const std::vector<float>& got, const std::vector<float>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1e-4) << i;
}

TEST(CApiDevices, AreListedAndTakenByName) {
  EXPECT_GE(DevicesThatAreThere().size(), 2u);
  adabin_model_options* made = nullptr;
  ASSERT_EQ(Result(adabin_model_options_create(&made)).code, ADABIN_OK);
  const Owned<adabin_model_options> options(made);
  for (size_t i = 0; i < adabin_device_count(); ++i) {
    const char* name = adabin_device_name(i);
    const Result result = adabin_model_options_set_device(made, name, 0);
    const bool there = adabin_device_supported(i) != 0;
    EXPECT_EQ(result.code, there ? ADABIN_OK : ADABIN_INVALID_ARGUMENT) << name;
    if (!there) {
      EXPECT_NE(result.message.find(adabin_device_description(i)), std::string::npos);
      continue;
    }
    const Result second = adabin_model_options_set_device(made, name, 1);
    EXPECT_EQ(second.code, ADABIN_INVALID_ARGUMENT);
    EXPECT_NE(second.message.find(name), std::string::npos) << second.message;
  }
  const Result unknown = adabin_model_options_set_device(made, "GPU\n", 0);
  EXPECT_EQ(unknown.code, ADABIN_INVALID_ARGUMENT);
  for (size_t i = 0; i < adabin_device_count(); ++i) {
    EXPECT_NE(unknown.message.find(adabin_device_name(i)), std::string::npos) << unknown.message;
  }
  EXPECT_EQ(unknown.message.find('\n'), std::string::npos);
  EXPECT_EQ(adabin_device_name(adabin_device_count()), nullptr);
  EXPECT_EQ(adabin_device_description(adabin_device_count()), nullptr);
  EXPECT_EQ(adabin_device_supported(adabin_device_count()), 0);
}

TEST(CApiDevices, KeepNothingOfTheCallersBytes) {
  const auto expected = Outputs(Open(LoadBytes(SmallPacked()).get(), 1).get(), Samples(2));
  for (const std::string& device : DevicesThatAreThere()) {
    SCOPED_TRACE(device);
    std::string bytes = SmallPacked();
    const auto model = LoadOn(device.c_str(), bytes);
    bytes.assign(bytes.size(), '\xff');
    ExpectNear(Outputs(Open(model.get(), 1).get(), Samples(2)), expected);
  }
}

TEST(CApiDevices, RunSamplesOneByOneAndMeasureEachStep) {
  const auto expected = Outputs(Open(LoadBytes(SmallPacked()).get(), 1).get(), Samples(3));
  for (const std::string& device : DevicesThatAreThere()) {
    SCOPED_TRACE(device);
    const auto model = LoadOn(device.c_str(), SmallPacked());
    const auto options = SessionOptions(2);
    ASSERT_EQ(Result(adabin_session_options_set_profile(options.get(), 1)).code, ADABIN_OK);
    const auto session = Open(model.get(), options.get());
    for (int run = 0; run < 2; ++run) ExpectNear(Outputs(session.get(), Samples(3)), expected);
    const size_t steps = adabin_model_step_count(model.get());
    ASSERT_GT(steps, 0u);
    for (size_t i = 0; i < steps; ++i) {
      EXPECT_GT(adabin_session_step_milliseconds(session.get(), i), 0) << i;
      EXPECT_NE(adabin_model_step(model.get(), i), nullptr);
    }
    size_t bytes = 0;
    ASSERT_EQ(Result(adabin_model_session_bytes(model.get(), options.get(), 3, &bytes)).code,
              ADABIN_OK);
    EXPECT_GT(bytes, kInput);
    ASSERT_EQ(Result(adabin_session_options_set_memory_limit(options.get(), 1)).code, ADABIN_OK);
    adabin_session* none = nullptr;
    const Result refused = adabin_session_create(model.get(), options.get(), &none);
    EXPECT_EQ(refused.code, ADABIN_RESOURCE);
    EXPECT_EQ(refused.message.find("memory_limit 1: one sample needs "), 0u) << refused.message;
  }
}

TEST(CApiDevices, TakePixels) {
  std::vector<uint8_t> pixels(2 * kInput);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 37);
  const float mean[] = {0.5f, 0.25f, 0.125f}, std[] = {0.5f, 0.25f, 1.0f};
  std::vector<float> expected;
  for (const std::string& device : DevicesThatAreThere()) {
    SCOPED_TRACE(device);
    const auto model = LoadOn(device.c_str(), SmallPacked());
    const auto options = SessionOptions(1);
    for (const Result& set :
         {Result(adabin_session_options_set_input_type(options.get(), ADABIN_UINT8)),
          Result(adabin_session_options_set_normalization(options.get(), mean, std, 3))}) {
      ASSERT_EQ(set.code, ADABIN_OK);
    }
    const auto session = Open(model.get(), options.get());
    std::vector<float> got(2 * kOutput);
    const adabin_input in = {pixels.data(), pixels.size()};
    const adabin_output out = {got.data(), got.size() * sizeof(float)};
    ASSERT_EQ(Result(adabin_session_run(session.get(), 2, &in, 1, &out, 1)).code, ADABIN_OK);
    if (expected.empty()) expected = got;
    ExpectNear(got, expected);
  }
}

// An input may be an output, too, and be read by nobody.
TEST(CApiDevices, RunNetworksOfSeveralInputsAndOutputs) {
  MindIrBuilder b({1, 3, 8, 8});
  const std::string x = b.Input(), y = b.AnotherInput("y", {1, 3, 8, 8});
  const std::string sum = b.Node("Add", {x, y});
  b.Output({sum, b.Node("ReLU", {sum}), y});
  const std::vector<float> first = Samples(2, 1), second = Samples(2, 2);
  const size_t bytes = first.size() * sizeof(float);
  for (const std::string& device : DevicesThatAreThere()) {
    SCOPED_TRACE(device);
    const auto model = LoadOn(device.c_str(), b.Serialize());
    const auto session = Open(model.get(), 1);
    std::vector<float> z(first.size()), relu(first.size()), same(first.size());
    const adabin_input in[] = {{first.data(), bytes}, {second.data(), bytes}};
    const adabin_output out[] = {{z.data(), bytes}, {relu.data(), bytes}, {same.data(), bytes}};
    ASSERT_EQ(Result(adabin_session_run(session.get(), 2, in, 2, out, 3)).code, ADABIN_OK);
    EXPECT_EQ(same, second);
    for (size_t i = 0; i < z.size(); ++i) {
      ASSERT_EQ(z[i], first[i] + second[i]);
      ASSERT_EQ(relu[i], std::max(z[i], 0.0f));
    }
  }
}

}  // namespace
}  // namespace adabin::test
