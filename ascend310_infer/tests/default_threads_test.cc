// SPDX-License-Identifier: Apache-2.0
//
// The table of cases that the Python side is tested with as well.
#include "base/default_threads.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/cpu_quota.h"
#include "base/error.h"

namespace adabin {
namespace {

namespace fs = std::filesystem;

// The files of a case below a folder of their own.
class Tree {
 public:
  explicit Tree(const nlohmann::json& files) {
    std::string pattern = (fs::temp_directory_path() / "adabin_tree_XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for files");
    root_ = pattern;
    for (const auto& [name, text] : files.items()) {
      fs::create_directories((root_ / name).parent_path());
      std::ofstream(root_ / name, std::ios::binary) << text.get<std::string>();
    }
  }
  ~Tree() { fs::remove_all(root_); }
  std::string root() const { return root_.string(); }

 private:
  fs::path root_;
};

// The number, or "error" as in the table.
nlohmann::json Threads(const nlohmann::json& variables, int affinity, std::optional<int> quota) {
  const auto value = [&](const char* name) {
    return variables.contains(name) ? variables[name].get_ref<const std::string&>().c_str()
                                    : nullptr;
  };
  try {
    return ChooseThreads(value("ADABIN_CPU_THREADS"), value("OMP_NUM_THREADS"),
                         UsableProcessors(affinity, quota));
  } catch (const Error& error) {
    const std::string line = error.what();
    EXPECT_EQ(line.rfind("ADABIN_CPU_THREADS=", 0), 0u) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    return "error";
  }
}

TEST(DefaultThreads, EveryCaseOfTheTable) {
  const std::string path = ADABIN_GOLDEN_DIR "/default_threads.json";
  std::ifstream file(path);
  if (!file) GTEST_SKIP() << path << " does not exist";
  const nlohmann::json cases = nlohmann::json::parse(file);
  ASSERT_GE(cases.size(), 50u);
  for (const nlohmann::json& entry : cases) {
    const Tree tree(entry["files"]);
    EXPECT_EQ(Threads(entry["environment"], entry["affinity"], CpuQuota(tree.root())),
              entry["threads"])
        << entry["name"];
  }
}

TEST(DefaultThreads, FollowsThisThreadsAffinity) {
  cpu_set_t kept, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof(kept), &kept), 0);
  EXPECT_LE(UsableProcessors(), CPU_COUNT(&kept));
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &kept)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(UsableProcessors(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof(kept), &kept), 0);
}

// A real control group, where one may be made: a process with a quota of half a processor.
TEST(DefaultThreads, FollowsTheQuotaOfARealGroup) {
  const fs::path group = "/sys/fs/cgroup/cpu/adabin_test_" + std::to_string(getpid());
  std::error_code error;
  if (!fs::create_directory(group, error)) GTEST_SKIP() << "no control group can be made here";
  constexpr int kOutside = 255;
  const pid_t child = fork();
  if (child == 0) {
    const bool joined = (std::ofstream(group / "cpu.cfs_quota_us") << "50000" << std::flush) &&
                        (std::ofstream(group / "cgroup.procs") << "0" << std::flush);
    _exit(joined ? UsableProcessors() : kOutside);
  }
  int status = 0;
  waitpid(child, &status, 0);
  fs::remove(group, error);
  if (status == W_EXITCODE(kOutside, 0)) GTEST_SKIP() << "a control group cannot be joined here";
  EXPECT_EQ(status, W_EXITCODE(1, 0));
}

}  // namespace
}  // namespace adabin
