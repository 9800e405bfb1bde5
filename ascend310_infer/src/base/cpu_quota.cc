// SPDX-License-Identifier: Apache-2.0
#include "base/cpu_quota.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "base/thread_pool.h"

namespace adabin {
namespace {

// A mounted hierarchy of control groups that can limit processors.
struct Mount {
  bool unified;       // version 2
  std::string group;  // the group that is seen at ...
  std::string point;  // ... this folder
};

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

std::vector<std::string> Lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

bool NamesCpu(const std::string& controllers) {
  const std::vector<std::string> names = Split(controllers, ',');
  return std::find(names.begin(), names.end(), "cpu") != names.end();
}

// Blanks and backslashes in names stand as \040 and the like.
std::string Unescape(const std::string& name) {
  std::string text;
  for (size_t i = 0; i < name.size(); ++i) {
    const char* code = name.data() + i + 1;
    int value = 0;
    if (name[i] == '\\' && i + 3 < name.size() &&
        std::from_chars(code, code + 3, value, 8).ptr == code + 3) {
      text += static_cast<char>(value);
      i += 3;
    } else {
      text += name[i];
    }
  }
  return text;
}

// Lines of mountinfo: id, parent, device, group, folder, options, any number of others, "-", type,
// source, options of the hierarchy.
std::vector<Mount> Mounts(const std::string& root) {
  std::vector<Mount> mounts;
  for (const std::string& line : Lines(root + "/proc/self/mountinfo")) {
    const std::vector<std::string> words = Words(line);
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (dash - words.begin() < 6 || words.end() - dash < 4) continue;
    const bool unified = dash[1] == "cgroup2";
    if (!unified && !(dash[1] == "cgroup" && NamesCpu(dash[3]))) continue;
    mounts.push_back({unified, Unescape(words[3]), Unescape(words[4])});
  }
  return mounts;
}

// This process's group in that hierarchy; empty where it is not known. Lines of cgroup: number,
// controllers (none in version 2), group.
std::string Group(const std::string& root, bool unified) {
  for (const std::string& line : Lines(root + "/proc/self/cgroup")) {
    const size_t controllers = line.find(':') + 1;
    const size_t group = line.find(':', controllers) + 1;
    if (controllers == 0 || group == 0) continue;
    const std::string names = line.substr(controllers, group - 1 - controllers);
    if (unified ? names.empty() : NamesCpu(names)) return line.substr(group);
  }
  return "";
}

// The group's path below the folder where the mount is seen: "" or "/a/b". A group elsewhere, as in
// a container that is told the host's names, is taken to be the mounted one.
std::string Below(const Mount& mount, std::string group) {
  const std::string top = mount.group == "/" ? "" : mount.group;
  if (!group.starts_with(top)) return "";
  group.erase(0, top.size());
  while (group.ends_with('/')) group.pop_back();
  if (!group.starts_with('/') || (group + "/").find("/../") != std::string::npos) return "";
  return group;
}

std::optional<int64_t> Number(const std::string& text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

// What the group of that folder may use by itself.
std::optional<int> Quota(const std::string& folder, bool unified) {
  std::vector<std::string> words;
  for (const char* file : {"/cpu.cfs_quota_us", "/cpu.cfs_period_us", "/cpu.max"}) {
    if (unified != (std::string(file) == "/cpu.max")) continue;
    for (const std::string& line : Lines(folder + file)) {
      for (const std::string& word : Words(line)) words.push_back(word);
    }
  }
  if (words.size() != 2) return std::nullopt;
  const std::optional<int64_t> quota = Number(words[0]), period = Number(words[1]);
  if (quota.value_or(0) <= 0 || period.value_or(0) <= 0) return std::nullopt;  // "max", or -1
  const int64_t processors = *quota / *period + (*quota % *period != 0 ? 1 : 0);
  return static_cast<int>(std::min<int64_t>(processors, kMaxThreads));
}

}  // namespace

std::optional<int> CpuQuota(const std::string& root) {
  std::optional<int> smallest;
  for (const Mount& mount : Mounts(root)) {
    const std::string group = Group(root, mount.unified);
    if (group.empty()) continue;
    // From the group itself up to where the mount ends.
    for (std::string below = Below(mount, group);; below.resize(below.rfind('/'))) {
      const std::optional<int> quota = Quota(root + mount.point + below, mount.unified);
      if (quota) smallest = std::min(*quota, smallest.value_or(*quota));
      if (below.empty()) break;
    }
  }
  return smallest;
}

}  // namespace adabin
