// SPDX-License-Identifier: Apache-2.0
#include "files/table_fields.h"

#include <algorithm>
#include <cstring>

#include "files/container.h"

namespace adabin::files {
namespace {

size_t AlignUp(size_t value) {
  constexpr size_t kAlignment = 16;
  return (value + kAlignment - 1) / kAlignment * kAlignment;
}

bool IsFloat(double value) { return value != value || value == static_cast<float>(value); }

}  // namespace

void TableWriter::Integer(uint64_t value) {
  for (; value >= 0x80; value >>= 7) table.push_back(static_cast<char>(value | 0x80));
  table.push_back(static_cast<char>(value));
}

void TableWriter::Text(const std::string& text) {
  Integer(text.size());
  table += text;
}

void TableWriter::Number(float& value) {
  table.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// A bias is float32's, a BatchNorm's factors are not: rounding before folding would show in
// results.
void TableWriter::Array(std::vector<double>& data) {
  uint8_t bytes = std::ranges::all_of(data, IsFloat) ? 4 : 8;
  Number(bytes);
  if (bytes == 8) return Append<double>(data);
  Append<float>(std::vector<float>(data.begin(), data.end()));
}

template <typename T>
void TableWriter::Append(std::span<const T> data) {
  Integer(data.size());
  arrays.resize(AlignUp(arrays.size()));
  arrays.append(reinterpret_cast<const char*>(data.data()), data.size() * sizeof(T));
}

template void TableWriter::Append(std::span<const uint32_t> data);
template void TableWriter::Append(std::span<const float> data);
template void TableWriter::Append(std::span<const double> data);

uint64_t TableReader::Integer(uint64_t limit) {
  uint64_t value = 0;
  for (int shift = 0; shift < 63; shift += 7) {
    if (table_.empty()) FailAsInconsistent();
    const auto byte = static_cast<unsigned char>(table_.front());
    table_.remove_prefix(1);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) {
      if (value > limit) FailAsInconsistent();
      return value;
    }
  }
  FailAsInconsistent();
}

std::string TableReader::Text() {
  const uint64_t size = Integer();
  if (size > table_.size()) FailAsInconsistent();
  std::string text(table_.substr(0, size));
  table_.remove_prefix(size);
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    FailAsInconsistent();
  }
  return text;
}

void TableReader::Number(float& value) {
  if (table_.size() < sizeof(value)) FailAsInconsistent();
  std::memcpy(&value, table_.data(), sizeof(value));
  table_.remove_prefix(sizeof(value));
}

void TableReader::Array(std::vector<double>& data) {
  uint8_t bytes = 0;
  Number(bytes);
  if (bytes == 8) return Take(data);
  if (bytes != 4) FailAsInconsistent();
  std::vector<float> values;
  Take(values);
  data.assign(values.begin(), values.end());
}

std::string_view TableReader::Next(size_t size) {
  const uint64_t count = Integer();
  const size_t begin = AlignUp(arrays_at_);
  if (begin > arrays_.size() || count > (arrays_.size() - begin) / size) FailAsInconsistent();
  arrays_at_ = begin + count * size;
  return arrays_.substr(begin, count * size);
}

template <typename T>
void TableReader::Take(std::vector<T>& data) {
  const std::string_view bytes = Next(sizeof(T));
  data.resize(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(data.data(), bytes.data(), bytes.size());
}

// Memory that a caller hands in may begin anywhere.
template <typename T>
void TableReader::Share(SharedArray<T>& data) {
  const std::string_view bytes = Next(sizeof(T));
  const size_t count = bytes.size() / sizeof(T);
  if (memory_.owner != nullptr && reinterpret_cast<uintptr_t>(bytes.data()) % alignof(T) == 0) {
    data = SharedArray<T>(std::span(reinterpret_cast<const T*>(bytes.data()), count), memory_);
    return;
  }
  std::vector<T> copy(count);
  if (count > 0) std::memcpy(copy.data(), bytes.data(), bytes.size());
  data = std::move(copy);
}

template void TableReader::Take(std::vector<float>& data);
template void TableReader::Take(std::vector<double>& data);
template void TableReader::Share(SharedArray<uint32_t>& data);
template void TableReader::Share(SharedArray<float>& data);

}  // namespace adabin::files
