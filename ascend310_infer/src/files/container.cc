// SPDX-License-Identifier: Apache-2.0
#include "files/container.h"

#include <bit>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "files/checksum.h"

namespace adabin::files {
namespace {

static_assert(std::endian::native == std::endian::little, "packed files are little-endian");

constexpr char kMagic[] = "ADABIN\r\n";
constexpr uint32_t kVersion = 4;
constexpr size_t kAlignment = 64;  // of sections
constexpr uint32_t kMostSections = 64;

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t zero;
  uint64_t checksum;  // of all that follows
  uint64_t file_size;
  uint32_t sections;
  uint32_t zero_too;
};
static_assert(sizeof(Header) == 40);
constexpr size_t kSigned = 24;  // where `checksum` ends

// One of each section, right behind the header.
struct Entry {
  uint32_t section;
  uint32_t zero;
  uint64_t offset;  // in the file
  uint64_t size;
};
static_assert(sizeof(Entry) == 24);

uint64_t AlignUp(uint64_t value) { return (value + kAlignment - 1) / kAlignment * kAlignment; }

Header ReadHeader(std::string_view bytes) {
  Header header;
  if (bytes.size() < sizeof(header)) throw Error("the packed model is truncated; copy it again");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(header.magic)) != 0) {
    throw Error(
        "the packed model was changed on its way, as a copy as text changes it; copy it "
        "again, as binary");
  }
  if (header.version != kVersion) {
    const std::string way = header.version < kVersion ? "pack the network again with adabin_pack"
                                                      : "build a newer version of it";
    throw Error("packed model version " + std::to_string(header.version) + ", this program reads " +
                std::to_string(kVersion) + "; " + way);
  }
  if (header.file_size != bytes.size()) {
    throw Error("the packed model should have " + std::to_string(header.file_size) +
                " bytes but has " + std::to_string(bytes.size()) + "; copy it again");
  }
  if (header.checksum != Checksum(bytes.substr(kSigned)) || header.zero != 0) {
    throw Error("the packed model is damaged (checksum); copy it again");
  }
  return header;
}

}  // namespace

void FailAsInconsistent() {
  throw Error("the packed model is inconsistent; write it again with adabin_pack");
}

bool IsPackedFile(std::string_view bytes) { return bytes.starts_with("ADABIN"); }

void Sign(std::string* bytes) {
  const uint64_t checksum = Checksum(std::string_view(*bytes).substr(kSigned));
  std::memcpy(bytes->data() + offsetof(Header, checksum), &checksum, sizeof(checksum));
}

std::string WriteContainer(const Sections& sections) {
  std::vector<Entry> entries;
  for (const auto& [section, content] : sections) {
    if (!content.empty()) entries.push_back({static_cast<uint32_t>(section), 0, 0, content.size()});
  }
  const size_t entries_size = entries.size() * sizeof(Entry);
  uint64_t end = sizeof(Header) + entries_size;
  for (Entry& entry : entries) {
    entry.offset = AlignUp(end);
    end = entry.offset + entry.size;
  }
  Header header = {};
  std::memcpy(header.magic, kMagic, sizeof(header.magic));
  header.version = kVersion;
  header.file_size = end;
  header.sections = static_cast<uint32_t>(entries.size());

  std::string bytes;
  bytes.reserve(end);
  bytes.append(reinterpret_cast<const char*>(&header), sizeof(header));
  bytes.append(reinterpret_cast<const char*>(entries.data()), entries_size);
  for (const Entry& entry : entries) {
    bytes.resize(entry.offset);
    bytes += sections.at(static_cast<Section>(entry.section));
  }
  Sign(&bytes);
  return bytes;
}

Sections ReadContainer(std::string_view bytes) {
  const Header header = ReadHeader(bytes);
  if (header.zero_too != 0 || header.sections > kMostSections) FailAsInconsistent();
  uint64_t end = sizeof(Header) + header.sections * sizeof(Entry);
  Sections sections;
  if (end > bytes.size()) FailAsInconsistent();
  // There is one way to lay a file out, in which nothing overlaps.
  for (uint32_t i = 0; i < header.sections; ++i) {
    Entry entry;
    std::memcpy(&entry, bytes.data() + sizeof(Header) + i * sizeof(Entry), sizeof(entry));
    const auto section = static_cast<Section>(entry.section);
    if (entry.zero != 0 || (!sections.empty() && section <= sections.rbegin()->first) ||
        entry.offset != AlignUp(end) || entry.offset > bytes.size() || entry.size == 0 ||
        entry.size > bytes.size() - entry.offset) {
      FailAsInconsistent();
    }
    sections[section] = bytes.substr(entry.offset, entry.size);
    end = entry.offset + entry.size;
  }
  if (end != bytes.size()) FailAsInconsistent();
  return sections;
}

}  // namespace adabin::files
