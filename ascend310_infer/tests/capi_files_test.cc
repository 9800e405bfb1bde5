// SPDX-License-Identifier: Apache-2.0
//
// The C API and what comes from outside: model files, good and damaged, their descriptions, pixels.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "capi.h"

namespace adabin::test {
namespace {

adabin_code LoadCode(const std::string& bytes) {
  adabin_model* model = nullptr;
  const Result result = adabin_model_load_bytes(bytes.data(), bytes.size(), nullptr, &model);
  EXPECT_EQ(model == nullptr, result.code != ADABIN_OK);
  EXPECT_EQ(result.message.empty(), result.code == ADABIN_OK);
  adabin_model_release(model);
  return result.code;
}

TEST(CApiFiles, BothFormatsFromMemoryAndFromAFileGiveTheSameBits) {
  const Folder folder;
  const auto expected = Outputs(Open(LoadBytes(SmallMindIr()).get(), 1).get(), Samples(2));
  EXPECT_EQ(Outputs(Open(LoadBytes(SmallPacked()).get(), 1).get(), Samples(2)), expected);
  for (const std::string& path :
       {folder.Write("net.mindir", SmallMindIr()), folder.Write("net.adabin", SmallPacked())}) {
    adabin_model* model = nullptr;
    ASSERT_EQ(Result(adabin_model_load(path.c_str(), nullptr, &model)).code, ADABIN_OK);
    const Owned<adabin_model> owned(model);
    EXPECT_EQ(Outputs(Open(model, 2).get(), Samples(2)), expected);
  }
}

// Wherever the bytes begin, and whatever becomes of them behind the call.
TEST(CApiFiles, BytesAreTheCallersAgainOnceAModelIsLoaded) {
  const auto expected = Outputs(Open(LoadBytes(SmallPacked()).get(), 1).get(), Samples(2));
  for (size_t begin = 0; begin < 5; ++begin) {
    std::string bytes = std::string(begin, 'x') + SmallPacked();
    adabin_model* model = nullptr;
    ASSERT_EQ(
        Result(adabin_model_load_bytes(bytes.data() + begin, bytes.size() - begin, nullptr, &model))
            .code,
        ADABIN_OK);
    const Owned<adabin_model> owned(model);
    bytes.assign(bytes.size(), '\xff');
    EXPECT_EQ(Outputs(Open(model, 1).get(), Samples(2)), expected) << begin;
  }
}

TEST(CApiFiles, DamagedBytesAreRefused) {
  const std::string packed = SmallPacked();
  EXPECT_EQ(LoadCode(packed), ADABIN_OK);
  EXPECT_EQ(LoadCode(""), ADABIN_MODEL);
  for (size_t size = 1; size < packed.size(); size += 1 + size / 16) {
    EXPECT_EQ(LoadCode(packed.substr(0, size)), ADABIN_MODEL) << size;
  }
  for (size_t at = 0; at < packed.size(); at += 1 + at / 16) {
    std::string damaged = packed;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    EXPECT_EQ(LoadCode(damaged), ADABIN_MODEL) << at;
  }
  const std::string mindir = SmallMindIr();
  for (size_t size = 1; size < mindir.size(); size += 1 + size / 16) {
    EXPECT_EQ(LoadCode(mindir.substr(0, size)), ADABIN_MODEL) << size;
  }
}

TEST(CApiFiles, FilesThatCannotBeReadAreToldFromDamagedOnes) {
  const Folder folder;
  adabin_model* model = nullptr;
  adabin_packed* packed = nullptr;
  const std::string none = folder.Write("x", "") + ".none";
  Result result = adabin_model_load(none.c_str(), nullptr, &model);
  EXPECT_EQ(result.code, ADABIN_FILE);
  EXPECT_NE(result.message.find("x.none: cannot be read"), std::string::npos) << result.message;
  EXPECT_EQ(Result(adabin_packed_create(none.c_str(), &packed)).code, ADABIN_FILE);
  const std::string damaged = folder.Write("net.adabin", SmallPacked().substr(0, 200));
  result = adabin_model_load(damaged.c_str(), nullptr, &model);
  EXPECT_EQ(result.code, ADABIN_MODEL);
  EXPECT_NE(result.message.find("net.adabin: the packed model should have"), std::string::npos);
  EXPECT_EQ(Result(adabin_packed_create(damaged.c_str(), &packed)).code, ADABIN_MODEL);
  EXPECT_EQ(model, nullptr);
  EXPECT_EQ(packed, nullptr);
}

// The YAML that Python writes, in all its quotes.
constexpr char kDescription[] =
    "# Written by export.py: what it is\n"
    "image_size: 8\n"
    "class_names:\n- car\n- 'it''s: 3'\n- \"caf\\xE9\\u2713\\\"\"\n- a long name that\n  goes on\n"
    "data_path: ''\n"
    "mean: [0.485, 0.456, 0.406]\n"
    "std:\n- 0.229\n- 0.224\n- 0.225\n"
    "decode:\n  variances: [0.1, 0.2]\n  steps: 3\n"
    "maps:\n- side: 1\n  steps: [1, 2]\n- side: 2\n"
    "steps: []\n"
    "note: one\n  two\n";

Owned<adabin_model> Described(const Folder& folder, const std::string& text) {
  const std::string path = folder.Write("net.adabin", SmallPacked());
  folder.Write("net.yaml", text);
  adabin_model* model = nullptr;
  EXPECT_EQ(Result(adabin_model_load(path.c_str(), nullptr, &model)).code, ADABIN_OK);
  return Owned<adabin_model>(model);
}

TEST(CApiFiles, TheDescriptionBesideAFileIsItsMetadata) {
  const auto model = Described(Folder(), kDescription);
  const auto value = [&](const char* key) {
    const char* text = adabin_model_metadata(model.get(), key);
    return std::string(text == nullptr ? "(none)" : text);
  };
  EXPECT_EQ(value("image_size"), "8");
  EXPECT_EQ(value("class_names"),
            "car\nit's: 3\ncaf\xc3\xa9\xe2\x9c\x93\"\na long name that goes on");
  EXPECT_EQ(value("data_path"), "");
  EXPECT_EQ(value("mean"), "0.485\n0.456\n0.406");
  EXPECT_EQ(value("std"), "0.229\n0.224\n0.225");
  EXPECT_EQ(value("decode"), "  variances: [0.1, 0.2]\n  steps: 3");
  EXPECT_EQ(value("maps"), "- side: 1\n  steps: [1, 2]\n- side: 2");
  EXPECT_EQ(value("steps"), "");
  EXPECT_EQ(value("note"), "one two");
  EXPECT_EQ(value("absent"), "(none)");
  ASSERT_EQ(adabin_model_metadata_count(model.get()), 9u);
  EXPECT_STREQ(adabin_model_metadata_key(model.get(), 1), "class_names");
  EXPECT_STREQ(adabin_model_metadata_value(model.get(), 0), "8");
  EXPECT_EQ(adabin_model_metadata_count(Described(Folder(), "").get()), 0u);
  EXPECT_EQ(adabin_model_metadata_count(Described(Folder(), "\x01:\n- \n\n:::\n\tx").get()), 2u);
}

// A network that MindSpore has exported, and what is told of it from a file and from memory.
TEST(CApiFiles, APackedFileHoldsWhatLiesBesideTheMindIr) {
  const Folder folder;
  std::ifstream file(ADABIN_GOLDEN_DIR "/network/model.mindir", std::ios::binary);
  const std::string network{std::istreambuf_iterator<char>(file), {}};
  const std::string mindir = folder.Write("net.mindir", network);
  folder.Write("net.yaml", kDescription);
  const auto load = [](const std::string& path) {
    adabin_model* model = nullptr;
    EXPECT_EQ(Result(adabin_model_load(path.c_str(), nullptr, &model)).code, ADABIN_OK);
    return Owned<adabin_model>(model);
  };
  const auto pack = [](const std::string& path) {
    adabin_packed* packed = nullptr;
    EXPECT_EQ(Result(adabin_packed_create(path.c_str(), &packed)).code, ADABIN_OK);
    const Owned<adabin_packed> owned(packed);
    EXPECT_EQ(adabin_packed_described(packed), 1);
    return std::string(static_cast<const char*>(adabin_packed_data(packed)),
                       adabin_packed_size(packed));
  };
  const std::string packed = pack(mindir);
  EXPECT_EQ(pack(folder.Write("alone.adabin", packed)), packed);
  folder.Write("other.yaml", "image_size: 9\n");  // the file's own comes first
  const auto original = load(mindir);
  const Owned<adabin_model> copies[] = {LoadBytes(packed),
                                        load(folder.Write("other.adabin", packed)),
                                        load(folder.Write("copy.adabin", packed))};
  EXPECT_STREQ(adabin_model_description(original.get()), kDescription);
  EXPECT_STREQ(adabin_model_input_name(original.get(), 0), "x");  // of construct(self, x)
  EXPECT_STREQ(adabin_model_output_name(original.get(), 0), "output_0");
  for (const auto& copy : copies) {
    EXPECT_STREQ(adabin_model_description(copy.get()), kDescription);
    EXPECT_STREQ(adabin_model_metadata(copy.get(), "image_size"), "8");
    EXPECT_EQ(adabin_model_metadata_count(copy.get()), 9u);
    EXPECT_STREQ(adabin_model_input_name(copy.get(), 0), "x");
    EXPECT_STREQ(adabin_model_output_name(copy.get(), 0), "output_0");
  }
  EXPECT_EQ(adabin_model_description(LoadBytes(network).get()), nullptr);
  EXPECT_EQ(adabin_model_description(nullptr), nullptr);
  EXPECT_EQ(adabin_packed_described(nullptr), 0);
}

std::vector<float> RunPixels(const adabin_model* model, const adabin_session_options* options,
                             const std::vector<uint8_t>& pixels) {
  const auto session = Open(model, options);
  EXPECT_EQ(adabin_session_input_bytes(session.get(), 0), kInput);
  std::vector<float> output(pixels.size() / kInput * kOutput);
  const adabin_input in = {pixels.data(), pixels.size()};
  const adabin_output out = {output.data(), output.size() * sizeof(float)};
  const Result result = adabin_session_run(session.get(), pixels.size() / kInput, &in, 1, &out, 1);
  EXPECT_EQ(result.code, ADABIN_OK) << result.message;
  return output;
}

TEST(CApiFiles, PixelsAreNormalizedAsPreprocessingDoes) {
  const float mean[] = {0.485f, 0.456f, 0.406f}, std[] = {0.229f, 0.224f, 0.225f};
  constexpr size_t kCount = 5;
  std::vector<uint8_t> pixels(kCount * kInput);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 37 % 256);
  std::vector<float> floats(pixels.size());
  for (size_t n = 0; n < kCount; ++n) {
    for (size_t at = 0; at < 64; ++at) {
      for (size_t c = 0; c < 3; ++c) {
        const auto v = static_cast<float>(pixels[n * kInput + at * 3 + c]);
        floats[n * kInput + c * 64 + at] = (v / 255.0f - mean[c]) / std[c];
      }
    }
  }
  const auto model = Described(Folder(), kDescription);
  const auto expected = Outputs(Open(model.get(), 1).get(), floats);
  for (const int threads : {1, 2, 3}) {
    const auto options = SessionOptions(threads);
    ASSERT_EQ(Result(adabin_session_options_set_input_type(options.get(), ADABIN_UINT8)).code,
              ADABIN_OK);
    EXPECT_EQ(RunPixels(model.get(), options.get(), pixels), expected);
    // Given with the options, they need no metadata.
    const auto bare = LoadBytes(SmallPacked());
    adabin_session* session = nullptr;
    const Result refused = adabin_session_create(bare.get(), options.get(), &session);
    EXPECT_EQ(refused.code, ADABIN_INVALID_ARGUMENT);
    EXPECT_NE(refused.message.find("no mean in its metadata"), std::string::npos);
    ASSERT_EQ(Result(adabin_session_options_set_normalization(options.get(), mean, std, 2)).code,
              ADABIN_OK);
    EXPECT_EQ(Result(adabin_session_create(bare.get(), options.get(), &session)).code,
              ADABIN_INVALID_ARGUMENT);
    ASSERT_EQ(Result(adabin_session_options_set_normalization(options.get(), mean, std, 3)).code,
              ADABIN_OK);
    EXPECT_EQ(RunPixels(bare.get(), options.get(), pixels), expected);
  }
}

TEST(CApiFiles, MetadataThatIsNoNormalizationIsRefused) {
  for (const char* text : {"mean: x\nstd: 1\n", "mean: [0, 0, 0]\nstd: [1, 1, 0]\n", "std: 1\n"}) {
    const auto model = Described(Folder(), text);
    const auto options = SessionOptions(1);
    ASSERT_EQ(Result(adabin_session_options_set_input_type(options.get(), ADABIN_UINT8)).code,
              ADABIN_OK);
    adabin_session* session = nullptr;
    EXPECT_EQ(Result(adabin_session_create(model.get(), options.get(), &session)).code,
              ADABIN_INVALID_ARGUMENT)
        << text;
    EXPECT_EQ(session, nullptr);
  }
}

}  // namespace
}  // namespace adabin::test
