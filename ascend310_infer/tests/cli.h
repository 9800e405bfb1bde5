// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the programs share: a folder with a network and inputs, and how programs end.
#ifndef ADABIN_TESTS_CLI_H_
#define ADABIN_TESTS_CLI_H_

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/write_file.h"
#include "mindir_builder.h"

namespace adabin::test {

namespace fs = std::filesystem;

struct Ended {
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
    Write("net.mindir", SmallNetwork());
    fs::create_directory(dir_ / "in");
    std::mt19937 rng(1);
    const std::vector<float> one = NormalFloats(192, &rng);
    const std::vector<float> three = NormalFloats(3 * 192, &rng);
    WriteFile(Path("in/a.bin"), one.data(), one.size() * sizeof(float));
    WriteFile(Path("in/b.bin"), three.data(), three.size() * sizeof(float));
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::string Path(const std::string& name) const { return (dir_ / name).string(); }
  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(dir_ / name, std::ios::binary) << bytes;
  }

  Ended Run(const std::string& program, const std::string& arguments) {
    const std::string command = "cd " + dir_.string() + " && " + before_ +
                                ADABIN_EMULATOR " " ADABIN_BIN_DIR "/" + program + " " + arguments +
                                " >out.txt 2>err.txt";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadFile(Path("out.txt")),
            ReadFile(Path("err.txt"))};
  }

  nlohmann::json Infer(const std::string& arguments) {
    const Ended result = Run("adabin_infer", arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return nlohmann::json::parse(result.out.substr(result.out.rfind('{')));
  }

  // One line on standard error that holds `part`, status 2.
  void Refused(const std::string& program, const std::string& arguments, const std::string& part) {
    const Ended result = Run(program, arguments);
    EXPECT_EQ(result.status, 2) << arguments << ": " << result.err;
    EXPECT_EQ(result.err.find('\n'), result.err.size() - 1) << result.err;
    EXPECT_EQ(result.err.rfind(program + ": ", 0), 0u) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << arguments << ": " << result.err;
  }

  fs::path dir_;
  std::string before_;  // shell commands that come first
};

}  // namespace adabin::test

#endif  // ADABIN_TESTS_CLI_H_
