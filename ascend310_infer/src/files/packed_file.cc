// SPDX-License-Identifier: Apache-2.0
#include "files/packed_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "ops/append.h"
#include "ops/operator.h"

namespace adabin::files {
namespace {

using ir::Plan;
using ir::Step;

static_assert(std::endian::native == std::endian::little, "packed files are little-endian");

constexpr char kMagic[] = "ADABIN\r\n";
constexpr uint32_t kVersion = 3;
constexpr char kInconsistent[] =
    "the packed model is inconsistent; write it again with adabin_pack";
constexpr size_t kHeaderSize = 64;
constexpr size_t kChecksumOffset = 48;
constexpr size_t kBlobAlignment = 64;
constexpr size_t kArrayAlignment = 16;

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t header_size;
  uint64_t file_size;
  uint64_t table_size;
  uint64_t blob_offset;
  uint64_t blob_size;
  uint64_t checksum;
  uint64_t zero;
};
static_assert(sizeof(Header) == kHeaderSize);

size_t AlignUp(size_t value, size_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

uint64_t Fnv1a(const char* data, size_t size, uint64_t hash) {
  for (size_t i = 0; i < size; ++i) {
    hash = (hash ^ static_cast<unsigned char>(data[i])) * 0x100000001b3u;
  }
  return hash;
}

// One byte that changes always changes this sum.
uint64_t Checksum(std::string_view bytes) {
  const uint64_t head = Fnv1a(bytes.data(), kChecksumOffset, 0xcbf29ce484222325u);
  return Fnv1a(bytes.data() + kHeaderSize, bytes.size() - kHeaderSize, head);
}

class TableWriter : public ops::Fields {
 public:
  void Integer(uint64_t value) {
    for (; value >= 0x80; value >>= 7) table_.push_back(static_cast<char>(value | 0x80));
    table_.push_back(static_cast<char>(value));
  }
  void Number(int& value) override { Integer(static_cast<uint64_t>(value)); }
  void Number(uint8_t& value) override { Integer(value); }
  void Number(float& value) override {
    table_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void Array(std::vector<uint32_t>& data) override { Append(data); }
  void Array(std::vector<float>& data) override { Append(data); }
  void Array(std::vector<double>& data) override {
    Append(std::vector<float>(data.begin(), data.end()));
  }
  const std::string& table() const { return table_; }
  const std::string& blob() const { return blob_; }

 private:
  template <typename T>
  void Append(const std::vector<T>& data) {
    Integer(data.size());
    blob_.resize(AlignUp(blob_.size(), kArrayAlignment));
    blob_.append(reinterpret_cast<const char*>(data.data()), data.size() * sizeof(T));
  }

  std::string table_;
  std::string blob_;
};

// Every read is checked against what is left, before anything is allocated.
class TableReader : public ops::Fields {
 public:
  TableReader(const char* table, size_t table_size, const char* blob, size_t blob_size)
      : at_(table), end_(table + table_size), blob_(blob), blob_size_(blob_size) {}

  uint64_t Integer(uint64_t limit = std::numeric_limits<int32_t>::max()) {
    uint64_t value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      if (at_ == end_) Fail();
      const auto byte = static_cast<unsigned char>(*at_++);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) {
        if (value > limit) Fail();
        return value;
      }
    }
    Fail();
  }
  void Number(int& value) override { value = static_cast<int>(Integer()); }
  void Number(uint8_t& value) override { value = static_cast<uint8_t>(Integer(255)); }
  void Number(float& value) override {
    if (static_cast<size_t>(end_ - at_) < sizeof(value)) Fail();
    std::memcpy(&value, at_, sizeof(value));
    at_ += sizeof(value);
  }
  void Array(std::vector<uint32_t>& data) override { Take(data); }
  void Array(std::vector<float>& data) override { Take(data); }
  void Array(std::vector<double>& data) override {
    std::vector<float> values;
    Take(values);
    data.assign(values.begin(), values.end());
  }
  bool done() const { return at_ == end_ && blob_at_ == blob_size_; }
  size_t left() const { return static_cast<size_t>(end_ - at_); }

  [[noreturn]] static void Fail() { throw Error(kInconsistent); }

 private:
  template <typename T>
  void Take(std::vector<T>& data) {
    const uint64_t count = Integer();
    const size_t begin = AlignUp(blob_at_, kArrayAlignment);
    if (begin > blob_size_ || count > (blob_size_ - begin) / sizeof(T)) Fail();
    data.resize(count);
    if (count > 0) std::memcpy(data.data(), blob_ + begin, count * sizeof(T));
    blob_at_ = begin + count * sizeof(T);
  }

  const char* at_;
  const char* end_;
  const char* blob_;
  size_t blob_size_;
  size_t blob_at_ = 0;
};

// Of the inputs the file holds the first, the second + 1 (0: there is none) and, for an operator
// that can read more, how many more and these.
void VisitInputs(ops::Fields& fields, const ops::Operator* op, Step& step) {
  fields.Number(step.inputs[0]);
  int second = step.second() + 1;
  fields.Number(second);
  std::vector<int> more(step.inputs.begin() + std::min<ptrdiff_t>(std::ssize(step.inputs), 2),
                        step.inputs.end());
  step.SetSecond(second - 1);
  if (op == nullptr || op->max_inputs <= 2) return;
  int count = static_cast<int>(more.size());
  fields.Number(count);
  if (count > op->max_inputs - 2) throw Error(kInconsistent);
  more.resize(static_cast<size_t>(count));
  for (int& input : more) fields.Number(input);
  step.inputs.insert(step.inputs.end(), more.begin(), more.end());
}

void VisitStep(ops::Fields& fields, Step& step) {
  fields.Choice(step.kind);
  const ops::Operator* op = ops::FindOperator(step.kind);  // whether there is one, Append asks
  VisitInputs(fields, op, step);
  if (op != nullptr && op->fields != nullptr) op->fields(fields, step);
}

void VisitShape(ops::Fields& fields, Shape& shape) {
  for (int* field : {&shape.c, &shape.h, &shape.w}) fields.Number(*field);
}

Header ReadHeader(std::string_view bytes) {
  Header header;
  if (bytes.size() < kHeaderSize) throw Error("the packed model is truncated; copy it again");
  std::memcpy(&header, bytes.data(), kHeaderSize);
  if (header.version != kVersion) {
    throw Error("packed model version " + std::to_string(header.version) + ", this program reads " +
                std::to_string(kVersion) + "; write it again with adabin_pack");
  }
  if (header.file_size != bytes.size()) {
    throw Error("the packed model should have " + std::to_string(header.file_size) +
                " bytes but has " + std::to_string(bytes.size()) + "; copy it again");
  }
  if (header.checksum != Checksum(bytes) || header.zero != 0) {
    throw Error("the packed model is damaged (checksum); copy it again");
  }
  if (header.header_size != kHeaderSize || header.table_size > bytes.size() - kHeaderSize ||
      header.blob_offset % kBlobAlignment != 0 || header.blob_offset > bytes.size() ||
      header.blob_offset < kHeaderSize + header.table_size ||
      header.blob_size != bytes.size() - header.blob_offset) {
    TableReader::Fail();
  }
  return header;
}

}  // namespace

bool IsPackedFile(std::string_view bytes) { return bytes.starts_with("ADABIN"); }

std::string WritePackedFile(const Plan& plan) {
  TableWriter writer;
  Plan copy = plan;  // the visitors take fields that a reader would fill
  VisitShape(writer, copy.input);
  writer.Integer(copy.outputs.size());
  for (int& output : copy.outputs) writer.Number(output);
  writer.Integer(copy.steps.size());
  for (Step& step : copy.steps) VisitStep(writer, step);

  Header header = {};
  std::memcpy(header.magic, kMagic, sizeof(header.magic));
  header.version = kVersion;
  header.header_size = kHeaderSize;
  header.table_size = writer.table().size();
  header.blob_offset = AlignUp(kHeaderSize + writer.table().size(), kBlobAlignment);
  header.blob_size = writer.blob().size();
  header.file_size = header.blob_offset + header.blob_size;
  std::string bytes(reinterpret_cast<const char*>(&header), kHeaderSize);
  bytes += writer.table();
  bytes.resize(header.blob_offset);
  bytes += writer.blob();
  header.checksum = Checksum(bytes);
  std::memcpy(bytes.data() + kChecksumOffset, &header.checksum, sizeof(header.checksum));
  return bytes;
}

Plan ReadPackedFile(std::string_view bytes) {
  const Header header = ReadHeader(bytes);
  TableReader reader(bytes.data() + kHeaderSize, header.table_size,
                     bytes.data() + header.blob_offset, header.blob_size);
  Plan plan;
  Shape input;
  VisitShape(reader, input);
  ops::SetInput(&plan, input.h == 1 && input.w == 1 ? TensorShape(std::vector{input.c}) : input);
  // Each entry takes at least one byte of the table, which bounds what a count can claim.
  plan.outputs.resize(reader.Integer(reader.left()));
  for (int& output : plan.outputs) reader.Number(output);
  const uint64_t steps = reader.Integer(reader.left());
  for (uint64_t i = 0; i < steps; ++i) {
    Step step;
    VisitStep(reader, step);
    ops::Append(&plan, std::move(step));
  }
  for (const int output : plan.outputs) {
    if (output >= static_cast<int>(plan.values.size())) TableReader::Fail();
  }
  if (!reader.done() || plan.outputs.empty()) TableReader::Fail();
  return plan;
}

}  // namespace adabin::files
