// SPDX-License-Identifier: Apache-2.0
//
// Numbers and arrays of a network as bytes: two sections of a packed file.
#ifndef ADABIN_FILES_TABLE_FIELDS_H_
#define ADABIN_FILES_TABLE_FIELDS_H_

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/fields.h"

namespace adabin::files {

class TableWriter : public ops::Fields {
 public:
  void Integer(uint64_t value);  // unsigned LEB128
  void Text(const std::string& text);
  void Number(int& value) override { Integer(static_cast<uint64_t>(value)); }
  void Number(uint8_t& value) override { Integer(value); }
  void Number(float& value) override;
  void Array(SharedArray<uint32_t>& data) override { Append<uint32_t>(data); }
  void Array(SharedArray<float>& data) override { Append<float>(data); }
  void Array(std::vector<float>& data) override { Append<float>(data); }
  void Array(std::vector<double>& data) override;

  std::string table;
  std::string arrays;

 private:
  template <typename T>
  void Append(std::span<const T> data);
};

// Every read is checked against what is left, before anything is allocated. Large arrays stay where
// they are, if `memory` has an owner, which keeps what `arrays` are part of; without one they are
// copied.
class TableReader : public ops::Fields {
 public:
  TableReader(std::string_view table, std::string_view arrays, const Memory& memory = {})
      : table_(table), arrays_(arrays), memory_(memory) {}

  uint64_t Integer(uint64_t limit = std::numeric_limits<int32_t>::max());
  std::string Text();  // without control characters
  void Number(int& value) override { value = static_cast<int>(Integer()); }
  void Number(uint8_t& value) override { value = static_cast<uint8_t>(Integer(255)); }
  void Number(float& value) override;
  void Array(SharedArray<uint32_t>& data) override { Share(data); }
  void Array(SharedArray<float>& data) override { Share(data); }
  void Array(std::vector<float>& data) override { Take(data); }
  void Array(std::vector<double>& data) override;

  bool done() const { return table_.empty() && arrays_at_ == arrays_.size(); }
  size_t left() const { return table_.size(); }

 private:
  // The bytes of the next array, whose numbers have `size` bytes each.
  std::string_view Next(size_t size);
  template <typename T>
  void Take(std::vector<T>& data);
  template <typename T>
  void Share(SharedArray<T>& data);

  std::string_view table_;  // what is left of it
  std::string_view arrays_;
  size_t arrays_at_ = 0;
  Memory memory_;
};

}  // namespace adabin::files

#endif  // ADABIN_FILES_TABLE_FIELDS_H_
