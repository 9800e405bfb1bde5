// SPDX-License-Identifier: Apache-2.0
//
// What the C API says of a network, and what it refuses.
#include "capi.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace adabin::test {
namespace {

std::vector<int64_t> Dims(size_t (*get)(const adabin_model*, size_t, const int64_t**),
                          const adabin_model* model, size_t index) {
  const int64_t* dims = nullptr;
  const size_t rank = get(model, index, &dims);
  return {dims, dims + rank};
}

TEST(CApi, DescribesInputsAndOutputs) {
  const auto model = LoadBytes(SmallMindIr());
  EXPECT_EQ(adabin_model_input_count(model.get()), 1u);
  EXPECT_STREQ(adabin_model_input_name(model.get(), 0), "input_0");
  EXPECT_EQ(adabin_model_input_type(model.get(), 0), ADABIN_FLOAT32);
  EXPECT_EQ(Dims(adabin_model_input_dims, model.get(), 0), (std::vector<int64_t>{-1, 3, 8, 8}));
  EXPECT_EQ(adabin_model_output_count(model.get()), 1u);
  EXPECT_STREQ(adabin_model_output_name(model.get(), 0), "output_0");
  EXPECT_EQ(adabin_model_output_type(model.get(), 0), ADABIN_FLOAT32);
  EXPECT_EQ(Dims(adabin_model_output_dims, model.get(), 0), (std::vector<int64_t>{-1, 5}));
  EXPECT_EQ(adabin_model_binary_layers(model.get()), 2);
  EXPECT_EQ(adabin_model_packed_layers(model.get()), 2);
  EXPECT_STREQ(adabin_version(), ADABIN_VERSION);
}

TEST(CApi, PlanAndProfile) {
  const auto model = LoadBytes(SmallPacked());
  ASSERT_EQ(adabin_model_step_count(model.get()), 6u);
  EXPECT_STREQ(adabin_model_step(model.get(), 5), "Output 5x1x1");
  EXPECT_EQ(adabin_model_step(model.get(), 6), nullptr);
  const auto options = SessionOptions(2);
  ASSERT_EQ(Result(adabin_session_options_set_profile(options.get(), 1)).code, ADABIN_OK);
  const auto session = Open(model.get(), options.get());
  EXPECT_EQ(adabin_session_threads(session.get()), 2);
  EXPECT_EQ(adabin_session_step_milliseconds(session.get(), 0), 0);
  EXPECT_EQ(Outputs(session.get(), Samples(5)), Outputs(Open(model.get(), 2).get(), Samples(5)));
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_GT(adabin_session_step_milliseconds(session.get(), i), 0) << i;
  }
  EXPECT_EQ(adabin_session_step_milliseconds(session.get(), 6), 0);
}

TEST(CApi, KernelsOfThisMachineGiveTheSameBits) {
  const std::string bytes = SmallPacked();
  const auto expected = Outputs(Open(LoadBytes(bytes).get(), 1).get(), Samples(3));
  ASSERT_GE(adabin_kernel_count(), 2u);
  EXPECT_EQ(adabin_kernel_name(adabin_kernel_count()), nullptr);
  EXPECT_EQ(adabin_kernel_supported(adabin_kernel_count()), 0);
  for (size_t i = 0; i < adabin_kernel_count(); ++i) {
    EXPECT_NE(adabin_kernel_description(i), nullptr);
    adabin_model_options* made = nullptr;
    ASSERT_EQ(Result(adabin_model_options_create(&made)).code, ADABIN_OK);
    const Owned<adabin_model_options> options(made);
    const char* name = adabin_kernel_name(i);
    const Result set = adabin_model_options_set_kernel(made, name);
    EXPECT_EQ(set.code, adabin_kernel_supported(i) ? ADABIN_OK : ADABIN_INVALID_ARGUMENT) << name;
    if (set.code != ADABIN_OK) continue;
    adabin_model* model = nullptr;
    ASSERT_EQ(Result(adabin_model_load_bytes(bytes.data(), bytes.size(), made, &model)).code,
              ADABIN_OK);
    const Owned<adabin_model> owned(model);
    EXPECT_STREQ(adabin_model_kernel(model), name);
    EXPECT_EQ(Outputs(Open(model, 1).get(), Samples(3)), expected) << name;
  }
}

TEST(CApi, ASessionKeepsTheModelThatIsReleased) {
  auto model = LoadBytes(SmallPacked());
  const auto expected = Outputs(Open(model.get(), 1).get(), Samples(2));
  const auto session = Open(model.get(), 2);
  model.reset();
  EXPECT_EQ(Outputs(session.get(), Samples(2)), expected);
}

void Invalid(const Result& result, const std::string& part) {
  EXPECT_EQ(result.code, ADABIN_INVALID_ARGUMENT) << part;
  EXPECT_NE(result.message.find(part), std::string::npos) << result.message;
  EXPECT_EQ(result.message.find('\n'), std::string::npos) << result.message;
}

TEST(CApi, NullIsReleasedAndRefused) {
  adabin_status_release(nullptr);
  adabin_model_options_release(nullptr);
  adabin_model_release(nullptr);
  adabin_session_options_release(nullptr);
  adabin_session_release(nullptr);
  adabin_packed_release(nullptr);
  EXPECT_EQ(adabin_status_code(nullptr), ADABIN_OK);
  EXPECT_STREQ(adabin_status_message(nullptr), "");
  const std::string bytes = SmallMindIr();
  const auto model = LoadBytes(bytes);
  const auto session = Open(model.get(), 1);
  const auto options = SessionOptions(1);
  adabin_model* no_model = nullptr;
  adabin_session* no_session = nullptr;
  adabin_packed* no_packed = nullptr;
  size_t number = 0;
  const float one = 1;
  Invalid(adabin_model_options_create(nullptr), "options: is NULL");
  Invalid(adabin_model_options_set_kernel(nullptr, "auto"), "options: is NULL");
  Invalid(adabin_model_options_set_device(nullptr, "CPU", 0), "options: is NULL");
  Invalid(adabin_model_load(nullptr, nullptr, &no_model), "path: is NULL");
  Invalid(adabin_model_load("net", nullptr, nullptr), "model: is NULL");
  Invalid(adabin_model_load_bytes(nullptr, 1, nullptr, &no_model), "bytes: is NULL");
  Invalid(adabin_model_load_bytes(bytes.data(), 1, nullptr, nullptr), "model: is NULL");
  Invalid(adabin_session_options_create(nullptr), "options: is NULL");
  Invalid(adabin_session_options_set_threads(nullptr, 1), "options: is NULL");
  Invalid(adabin_session_options_set_profile(nullptr, 1), "options: is NULL");
  Invalid(adabin_session_options_set_input_type(nullptr, ADABIN_UINT8), "options: is NULL");
  Invalid(adabin_session_options_set_memory_limit(nullptr, 1), "options: is NULL");
  Invalid(adabin_session_options_set_normalization(nullptr, &one, &one, 1), "options: is NULL");
  Invalid(adabin_session_options_set_normalization(options.get(), nullptr, &one, 1), "mean: is");
  Invalid(adabin_session_options_set_normalization(options.get(), &one, nullptr, 1), "std: is");
  Invalid(adabin_model_session_bytes(nullptr, nullptr, 1, &number), "model: is NULL");
  Invalid(adabin_model_session_bytes(model.get(), nullptr, 1, nullptr), "bytes: is NULL");
  Invalid(adabin_session_create(nullptr, nullptr, &no_session), "model: is NULL");
  Invalid(adabin_session_create(model.get(), nullptr, nullptr), "session: is NULL");
  Invalid(adabin_packed_create(nullptr, &no_packed), "path: is NULL");
  Invalid(adabin_packed_create("net", nullptr), "packed: is NULL");
  Invalid(adabin_default_threads(nullptr), "threads: is NULL");
  std::vector<float> input = Samples(1), output(kOutput);
  const adabin_input in = {input.data(), kInput * sizeof(float)};
  const adabin_output out = {output.data(), kOutput * sizeof(float)};
  const adabin_input no_input = {nullptr, kInput * sizeof(float)};
  const adabin_output no_output = {nullptr, kOutput * sizeof(float)};
  Invalid(adabin_session_run(nullptr, 1, &in, 1, &out, 1), "session: is NULL");
  Invalid(adabin_session_run(session.get(), 1, nullptr, 1, &out, 1), "inputs: is NULL");
  Invalid(adabin_session_run(session.get(), 1, &in, 1, nullptr, 1), "outputs: is NULL");
  Invalid(adabin_session_run(session.get(), 1, &no_input, 1, &out, 1), "input_0: is NULL");
  Invalid(adabin_session_run(session.get(), 1, &in, 1, &no_output, 1), "output_0: is NULL");
}

TEST(CApi, GettersAnswerNothingToNullAndToNumbersTooLarge) {
  const auto model = LoadBytes(SmallMindIr());
  for (const adabin_model* each : {static_cast<adabin_model*>(nullptr), model.get()}) {
    const int64_t some = 0;
    const int64_t* dims = &some;
    EXPECT_EQ(adabin_model_input_name(each, 1), nullptr);
    EXPECT_EQ(adabin_model_input_type(each, 1), ADABIN_NO_TYPE);
    EXPECT_EQ(adabin_model_input_dims(each, 1, &dims), 0u);
    EXPECT_EQ(dims, nullptr);
    EXPECT_EQ(adabin_model_output_name(each, 1), nullptr);
    EXPECT_EQ(adabin_model_output_type(each, 1), ADABIN_NO_TYPE);
    EXPECT_EQ(adabin_model_output_dims(each, 1, nullptr), 0u);
    EXPECT_EQ(adabin_model_metadata_key(each, 0), nullptr);
    EXPECT_EQ(adabin_model_metadata_value(each, 0), nullptr);
    EXPECT_EQ(adabin_model_metadata(each, "mean"), nullptr);
    EXPECT_EQ(adabin_model_metadata(each, nullptr), nullptr);
    EXPECT_EQ(adabin_model_step(each, 100), nullptr);
  }
  EXPECT_EQ(adabin_model_input_count(nullptr) + adabin_model_output_count(nullptr), 0u);
  EXPECT_EQ(adabin_model_metadata_count(nullptr) + adabin_model_step_count(nullptr), 0u);
  EXPECT_EQ(adabin_model_kernel(nullptr), nullptr);
  EXPECT_EQ(adabin_model_binary_layers(nullptr) + adabin_model_packed_layers(nullptr), 0);
  EXPECT_EQ(adabin_session_threads(nullptr), 0);
  EXPECT_EQ(adabin_session_input_bytes(nullptr, 0) + adabin_session_output_bytes(nullptr, 0), 0u);
  EXPECT_EQ(adabin_session_step_milliseconds(nullptr, 0), 0);
  EXPECT_EQ(adabin_packed_data(nullptr), nullptr);
  EXPECT_EQ(adabin_packed_size(nullptr) + adabin_packed_step_count(nullptr), 0u);
  EXPECT_EQ(adabin_packed_binary_layers(nullptr), 0);
}

TEST(CApi, WrongNumbersAndSizesAreRefused) {
  const auto model = LoadBytes(SmallMindIr());
  const auto session = Open(model.get(), 1);
  std::vector<float> input = Samples(3), output(3 * kOutput, 7.0f);
  const auto run = [&](size_t samples, size_t in_bytes, size_t out_bytes, size_t in_count = 1,
                       size_t out_count = 1) {
    const adabin_input in[2] = {{input.data(), in_bytes}, {input.data(), in_bytes}};
    const adabin_output out[2] = {{output.data(), out_bytes}, {output.data(), out_bytes}};
    return adabin_session_run(session.get(), samples, in, in_count, out, out_count);
  };
  const size_t in = kInput * sizeof(float), out = kOutput * sizeof(float);
  Invalid(run(0, 0, 0), "samples 0");
  Invalid(run(2, in, 2 * out), "input_0: has 768 bytes for 2 samples; one takes 768");
  Invalid(run(2, 2 * in + 1, 2 * out), "input_0: has 1537 bytes");
  Invalid(run(2, 2 * in, out), "output_0: has 20 bytes for 2 samples; one takes 20");
  Invalid(run(2, 2 * in, 3 * out), "output_0: has 60 bytes");
  Invalid(run(SIZE_MAX / in + 2, in, out), "input_0");  // the product is small again
  Invalid(run(1, in, out, 0), "inputs: the network has 1, not 0");
  Invalid(run(1, in, out, 2), "inputs: the network has 1, not 2");
  Invalid(run(1, in, out, 1, 2), "outputs: the network has 1, not 2");
  const adabin_input odd = {reinterpret_cast<const char*>(input.data()) + 1, in};
  const adabin_output good = {output.data(), out};
  Invalid(adabin_session_run(session.get(), 1, &odd, 1, &good, 1), "multiple of 4");
  EXPECT_EQ(output, std::vector<float>(3 * kOutput, 7.0f));  // nothing was written
  EXPECT_EQ(Result(run(3, 3 * in, 3 * out)).code, ADABIN_OK);
  const auto options = SessionOptions(1);
  Invalid(adabin_session_options_set_threads(options.get(), -1), "threads -1: give 1 to 256");
  Invalid(adabin_session_options_set_threads(options.get(), 257), "threads 257");
  Invalid(adabin_session_options_set_input_type(options.get(), ADABIN_NO_TYPE), "type 0");
  const float numbers[] = {1, 0, -1, NAN};
  for (size_t i = 1; i < 4; ++i) {
    Invalid(adabin_session_options_set_normalization(options.get(), numbers, numbers + i, 1),
            "channel 0");
  }
  Invalid(adabin_session_options_set_normalization(options.get(), numbers, numbers, 0), "channels");
  adabin_model_options* made = nullptr;
  ASSERT_EQ(Result(adabin_model_options_create(&made)).code, ADABIN_OK);
  const Owned<adabin_model_options> owned(made);
  Invalid(adabin_model_options_set_kernel(made, "nonsense"), "kernel nonsense: no such kernel");
  Invalid(adabin_model_options_set_device(made, "Ascend", 0), "device_type Ascend: is not");
  Invalid(adabin_model_options_set_device(made, "CPU", 1), "device_id 1");
}

}  // namespace
}  // namespace adabin::test
