// SPDX-License-Identifier: Apache-2.0
//
// The programs as a user meets them: exit status, the JSON line, files written and not written.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/default_threads.h"
#include "base/file.h"
#include "mindir_builder.h"

namespace adabin {
namespace {

namespace fs = std::filesystem;

struct Result {
  int status = -1;
  std::string out;
  std::string err;
};

class Cli : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "adabin_cli_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    Write("net.mindir", test::SmallNetwork());
    fs::create_directory(dir_ / "in");
    std::mt19937 rng(1);
    const std::vector<float> one = test::NormalFloats(192, &rng);
    const std::vector<float> three = test::NormalFloats(3 * 192, &rng);
    WriteFile(Path("in/a.bin"), one.data(), one.size() * sizeof(float));
    WriteFile(Path("in/b.bin"), three.data(), three.size() * sizeof(float));
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::string Path(const std::string& name) const { return (dir_ / name).string(); }
  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(dir_ / name, std::ios::binary) << bytes;
  }

  Result Run(const std::string& program, const std::string& arguments) {
    const std::string command = "cd " + dir_.string() + " && " + before_ +
                                ADABIN_EMULATOR " " ADABIN_BIN_DIR "/" + program + " " + arguments +
                                " >out.txt 2>err.txt";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadFile(Path("out.txt")),
            ReadFile(Path("err.txt"))};
  }

  nlohmann::json Infer(const std::string& arguments) {
    const Result result = Run("adabin_infer", arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return nlohmann::json::parse(result.out.substr(result.out.rfind('{')));
  }

  // One line on standard error that holds `part`, status 2.
  void Refused(const std::string& program, const std::string& arguments, const std::string& part) {
    const Result result = Run(program, arguments);
    EXPECT_EQ(result.status, 2) << arguments << ": " << result.err;
    EXPECT_EQ(result.err.find('\n'), result.err.size() - 1) << result.err;
    EXPECT_EQ(result.err.rfind(program + ": ", 0), 0u) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << arguments << ": " << result.err;
  }

  fs::path dir_;
  std::string before_;  // shell commands that come first
};

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

TEST_F(Cli, HelpAndList) {
  for (const char* program : {"adabin_infer", "adabin_pack", "adabin_layer"}) {
    const Result result = Run(program, "-h");
    EXPECT_EQ(result.status, 0);
    EXPECT_NE(result.out.find("--model"), std::string::npos);
  }
  const Result list = Run("adabin_infer", "--list_kernels");
  EXPECT_EQ(list.status, 0);
  EXPECT_NE(list.out.find("portable"), std::string::npos);
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
  Refused("adabin_infer", good + "--device_type GPU", "CPU or Ascend");
  EXPECT_FALSE(fs::exists(Path("out")));
}

TEST_F(Cli, BadModels) {
  const std::string rest = " --input in --output out";
  for (const char* program : {"adabin_infer", "adabin_pack"}) {
    const std::string flags = program == std::string("adabin_pack") ? " --output x.adabin" : rest;
    Refused(program, "--model absent.mindir" + flags,
            "absent.mindir: cannot be read (No such file or directory); give an existing file");
  }
  Refused("adabin_infer", "--model in" + rest, "folder");
  Refused("adabin_infer", "--model in/a.bin" + rest, "in/a.bin: not a MindIR");
  const std::string bytes = ReadFile(Path("net.mindir"));
  Write("cut.mindir", bytes.substr(0, bytes.size() / 2));
  Refused("adabin_infer", "--model cut.mindir" + rest, "cut.mindir");
  ASSERT_EQ(Run("adabin_pack", "--model net.mindir --output net.adabin").status, 0);
  std::string packed = ReadFile(Path("net.adabin"));
  Write("cut.adabin", packed.substr(0, packed.size() - 1));
  Refused("adabin_infer", "--model cut.adabin" + rest, "cut.adabin: the packed model should have");
  for (const size_t size : {1, 5}) {  // not even what tells a packed file from a MindIR
    Write("cut.adabin", packed.substr(0, size));
    Refused("adabin_infer", "--model cut.adabin" + rest, "cut.adabin: not a packed model, or only");
  }
  Write("empty.adabin", "");
  Refused("adabin_infer", "--model empty.adabin" + rest, "is empty; copy it again, or write it");
  Write("empty.mindir", "");
  Refused("adabin_infer", "--model empty.mindir" + rest, "is empty; copy it again, or export it");
  packed[packed.size() / 2] ^= 1;
  Write("flip.adabin", packed);
  Refused("adabin_infer", "--model flip.adabin" + rest, "checksum");
  EXPECT_FALSE(fs::exists(Path("out")));
}

TEST_F(Cli, BadInputsWriteNothing) {
  Write("in/z.bin", "not a whole number of samples");
  Refused("adabin_infer", "--model net.mindir --input in --output out", "z.bin");
  fs::remove(Path("in/z.bin"));
  Write("in/z.bin", "");
  Refused("adabin_infer", "--model net.mindir --input in --output out", "z.bin");
  Refused("adabin_infer", "--model net.mindir --input nowhere --output out",
          "--input nowhere: no such file or folder; give a .bin file");
  fs::create_directory(Path("empty"));
  Refused("adabin_infer", "--model net.mindir --input empty --output out",
          "--input empty: holds no .bin file; preprocess.py writes");
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

TEST_F(Cli, PathsThatCannotBeLookedAt) {
  Write("file", "kept");
  fs::create_symlink("loop", Path("loop"));
  Write("x.bin", std::string(4 * 8 * 8 * sizeof(float), '\0'));
  const std::string names[] = {std::string(300, 'a'), "loop", "loop/x", "file/x"};
  for (const std::string& name : names) {
    Refused("adabin_infer", "--model net.mindir --input in --output " + name, "--output");
    Refused("adabin_infer", "--model net.mindir --output out --input " + name, "--input");
    Refused("adabin_infer", "--input in --output out --model " + name, name.substr(0, 100));
    Refused("adabin_pack", "--model net.mindir --output " + name, name.substr(0, 100));
    Refused("adabin_pack", "--output x.adabin --model " + name, name.substr(0, 100));
    Refused("adabin_layer", "--model net.mindir --input x.bin --output " + name,
            name.substr(0, 100));
    Refused("adabin_layer", "--model net.mindir --output out --input " + name, name.substr(0, 100));
  }
  EXPECT_EQ(ReadFile(Path("file")), "kept");
}

TEST_F(Cli, ReplacesItsOwnOutputsOnly) {
  fs::create_directory(Path("out"));
  Write("out/a_0.bin", "old");
  Write("out/a_1.bin", "kept");
  Write("out/c_0.bin", "kept");
  Infer("--model net.mindir --input in --output out");
  EXPECT_EQ(fs::file_size(Path("out/a_0.bin")), 5 * sizeof(float));
  EXPECT_EQ(ReadFile(Path("out/a_1.bin")), "kept");
  EXPECT_EQ(ReadFile(Path("out/c_0.bin")), "kept");
}

TEST_F(Cli, BadOutputs) {
  Write("file", "kept");
  Refused("adabin_infer", "--model net.mindir --input in --output file", "file");
  Refused("adabin_infer", "--model net.mindir --input in --output in", "folder of the input");
  EXPECT_EQ(ReadFile(Path("file")), "kept");
  EXPECT_FALSE(fs::exists(Path("in/a_0.bin")));
  if (geteuid() != 0) {  // root may write anywhere
    fs::create_directory(Path("locked"));
    fs::permissions(Path("locked"), fs::perms::owner_read | fs::perms::owner_exec);
    Refused("adabin_infer", "--model net.mindir --input in --output locked", "not writable");
  }
  // A full disk.
  if (fs::exists("/dev/full")) {
    fs::create_directory(Path("full"));
    const Result result = Run("adabin_pack", "--model net.mindir --output /dev/full");
    EXPECT_EQ(result.status, 2);
  }
}

TEST_F(Cli, PackKeepsExistingFile) {
  Write("net.adabin", "kept");
  Refused("adabin_pack", "--model net.mindir --output net.adabin", "--force");
  EXPECT_EQ(ReadFile(Path("net.adabin")), "kept");
  EXPECT_EQ(Run("adabin_pack", "--model net.mindir --output net.adabin --force").status, 0);
  Refused("adabin_pack", "--model net.adabin --output net.adabin --force", "itself");
  Refused("adabin_pack", "--model net.mindir --output no/such/folder.adabin", "no/such");
}

TEST_F(Cli, Layer) {
  const Result list = Run("adabin_layer", "--model net.mindir --list");
  ASSERT_EQ(list.status, 0);
  const nlohmann::json layers = nlohmann::json::parse(list.out);
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0]["kernel"], (std::vector<int>{3, 3}));
  EXPECT_FLOAT_EQ(layers[1]["high"].get<float>(), -0.5f);
  EXPECT_EQ(layers[0]["bit"], "x >= t");
  EXPECT_EQ(layers[1]["bit"], "not x <= t");
  std::mt19937 rng(2);
  const std::vector<float> x = test::NormalFloats(2 * 4 * 8 * 8, &rng);
  WriteFile(Path("x.bin"), x.data(), x.size() * sizeof(float));
  for (const char* kernel : {"portable", "reference"}) {
    const Result run = Run("adabin_layer", std::string("--model net.mindir --layer 1 --input x.bin "
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
}  // namespace adabin
