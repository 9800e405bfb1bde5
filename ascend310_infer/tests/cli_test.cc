// SPDX-License-Identifier: Apache-2.0
//
// The programs as a user meets them: exit status, the JSON line, flags.
#include "cli.h"

#include <gtest/gtest.h>

#include "base/default_threads.h"

namespace adabin::test {
namespace {

TEST_F(Cli, RunsAFolder) {
  const nlohmann::json json = Infer("--model net.mindir --input in --output out");
  EXPECT_EQ(json["files"], 2);
  EXPECT_EQ(json["samples"], 4);
  EXPECT_EQ(json["binary_layers"], 2);
  EXPECT_EQ(json["binary_layers_packed"], 2);
  for (const char* key : {"model", "kernel", "threads", "load_ms", "latency_ms_median",
                          "latency_ms_min", "peak_memory_mb", "model_bytes"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(fs::file_size(Path("out/a_0.bin")), 5 * sizeof(float));
  EXPECT_EQ(fs::file_size(Path("out/b_0.bin")), 15 * sizeof(float));
  for (const fs::directory_entry& entry : fs::directory_iterator(Path("out"))) {
    EXPECT_EQ(entry.path().extension(), ".bin");
  }
}

TEST_F(Cli, SameBitsFromPackedFileAndAnyThreads) {
  Infer("--model net.mindir --input in --output one --threads 1");
  EXPECT_EQ(Run("adabin_pack", "--model net.mindir --output net.adabin").status, 0);
  for (const char* model : {"net.mindir", "net.adabin"}) {
    for (const char* rest : {"--threads 1", "--threads 2", "--threads 5 --kernel reference",
                             "--threads 3 --warmup 1 --repeat 3"}) {
      Infer(std::string("--model ") + model + " --input in --output other " + rest);
      for (const char* file : {"/a_0.bin", "/b_0.bin"}) {
        EXPECT_EQ(ReadFile(Path(std::string("one") + file)),
                  ReadFile(Path(std::string("other") + file)));
      }
    }
  }
}

// The whole rule is in default_threads_test.cc.
TEST_F(Cli, ThreadsComeFromTheFlagThenFromTheEnvironment) {
  const std::string files = "--model net.mindir --input in --output out ";
  before_ = "export OMP_NUM_THREADS=3 && ";
  EXPECT_EQ(Infer(files)["threads"], 3);
  before_ += "export ADABIN_CPU_THREADS=4 && ";
  EXPECT_EQ(Infer(files)["threads"], 4);
  EXPECT_EQ(Infer(files + "--threads 5")["threads"], 5);
  before_ = "unset ADABIN_CPU_THREADS OMP_NUM_THREADS && ";
  EXPECT_EQ(Infer(files)["threads"], UsableProcessors());
}

TEST_F(Cli, EnvironmentThatIsNoNumberOfThreads) {
  const std::string files = "--model net.mindir --input in --output out ";
  before_ = "export ADABIN_CPU_THREADS=many && ";
  Refused("adabin_infer", files, "ADABIN_CPU_THREADS=many: ");
  EXPECT_FALSE(fs::exists(Path("out")));
  // Whoever gives the flag, or only asks, is not held up.
  EXPECT_EQ(Infer(files + "--threads 2")["threads"], 2);
  EXPECT_NE(Run("adabin_infer", "-h").out.find("ADABIN_CPU_THREADS"), std::string::npos);
}

TEST_F(Cli, FloatKernelCountsNoPackedLayer) {
  const nlohmann::json json =
      Infer("--model net.mindir --input in/a.bin --output out --kernel float");
  EXPECT_EQ(json["binary_layers"], 2);
  EXPECT_EQ(json["binary_layers_packed"], 0);
  EXPECT_EQ(json["kernel"], "float");
}

TEST_F(Cli, TheReferenceRunsTheNetworkAsItWasExported) {
  const std::string reference =
      "--input in --output out --device_type Reference --threads 2 --profile ";
  EXPECT_EQ(Run("adabin_pack", "--model net.mindir --output net.adabin").status, 0);
  Infer("--model net.mindir --input in --output fast");
  for (const std::string model : {"--model net.mindir ", "--model net.adabin "}) {
    const nlohmann::json json = Infer(model + reference);
    EXPECT_EQ(json["device"], "Reference");
    EXPECT_EQ(json["threads"], 1);
    EXPECT_EQ(json["binary_layers"], 2);
    EXPECT_EQ(json["binary_layers_packed"], 0);
    const std::vector<float> got = ReadFloats(Path("out/b_0.bin"));
    const std::vector<float> fast = ReadFloats(Path("fast/b_0.bin"));
    ASSERT_EQ(got.size(), fast.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], fast[i], 1e-4) << i;
  }
  const Ended plan = Run("adabin_infer", "--model net.adabin --dump_plan --device_type Reference");
  EXPECT_NE(plan.out.find("BinaryConv 3x3 4x8x8 -> 4x8x8\n"), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find("Affine"), std::string::npos) << plan.out;
  Refused("adabin_infer", "--model net.mindir " + reference + "--kernel reference", "leave it out");
}

TEST_F(Cli, HelpAndList) {
  for (const char* program : {"adabin_infer", "adabin_pack", "adabin_layer"}) {
    const Ended result = Run(program, "-h");
    EXPECT_EQ(result.status, 0);
    EXPECT_NE(result.out.find("--model"), std::string::npos);
  }
  const Ended list = Run("adabin_infer", "--list_kernels");
  EXPECT_EQ(list.status, 0);
  EXPECT_NE(list.out.find("portable"), std::string::npos);
  const Ended devices = Run("adabin_infer", "--list_devices");
  EXPECT_EQ(devices.status, 0);
  for (const char* device : {"CPU: ", "Reference: ", "Ascend: is not implemented"}) {
    EXPECT_NE(devices.out.find(device), std::string::npos);
  }
}

TEST_F(Cli, BadFlags) {
  const std::string good = "--model net.mindir --input in --output out ";
  Refused("adabin_infer", "", "--model");
  Refused("adabin_infer", "--model net.mindir --input in", "--output");
  Refused("adabin_infer", good + "--kernel nonsense", "portable");
  Refused("adabin_infer", good + "--threads 0", "--threads");
  Refused("adabin_infer", good + "--threads x", "--threads");
  Refused("adabin_infer", good + "--threads 257", "--threads");
  Refused("adabin_infer", good + "--repeat 0", "--repeat");
  Refused("adabin_infer", good + "--nonsense 1", "--nonsense");
  Refused("adabin_infer", good + "--device_type Ascend", "MindSpore Lite");
  Refused("adabin_infer", good + "--device_type GPU", "is none of CPU, Reference, Ascend");
  EXPECT_FALSE(fs::exists(Path("out")));
}

// The sanitizer needs all addresses for itself.
#if !defined(__SANITIZE_ADDRESS__)
TEST_F(Cli, ThreadsThatCannotStart) {
  before_ = "ulimit -v 300000 && ";
  Refused("adabin_infer", "--model net.mindir --input in --output out --threads 256",
          "--threads 256: only ");
}
#endif

TEST_F(Cli, Layer) {
  const Ended list = Run("adabin_layer", "--model net.mindir --list");
  ASSERT_EQ(list.status, 0);
  const nlohmann::json layers = nlohmann::json::parse(list.out);
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0]["kernel"], (std::vector<int>{3, 3}));
  EXPECT_FLOAT_EQ(layers[1]["high"].get<float>(), -0.5f);
  EXPECT_EQ(layers[0]["bit"], "x >= t");
  EXPECT_EQ(layers[1]["bit"], "not x <= t");
  std::mt19937 rng(2);
  const std::vector<float> x = NormalFloats(2 * 4 * 8 * 8, &rng);
  WriteFile(Path("x.bin"), x.data(), x.size() * sizeof(float));
  for (const char* kernel : {"portable", "reference"}) {
    const Ended run = Run("adabin_layer", std::string("--model net.mindir --layer 1 --input x.bin "
                                                      "--output ") +
                                              kernel + " --kernel " + kernel);
    ASSERT_EQ(run.status, 0) << run.err;
  }
  const std::string bits = ReadFile(Path("portable/bits.bin"));
  ASSERT_EQ(bits.size(), x.size());
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(bits[i], x[i] >= -0.2f ? 1 : 0);
  EXPECT_EQ(fs::file_size(Path("portable/conv.bin")), 2 * 8 * 4 * 4 * sizeof(float));
  EXPECT_EQ(ReadFile(Path("portable/conv.bin")), ReadFile(Path("reference/conv.bin")));
  Refused("adabin_layer", "--model net.mindir --layer 2 --input x.bin --output o", "2 binary");
}

}  // namespace
}  // namespace adabin::test
