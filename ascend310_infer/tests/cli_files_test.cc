// SPDX-License-Identifier: Apache-2.0
//
// The programs and files that are none of theirs, cannot be used, or may not be touched.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <sstream>

#include "cli.h"

namespace adabin::test {
namespace {

TEST_F(Cli, NetworkOfSeveralInputs) {
  MindIrBuilder b({1, 3, 8, 8});
  b.Output({b.Node("Add", {b.Input(), b.AnotherInput("y", {1, 3, 8, 8})})});
  Write("two.mindir", b.Serialize());
  Refused("adabin_infer", "--model two.mindir --input in --output out",
          "--input: the network has 2 inputs");
  EXPECT_EQ(Run("adabin_infer", "--model two.mindir --dump_plan").status, 0);
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
}

// Once it is loaded; the folder of the results is made behind that.
TEST_F(Cli, AModelMayBeRemovedWhileItRuns) {
  const auto bytes = fs::file_size(Path("net.mindir"));
  before_ =
      "{ (for i in $(seq 3000); do [ -e out/a_0.bin ] && break; sleep 0.01; done; rm net.mindir) & "
      "} && ";
  const nlohmann::json result = Infer("--model net.mindir --input in --output out --repeat 3000");
  EXPECT_EQ(result["model_bytes"], bytes);
  EXPECT_FALSE(fs::exists(Path("net.mindir")));
}

TEST_F(Cli, PackReplacesWhatALinkLeadsTo) {
  Write("model-1.adabin", "old");
  fs::create_symlink("model-1.adabin", Path("latest.adabin"));
  const std::string flags = "--model net.mindir --output latest.adabin";
  Refused("adabin_pack", flags, "latest.adabin: exists; add --force");
  EXPECT_EQ(Run("adabin_pack", flags + " --force").status, 0);
  EXPECT_TRUE(fs::is_symlink(Path("latest.adabin")));
  EXPECT_EQ(ReadFile(Path("model-1.adabin")).substr(0, 6), "ADABIN");
}

TEST_F(Cli, PackKeepsExistingFile) {
  Write("net.adabin", "kept");
  Refused("adabin_pack", "--model net.mindir --output net.adabin", "--force");
  EXPECT_EQ(ReadFile(Path("net.adabin")), "kept");
  EXPECT_EQ(Run("adabin_pack", "--model net.mindir --output net.adabin --force").status, 0);
  Refused("adabin_pack", "--model net.adabin --output net.adabin --force", "itself");
  Refused("adabin_pack", "--model net.mindir --output no/such/folder.adabin", "no/such");
}

// Each would hold a program that waits for someone to write there, or is no file to replace.
TEST_F(Cli, PipesAndDevicesAreNoFiles) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  before_ = "exec 3<>pipe && ";  // opening it would wait for ever otherwise, if it were a fault
  const std::string said = "is not a regular file";
  for (const std::string& name : {std::string("pipe"), std::string("/dev/zero")}) {
    Refused("adabin_infer", "--input in --output out --model " + name, name + ": " + said);
    Refused("adabin_infer", "--model net.mindir --output out --input " + name, name + ": " + said);
    Refused("adabin_infer", "--model net.mindir --input in --output " + name, "--output " + name);
    Refused("adabin_pack", "--output x.adabin --model " + name, name + ": " + said);
    Refused("adabin_pack", "--model net.mindir --force --output " + name, name + ": " + said);
  }
  fs::create_directory(Path("out"));
  ASSERT_EQ(mkfifo(Path("out/a_0.bin").c_str(), 0600), 0);
  Refused("adabin_infer", "--model net.mindir --input in --output out", "a_0.bin: " + said);
  EXPECT_TRUE(fs::is_fifo(Path("out/a_0.bin")) && fs::is_fifo(Path("pipe")));
}

TEST_F(Cli, AResultThatCannotBePrintedIsAnError) {
  before_ = "{ ";
  const std::string runs[] = {"--model net.mindir --input in --output out", "--list_kernels", "-h"};
  for (const std::string& run : runs) {
    for (const std::string where : {" >/dev/full", " >&-"}) {
      if (where == " >/dev/full" && !fs::exists("/dev/full")) continue;
      const Ended ended = Run("adabin_infer", run + where + " 2>said.txt; }");
      EXPECT_EQ(ended.status, 2) << run << where;
      const std::string said = ReadFile(Path("said.txt"));
      EXPECT_EQ(said.rfind("adabin_infer: standard output ", 0), 0u) << said;
      EXPECT_EQ(said.find('\n'), said.size() - 1) << said;
    }
  }
  EXPECT_EQ(Run("adabin_infer", "--list_kernels <&- 2>&-; }").status, 0);
}

// The system ends a program that writes more than it may, in the middle of the file.
TEST_F(Cli, ASignalLeavesNoTemporaryFile) {
  before_ = "ulimit -f 1 && ";
  EXPECT_NE(Run("adabin_pack", "--model net.mindir --output net.adabin").status, 0);
  before_ = "trap '' XFSZ && ulimit -f 1 && ";  // without a signal: an error of the write
  Refused("adabin_pack", "--model net.mindir --output net.adabin",
          "net.adabin: cannot be written (File too large); free some space");
  for (const fs::directory_entry& entry : fs::directory_iterator(dir_)) {
    EXPECT_EQ(entry.path().string().find("net.adabin"), std::string::npos) << entry.path();
  }
}

TEST_F(Cli, OfSeveralPackersOneWins) {
  const std::string packer = ADABIN_EMULATOR " " ADABIN_BIN_DIR "/adabin_pack";
  const std::string pack = packer + " --model net.mindir --output net.adabin";
  const std::string again = " >>ok.txt 2>>bad.txt & ";
  before_ = "(" + pack + again + pack + again + pack + again + "wait) && ";
  EXPECT_EQ(Run("adabin_infer", "--model net.adabin --input in --output out").status, 0);
  EXPECT_EQ(std::ranges::count(ReadFile(Path("ok.txt")), '\n'), 1);
  std::istringstream bad(ReadFile(Path("bad.txt")));
  int lines = 0;
  for (std::string line; std::getline(bad, line); ++lines) {
    EXPECT_NE(line.find("net.adabin: exists; add --force"), std::string::npos) << line;
  }
  EXPECT_EQ(lines, 2);
}

}  // namespace
}  // namespace adabin::test
