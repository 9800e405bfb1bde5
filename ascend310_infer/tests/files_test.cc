// SPDX-License-Identifier: Apache-2.0
//
// Reading and writing of files, whatever others do to them meanwhile.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/write_file.h"

namespace adabin {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "adabin_files_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string Make(const std::string& name, const std::string& content) const {
    std::ofstream(Path(name), std::ios::binary) << content;
    return Path(name);
  }
  size_t Entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }
  template <typename Body>
  static std::string Refusal(const Body& body) {
    try {
      body();
    } catch (const FileError& error) {
      return error.what();
    }
    return "";
  }

  fs::path folder_;
};

TEST_F(Files, ContentStaysWhenTheFileIsCutOrReplaced) {
  const std::string content(100000, 'x');
  const std::string path = Make("model", content);
  const FileContent file(path, content.size());
  ASSERT_EQ(truncate(path.c_str(), 0), 0);
  EXPECT_EQ(file.bytes(), content);
}

// A file that spans large pages, of which parts are given back.
TEST_F(Files, ContentOfManyPagesIsWhole) {
  std::string content(size_t{5} << 20, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 2654435761u >> 13);
  const FileContent file(Make("model", content), content.size());
  ASSERT_EQ(file.bytes(), content);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.bytes().data()) % 64, 0u);
  const size_t dropped = size_t{3} << 20;
  file.Drop(file.bytes().substr(0, dropped));
  EXPECT_EQ(file.bytes().substr(dropped), std::string_view(content).substr(dropped));
}

TEST_F(Files, OnlyRegularFilesAreRead) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  for (const std::string& path : {Path("pipe"), std::string("/dev/zero"), folder_.string()}) {
    const std::string said = Refusal([&] { FileContent(path, 1000); });
    EXPECT_TRUE(said.ends_with("is not a regular file; give one") ||
                said.ends_with("is a folder; give a file"))
        << said;
    EXPECT_EQ(Refusal([&] { ReadFile(path); }), said);
    EXPECT_EQ(Refusal([&] { ReadFloats(path); }), said);
    EXPECT_EQ(Refusal([&] { FileSize(path); }), said);
  }
}

// Of which nothing but the size is looked at: reading it would take all memory.
TEST_F(Files, WhatIsLargerThanAnyModelIsRefused) {
  const std::string path = Make("sparse", "");
  ASSERT_EQ(truncate(path.c_str(), off_t{1} << 42), 0);
  EXPECT_NE(Refusal([&] { FileContent(path, 1000); }).find("has 4398046511104 bytes"),
            std::string::npos);
}

TEST_F(Files, OfManyWritersOneNamesItsFile) {
  const std::string path = Path("model");
  std::atomic<int> winners = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> writers;
  for (char c = 'a'; c < 'i'; ++c) {
    writers.emplace_back([&, c] {
      const std::string content(50000, c);
      const std::string said =
          Refusal([&] { StoreFile(path, content.data(), content.size(), false); });
      (said.empty() ? winners : refused) += 1;
      EXPECT_TRUE(said.empty() || said.ends_with("model: exists; add --force to replace it"));
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(refused, 7);
  const std::string content = ReadFile(path);
  EXPECT_EQ(content, std::string(50000, content[0]));
  EXPECT_EQ(Entries(), 1u);
}

TEST_F(Files, WritingReplacesFilesAlone) {
  const std::string path = Make("model", "old");
  Make("model.tmp." + std::to_string(getpid()) + ".0", "of a program that was killed");
  WriteFile(path, "new", 3);
  EXPECT_EQ(ReadFile(path), "new");
  StoreFile(path, "newer", 5, true);
  EXPECT_EQ(ReadFile(path), "newer");
  EXPECT_NE(Refusal([&] { StoreFile(path, "newest", 6, false); }), "");
  EXPECT_EQ(ReadFile(path), "newer");
  EXPECT_EQ(Entries(), 2u);
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  fs::create_symlink("pipe", Path("link"));
  fs::create_directory(Path("sub"));
  for (const char* name : {"pipe", "link", "sub"}) {
    EXPECT_NE(Refusal([&] { WriteFile(Path(name), "x", 1); }), "") << name;
    EXPECT_NE(Refusal([&] { StoreFile(Path(name), "x", 1, true); }), "") << name;
  }
  EXPECT_TRUE(fs::is_fifo(Path("pipe")) && fs::is_symlink(Path("link")));
}

TEST_F(Files, AWrittenFileTakesThePlaceOfALink) {
  Make("elsewhere", "old");
  fs::create_symlink("elsewhere", Path("link"));
  WriteFile(Path("link"), "new", 3);
  EXPECT_EQ(ReadFile(Path("elsewhere")), "old");
  EXPECT_FALSE(fs::is_symlink(Path("link")));
  EXPECT_EQ(ReadFile(Path("link")), "new");
}

TEST_F(Files, AFileWithoutANameIsNotReplaced) {
  const int file = open(Path("gone").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_GE(file, 0);
  fs::remove(Path("gone"));
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  EXPECT_NE(Refusal([&] { StoreFile(link, "x", 1, true); }).find("without a name"),
            std::string::npos);
  close(file);
  EXPECT_EQ(Entries(), 0u);
}

TEST_F(Files, StoringThroughALinkReplacesWhatItLeadsTo) {
  fs::create_directory(Path("sub"));
  Make("sub/model", "old");
  fs::create_symlink("model", Path("sub/latest"));
  fs::create_symlink("sub/latest", Path("link"));
  StoreFile(Path("link"), "newer", 5, true);
  EXPECT_EQ(ReadFile(Path("sub/model")), "newer");
  EXPECT_NE(Refusal([&] { StoreFile(Path("link"), "newest", 6, false); }).find("--force"),
            std::string::npos);
  // To a file that is not there yet, to a full path, and in a circle.
  fs::create_symlink(Path("sub/none"), Path("first"));
  StoreFile(Path("first"), "made", 4, true);
  EXPECT_EQ(ReadFile(Path("sub/none")), "made");
  fs::create_symlink("circle", Path("circle"));
  EXPECT_NE(Refusal([&] { StoreFile(Path("circle"), "x", 1, true); }).find("leads nowhere"),
            std::string::npos);
  for (const char* link : {"link", "sub/latest", "first"}) EXPECT_TRUE(fs::is_symlink(Path(link)));
  EXPECT_EQ(Entries(), 4u);
}

TEST_F(Files, AFailedWriteLeavesWhatWasThere) {
  const std::string path = Make("model", "old");
  struct rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small = {1000, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string content(100000, 'x');
  const std::string said = Refusal([&] { WriteFile(path, content.data(), content.size()); });
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, before);
  EXPECT_NE(said.find("model: cannot be written ("), std::string::npos) << said;
  EXPECT_EQ(ReadFile(path), "old");
  EXPECT_EQ(Entries(), 1u);
}

}  // namespace
}  // namespace adabin
