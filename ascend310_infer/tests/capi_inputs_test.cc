// SPDX-License-Identifier: Apache-2.0
//
// Networks of several inputs: each part gives what it gives as a network of its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "capi.h"
#include "mindir_builder.h"

namespace adabin::test {
namespace {

using Floats = std::vector<float>;

// Values per sample of the inputs and outputs below.
constexpr size_t kIns[] = {3 * 64, 4 * 64, 2, 5};
constexpr size_t kOuts[] = {4 * 64, 6 * 64, 5, 4 * 64};

std::string FloatConv(MindIrBuilder* b, const std::string& x) {
  std::mt19937 rng(1);
  MindIrBuilder::Conv conv;
  conv.weight_shape = {4, 3, 3, 3};
  conv.weights = NormalFloats(4 * 3 * 9, &rng);
  conv.pad = {1, 1, 1, 1};
  return b->Conv2D(x, conv);
}

std::string BinaryConv(MindIrBuilder* b, const std::string& x) {
  std::mt19937 rng(2);
  MindIrBuilder::Conv conv;
  conv.weight_shape = {6, 4, 3, 3};
  conv.weights = TwoValuedWeights(conv.weight_shape, &rng);
  conv.pad = {1, 1, 1, 1};
  return b->Conv2D(b->Binarize(x, 0.25f, 1, -1), conv);
}

// An image, a map that several read, a vector that nobody reads and one that one does.
std::string FourInputs(const std::string& prefix = "") {
  MindIrBuilder b({2, 3, 8, 8});
  const std::string y = b.AnotherInput(prefix + "y", {2, 4, 8, 8});
  b.AnotherInput(prefix + "unread", {2, 2});
  const std::string z = b.AnotherInput(prefix + "z", {2, 5});
  b.Output(
      {b.Node("Add", {FloatConv(&b, b.Input()), y}), BinaryConv(&b, y), b.Node("ReLU", {z}), y});
  return b.Serialize();
}

template <typename Part>
std::string OneInput(const std::vector<int64_t>& shape, Part part) {
  MindIrBuilder b(shape);
  b.Output({part(&b, b.Input())});
  return b.Serialize();
}

std::string Packed(const std::string& mindir) {
  const Folder folder;
  adabin_packed* packed = nullptr;
  EXPECT_EQ(Result(adabin_packed_create(folder.Write("net.mindir", mindir).c_str(), &packed)).code,
            ADABIN_OK);
  const Owned<adabin_packed> owned(packed);
  return {static_cast<const char*>(adabin_packed_data(packed)), adabin_packed_size(packed)};
}

std::vector<Floats> Inputs(size_t samples) {
  std::mt19937 rng(3);
  std::vector<Floats> inputs;
  for (const size_t size : kIns) inputs.push_back(NormalFloats(samples * size, &rng));
  return inputs;
}

std::vector<Floats> RunAll(adabin_session* session, size_t samples) {
  const std::vector<Floats> inputs = Inputs(samples);
  std::vector<adabin_input> in;
  for (const Floats& input : inputs) in.push_back({input.data(), input.size() * sizeof(float)});
  std::vector<Floats> outputs;
  for (const size_t size : kOuts) outputs.emplace_back(samples * size);
  std::vector<adabin_output> out;
  for (Floats& output : outputs) out.push_back({output.data(), output.size() * sizeof(float)});
  const Result result = adabin_session_run(session, samples, in.data(), in.size(), out.data(), 4);
  EXPECT_EQ(result.message, "");
  return outputs;
}

Floats Alone(const std::string& mindir, const Floats& input) {
  return Outputs(Open(LoadBytes(mindir).get(), 1).get(), input);
}

TEST(CApiInputs, EachPartGivesWhatItGivesAlone) {
  constexpr size_t kSamples = 5;
  const std::vector<Floats> inputs = Inputs(kSamples);
  const Floats conv = Alone(OneInput({2, 3, 8, 8}, FloatConv), inputs[0]);
  const Floats binary = Alone(OneInput({2, 4, 8, 8}, BinaryConv), inputs[1]);
  for (const std::string& bytes : {FourInputs(), Packed(FourInputs())}) {
    const auto model = LoadBytes(bytes);
    EXPECT_EQ(adabin_model_packed_layers(model.get()), 1);
    for (const int threads : {1, 2, 3}) {  // a sample each, and the last ones shared
      const std::vector<Floats> found = RunAll(Open(model.get(), threads).get(), kSamples);
      for (size_t i = 0; i < conv.size(); ++i) {
        ASSERT_FLOAT_EQ(found[0][i], conv[i] + inputs[1][i]) << i;
      }
      EXPECT_EQ(found[1], binary);
      for (size_t i = 0; i < inputs[3].size(); ++i) {
        ASSERT_EQ(found[2][i], std::max(inputs[3][i], 0.0f));
      }
      EXPECT_EQ(found[3], inputs[1]);
    }
  }
}

TEST(CApiInputs, AreDescribedByNumber) {
  for (const std::string& bytes : {FourInputs("graph:"), Packed(FourInputs("graph:"))}) {
    const auto model = LoadBytes(bytes);
    ASSERT_EQ(adabin_model_input_count(model.get()), 4u);
    const char* const names[] = {"input_0", "y", "unread", "z"};
    const auto session = Open(model.get(), 1);
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_STREQ(adabin_model_input_name(model.get(), i), names[i]);
      EXPECT_EQ(adabin_model_input_type(model.get(), i), ADABIN_FLOAT32);
      EXPECT_EQ(adabin_session_input_bytes(session.get(), i), kIns[i] * sizeof(float));
    }
    const int64_t* dims = nullptr;
    ASSERT_EQ(adabin_model_input_dims(model.get(), 1, &dims), 4u);
    EXPECT_EQ(std::vector<int64_t>(dims, dims + 4), (std::vector<int64_t>{-1, 4, 8, 8}));
    ASSERT_EQ(adabin_model_input_dims(model.get(), 3, &dims), 2u);
    EXPECT_EQ(std::vector<int64_t>(dims, dims + 2), (std::vector<int64_t>{-1, 5}));
    EXPECT_EQ(adabin_model_input_name(model.get(), 4), nullptr);
  }
}

TEST(CApiInputs, OtherNumbersAndSizesAreRefused) {
  const auto model = LoadBytes(FourInputs());
  const auto session = Open(model.get(), 1);
  const std::vector<Floats> inputs = Inputs(1);
  std::vector<adabin_input> in;
  for (const Floats& input : inputs) in.push_back({input.data(), input.size() * sizeof(float)});
  std::vector<Floats> outputs;
  for (const size_t size : kOuts) outputs.emplace_back(size);
  std::vector<adabin_output> out;
  for (Floats& output : outputs) out.push_back({output.data(), output.size() * sizeof(float)});
  const auto run = [&](size_t count) {
    return Result(adabin_session_run(session.get(), 1, in.data(), count, out.data(), 4)).message;
  };
  EXPECT_EQ(run(4), "");
  EXPECT_EQ(run(1), "inputs: the network has 4, not 1");
  in[1].bytes -= sizeof(float);
  EXPECT_EQ(run(4), "input_1: has 1020 bytes for 1 sample; one takes 1024");
  in[1] = {nullptr, 1024};
  EXPECT_NE(run(4).find("input_1: is NULL"), std::string::npos);
}

TEST(CApiInputs, PixelsAreForNetworksOfOne) {
  const auto model = LoadBytes(FourInputs());
  const auto options = SessionOptions(1);
  const float numbers[] = {1, 1, 1};
  ASSERT_EQ(Result(adabin_session_options_set_input_type(options.get(), ADABIN_UINT8)).code,
            ADABIN_OK);
  ASSERT_EQ(
      Result(adabin_session_options_set_normalization(options.get(), numbers, numbers, 3)).code,
      ADABIN_OK);
  adabin_session* session = nullptr;
  const Result result = adabin_session_create(model.get(), options.get(), &session);
  EXPECT_EQ(result.code, ADABIN_INVALID_ARGUMENT);
  EXPECT_NE(result.message.find("the network has 4 inputs"), std::string::npos);
}

TEST(CApiInputs, HaveOneBatch) {
  MindIrBuilder b({2, 3, 8, 8});
  b.Output({b.Node("Add", {b.Input(), b.AnotherInput("y", {1, 3, 8, 8})})});
  const std::string bytes = b.Serialize();
  adabin_model* model = nullptr;
  const Result result = adabin_model_load_bytes(bytes.data(), bytes.size(), nullptr, &model);
  EXPECT_EQ(result.code, ADABIN_MODEL);
  EXPECT_NE(result.message.find("input 1 has another batch"), std::string::npos);
}

}  // namespace
}  // namespace adabin::test
