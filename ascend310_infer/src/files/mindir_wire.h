// SPDX-License-Identifier: Apache-2.0
//
// Protobuf's wire format, as protozero reads it: how fields are told apart and taken.
#ifndef ADABIN_FILES_MINDIR_WIRE_H_
#define ADABIN_FILES_MINDIR_WIRE_H_

#include <cstdint>
#include <protozero/pbf_message.hpp>
#include <string_view>
#include <type_traits>
#include <vector>

namespace adabin::files {

using protozero::pbf_message;

// Cases of switch (message.tag_and_type()). A field of another wire type is a field that is not
// known: it is skipped, as protobuf does.
template <typename Field>
constexpr uint32_t Varint(Field field) {
  return protozero::tag_and_type(field, protozero::pbf_wire_type::varint);
}
template <typename Field>
constexpr uint32_t Fixed32(Field field) {
  return protozero::tag_and_type(field, protozero::pbf_wire_type::fixed32);
}
template <typename Field>
constexpr uint32_t Fixed64(Field field) {
  return protozero::tag_and_type(field, protozero::pbf_wire_type::fixed64);
}
template <typename Field>
constexpr uint32_t Bytes(Field field) {  // strings, messages, packed numbers
  return protozero::tag_and_type(field, protozero::pbf_wire_type::length_delimited);
}

inline std::string_view TakeBytes(protozero::pbf_reader& message) {
  const protozero::data_view view = message.get_view();
  return {view.data(), view.size()};
}

// Numbers of a repeated field, one of them or packed: the writer may do either, or both by turns.
template <typename T>
void TakeOne(protozero::pbf_reader& message, std::vector<T>* to) {
  if constexpr (std::is_same_v<T, float>) {
    to->push_back(message.get_float());
  } else if constexpr (std::is_same_v<T, double>) {
    to->push_back(message.get_double());
  } else {
    to->push_back(static_cast<T>(message.get_int64()));
  }
}
template <typename T>
void TakePacked(protozero::pbf_reader& message, std::vector<T>* to) {
  const auto append = [to](const auto& range) {
    for (const auto value : range) to->push_back(static_cast<T>(value));
  };
  if constexpr (std::is_same_v<T, float>) {
    append(message.get_packed_float());
  } else if constexpr (std::is_same_v<T, double>) {
    append(message.get_packed_double());
  } else {
    append(message.get_packed_int64());
  }
}

}  // namespace adabin::files

#endif  // ADABIN_FILES_MINDIR_WIRE_H_
