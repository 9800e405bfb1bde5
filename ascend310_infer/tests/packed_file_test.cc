// SPDX-License-Identifier: Apache-2.0
#include "files/packed_file.h"

#include <gtest/gtest.h>

#include "backend/cpu_backend.h"
#include "base/error.h"
#include "lowered.h"
#include "mindir_builder.h"
#include "packed_bytes.h"

namespace adabin {
namespace {

graph::Plan SmallPlan() { return test::NetworkOf(test::SmallNetwork()); }

bool Refused(const std::string& bytes) { return !test::Refusal(bytes).empty(); }

TEST(PackedFile, RoundTripIsTheSamePlan) {
  const graph::Plan plan = SmallPlan();
  const std::string bytes = files::WritePackedFile(plan);
  EXPECT_TRUE(files::IsPackedFile(bytes));
  EXPECT_EQ(files::ReadPackedFile(bytes), plan);
  EXPECT_EQ(files::WritePackedFile(files::ReadPackedFile(bytes)), bytes);
}

TEST(PackedFile, OutputsAreBitIdenticalForAnyKernelAndThreads) {
  const graph::Plan plan = passes::Simplify(SmallPlan());
  const graph::Plan packed =
      passes::Simplify(files::ReadPackedFile(files::WritePackedFile(SmallPlan())));
  EXPECT_EQ(packed, plan);
  std::mt19937 rng(12);
  const size_t samples = 5;
  const std::vector<float> input = test::NormalFloats(samples * plan.input.size(), &rng);
  std::vector<std::vector<float>> expected;
  for (const std::string kernel : {"reference", "portable", "float"}) {
    for (const int threads : {1, 2, 3, 8}) {
      for (const graph::Plan* source : {&plan, &packed}) {
        backend::Options options;
        options.kernel = kernel;
        options.threads = threads;
        backend::CpuBackend backend(*source, options);
        EXPECT_EQ(backend.info().binary_layers, 2);
        EXPECT_EQ(backend.info().binary_layers_packed, kernel == "float" ? 0 : 2);
        std::vector<std::vector<float>> outputs;
        backend.Run(input.data(), samples, &outputs);
        if (expected.empty()) expected = outputs;
        if (kernel != "float") {
          EXPECT_EQ(outputs, expected) << kernel << " " << threads;
        } else {
          for (size_t i = 0; i < outputs[0].size(); ++i) {
            EXPECT_NEAR(outputs[0][i], expected[0][i], 1e-4);
          }
        }
      }
    }
  }
}

TEST(PackedFile, EveryTruncationAndFlipIsRefused) {
  std::string bytes = files::WritePackedFile(SmallPlan());
  for (size_t size = 0; size < bytes.size(); ++size) ASSERT_TRUE(Refused(bytes.substr(0, size)));
  EXPECT_TRUE(Refused(bytes + '\0'));
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const int mask : {0x01, 0x80, 0xff}) {
      bytes[i] = static_cast<char>(bytes[i] ^ mask);
      ASSERT_TRUE(Refused(bytes)) << "byte " << i;
      bytes[i] = static_cast<char>(bytes[i] ^ mask);
    }
  }
}

// As the specification of XXH3 has it of nothing.
TEST(PackedFile, ChecksumIsXxh3) {
  std::string bytes(24, '\0');
  files::Sign(&bytes);
  EXPECT_EQ(bytes.substr(16), "\xc2\x94\xd3\x38\x05\x80\x06\x2d");
}

// With a right checksum: the part of the file that says where its sections lie.
TEST(PackedFile, SectionsThatLieAreRefused) {
  const std::string bytes = files::WritePackedFile(SmallPlan(), "image_size: 8\n");
  const files::Sections sections = files::ReadContainer(bytes);
  const auto end = static_cast<size_t>(sections.at(files::Section::kNetwork).data() - bytes.data());
  for (size_t i = 24; i < end; ++i) {
    for (const int value : {0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(value);
      files::Sign(&changed);
      // Zeros between header and sections mean nothing, and a description is not looked for.
      if (Refused(changed)) continue;
      EXPECT_EQ(files::ReadPackedFile(changed), SmallPlan()) << i << " " << value;
    }
  }
}

TEST(PackedFile, SectionsOfALaterProgramAreLeftAlone) {
  const std::string bytes = files::WritePackedFile(SmallPlan());
  files::Sections sections = files::ReadContainer(bytes);
  sections[files::Section{99}] = "whatever";
  EXPECT_EQ(files::ReadPackedFile(files::WriteContainer(sections)), SmallPlan());
  sections.erase(files::Section::kNetwork);
  EXPECT_TRUE(Refused(files::WriteContainer(sections)));
}

TEST(PackedFile, DescriptionAndNamesAreKept) {
  graph::Plan plan = SmallPlan();
  plan.input_names = {"image"};
  plan.output_names = {"scores"};
  std::string description;
  EXPECT_EQ(files::ReadPackedFile(files::WritePackedFile(plan, "a: 1\n"), &description), plan);
  EXPECT_EQ(description, "a: 1\n");
  plan.output_names.clear();
  EXPECT_EQ(files::ReadPackedFile(files::WritePackedFile(plan), &description), plan);
  EXPECT_EQ(description, "");
  const std::string control("\0\n\x7f", 3);
  for (const char c : control) {
    plan.input_names[0][2] = c;
    EXPECT_TRUE(Refused(files::WritePackedFile(plan)));
  }
}

TEST(PackedFile, NamesOfAllInputsAreKept) {
  graph::Plan plan = test::PlanOfEveryKind();
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{"image", "mask"}, {"image", ""}, {"", "mask"}}) {
    plan.input_names = names;
    EXPECT_EQ(files::ReadPackedFile(files::WritePackedFile(plan)), plan);
  }
  // As many as the network has inputs.
  const std::string bytes = files::WritePackedFile(plan);  // what the sections are views of
  files::Sections sections = files::ReadContainer(bytes);
  graph::Plan one = SmallPlan();
  one.input_names = {"image"};
  const std::string other = files::WritePackedFile(one);
  sections[files::Section::kNames] = files::ReadContainer(other)[files::Section::kNames];
  EXPECT_TRUE(Refused(files::WriteContainer(sections)));
}

TEST(PackedFile, OtherVersionIsNamed) {
  std::string bytes = files::WritePackedFile(SmallPlan());
  bytes[8] = 3;
  EXPECT_EQ(test::Refusal(bytes),
            "packed model version 3, this program reads 4; pack the network again with "
            "adabin_pack");
  bytes[8] = 5;
  EXPECT_EQ(test::Refusal(bytes),
            "packed model version 5, this program reads 4; build a newer version of it");
}

TEST(PackedFile, ACopyAsTextIsRecognized) {
  std::string bytes = files::WritePackedFile(SmallPlan());
  for (size_t at = 0; (at = bytes.find("\r\n", at)) != std::string::npos;) bytes.erase(at, 1);
  EXPECT_NE(test::Refusal(bytes).find("as text"), std::string::npos) << test::Refusal(bytes);
}

}  // namespace
}  // namespace adabin
