// SPDX-License-Identifier: Apache-2.0
//
// What protobuf lets a writer do: fields in any order, messages in parts, packed numbers, fields
// that no one knows. And what no writer does.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <protozero/pbf_builder.hpp>
#include <protozero/pbf_reader.hpp>
#include <random>
#include <utility>

#include "base/error.h"
#include "files/mindir_reader.h"
#include "lowered.h"
#include "mindir_builder.h"

namespace adabin {
namespace {

using protozero::pbf_builder;
using protozero::pbf_reader;
using protozero::pbf_writer;
using test::LowerBytes;
using test::MindIrBuilder;

enum class Level { kModel, kGraph, kPrimitive, kNode, kInfo, kTensor, kAttribute };

// Messages in messages, by number of the field.
const std::map<std::pair<Level, uint32_t>, Level> kMessages = {
    {{Level::kModel, 7}, Level::kGraph},         {{Level::kModel, 12}, Level::kPrimitive},
    {{Level::kGraph, 1}, Level::kNode},          {{Level::kGraph, 3}, Level::kTensor},
    {{Level::kGraph, 5}, Level::kInfo},          {{Level::kGraph, 6}, Level::kInfo},
    {{Level::kPrimitive, 3}, Level::kAttribute}, {{Level::kNode, 5}, Level::kAttribute},
    {{Level::kInfo, 2}, Level::kTensor},         {{Level::kAttribute, 12}, Level::kTensor},
    {{Level::kAttribute, 17}, Level::kAttribute}};

struct Field {
  uint32_t tag;
  std::string bytes;  // with its tag
};

// `change(level, &fields)` of each message, the innermost first.
template <typename Change>
std::string Rewrite(const std::string& bytes, Level level, const Change& change) {
  std::vector<Field> fields;
  for (pbf_reader message(bytes); message.next();) {
    Field field{message.tag(), {}};
    pbf_writer out(field.bytes);
    switch (message.wire_type()) {
      case protozero::pbf_wire_type::varint:
        out.add_uint64(field.tag, message.get_uint64());
        break;
      case protozero::pbf_wire_type::fixed32:
        out.add_fixed32(field.tag, message.get_fixed32());
        break;
      case protozero::pbf_wire_type::fixed64:
        out.add_fixed64(field.tag, message.get_fixed64());
        break;
      default: {
        const auto inner = kMessages.find({level, field.tag});
        const std::string content = message.get_string();
        out.add_bytes(field.tag,
                      inner == kMessages.end() ? content : Rewrite(content, inner->second, change));
      }
    }
    fields.push_back(field);
  }
  change(level, &fields);
  std::string result;
  for (const Field& field : fields) result += field.bytes;
  return result;
}

std::string Complaint(const std::string& bytes) {
  try {
    LowerBytes(bytes);
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "";
}

std::string Bytes(uint32_t tag, const std::string& content) {
  std::string bytes;
  pbf_writer(bytes).add_bytes(tag, content);
  return bytes;
}

// x + the tensor whose fields are `tensor`.
std::string SumWith(const std::string& tensor) {
  MindIrBuilder b({1, 2, 2, 2});
  b.Output({b.Node("Add", {b.Input(), b.Parameter({1, 2, 1, 1}, {1, 2})})});
  const std::string name = b.model.parameters[0].name;
  return Rewrite(b.Serialize(), Level::kModel, [&](Level level, std::vector<Field>* fields) {
    if (level != Level::kGraph) return;
    for (Field& field : *fields) {
      if (field.tag == 3) field.bytes = Bytes(3, tensor + Bytes(7, name));
    }
  });
}

// A ReLU with the attribute `value`, which nothing looks at.
std::string WithAttribute(const test::MindIrAttribute& value, int nodes = 1) {
  MindIrBuilder b({1, 2, 2, 2});
  std::string x = b.Node("ReLU", {b.Input()});
  b.model.primitives[0].attributes.push_back(value);
  for (int i = 1; i < nodes; ++i) {
    b.model.nodes.push_back(
        {b.model.nodes[0].op_type, {x}, {"more" + std::to_string(i)}, "", "", {}});
    x = b.model.nodes.back().outputs[0];
  }
  b.Output({x});
  return b.Serialize();
}

TEST(MindIrWire, FieldsInAnyOrder) {
  const std::string bytes = test::SmallNetwork();
  const graph::Plan plan = LowerBytes(bytes);
  const auto descending = [](Level, std::vector<Field>* fields) {
    std::stable_sort(fields->begin(), fields->end(),
                     [](const Field& a, const Field& b) { return a.tag > b.tag; });
  };
  EXPECT_EQ(LowerBytes(Rewrite(bytes, Level::kModel, descending)), plan);
  // Those of one repeated field stay in order, others come between.
  std::mt19937 rng(1);
  const auto interleaved = [&](Level, std::vector<Field>* fields) {
    std::vector<Field> shuffled = *fields;
    std::shuffle(shuffled.begin(), shuffled.end(), rng);
    std::map<uint32_t, std::vector<Field>> by_tag;
    for (size_t i = fields->size(); i-- > 0;) by_tag[(*fields)[i].tag].push_back((*fields)[i]);
    for (size_t i = 0; i < shuffled.size(); ++i) {
      std::vector<Field>& left = by_tag[shuffled[i].tag];
      (*fields)[i] = left.back();
      left.pop_back();
    }
  };
  EXPECT_EQ(LowerBytes(Rewrite(bytes, Level::kModel, interleaved)), plan);
}

TEST(MindIrWire, UnknownFieldsAreSkipped) {
  const std::string bytes = test::SmallNetwork();
  const auto add = [](Level level, std::vector<Field>* fields) {
    std::string unknown;
    pbf_writer out(unknown);
    out.add_uint64(100, ~uint64_t{0});
    out.add_fixed32(101, 1);
    out.add_fixed64(102, 1);
    out.add_bytes(103, "\xff\xff\xff");
    out.add_fixed32(7, 1);  // known fields, but of another type
    if (level != Level::kTensor) out.add_uint64(1, 1u << 30);
    fields->insert(fields->begin(), {103, unknown});
  };
  EXPECT_EQ(LowerBytes(Rewrite(bytes, Level::kModel, add)), LowerBytes(bytes));
}

// As protobuf merges them.
TEST(MindIrWire, GraphInParts) {
  const std::string bytes = test::SmallNetwork();
  const auto split = [](Level level, std::vector<Field>* fields) {
    if (level != Level::kModel) return;
    std::vector<Field> parts;
    for (Field& field : *fields) {
      if (field.tag != 7) {
        parts.push_back(field);
        continue;
      }
      pbf_reader message(field.bytes);
      message.next();
      Rewrite(message.get_string(), Level::kGraph, [&](Level inner, std::vector<Field>* of_graph) {
        if (inner != Level::kGraph) return;
        for (const Field& part : *of_graph) parts.push_back({7, Bytes(7, part.bytes)});
      });
    }
    *fields = parts;
  };
  const std::string in_parts = Rewrite(bytes, Level::kModel, split);
  EXPECT_GT(in_parts.size(), bytes.size());
  EXPECT_EQ(LowerBytes(in_parts), LowerBytes(bytes));
}

TEST(MindIrWire, LastOfAScalarCounts) {
  const std::string bytes = test::SmallNetwork();
  std::string big, little;
  pbf_writer(big).add_bool(10, false);
  pbf_writer(little).add_bool(10, true);
  EXPECT_EQ(LowerBytes(big + bytes + little), LowerBytes(bytes));
  EXPECT_NE(Complaint(bytes + big).find("big-endian"), std::string::npos);
}

TEST(MindIrWire, PackedNumbersAndSingleOnes) {
  const std::vector<int64_t> dims = {1, 2, 1, 1};
  const std::vector<float> data = {1, 2};
  const auto tensor = [&](int packed_dims, int packed_data) {
    std::string bytes;
    pbf_writer out(bytes);
    out.add_packed_int64(1, dims.begin(), dims.begin() + packed_dims);
    for (int i = packed_dims; i < 4; ++i) out.add_int64(1, dims[static_cast<size_t>(i)]);
    out.add_int32(2, 1);
    for (int i = 0; i < 2 - packed_data; ++i) out.add_float(3, data[static_cast<size_t>(i)]);
    out.add_packed_float(3, data.begin() + 2 - packed_data, data.end());
    return bytes;
  };
  std::string raw;
  pbf_writer out(raw);
  out.add_packed_int64(1, dims.begin(), dims.end());
  out.add_int32(2, 1);
  out.add_bytes(9, reinterpret_cast<const char*>(data.data()), data.size() * sizeof(float));
  const graph::Plan plan = LowerBytes(SumWith(raw));
  for (const int packed_dims : {0, 2, 4}) {
    for (const int packed_data : {0, 1, 2}) {
      EXPECT_EQ(LowerBytes(SumWith(tensor(packed_dims, packed_data))), plan);
    }
  }
  EXPECT_NE(Complaint(SumWith(tensor(4, 0) + Bytes(3, std::string(4, char{0})))), "");
  EXPECT_NE(Complaint(SumWith(Bytes(1, "\xff") + raw)).find("not a MindIR"), std::string::npos);
  EXPECT_NE(Complaint(SumWith(raw + Bytes(3, "abc"))).find("not a MindIR"), std::string::npos);
}

TEST(MindIrWire, DeepListsAreRefused) {
  const auto deep = [](int depth) {
    test::MindIrAttribute value;
    value.SetInt(1);
    for (int i = 0; i < depth; ++i) {
      test::MindIrAttribute list;
      list.type = test::AttributeType::kList;
      list.values.push_back(value);
      value = list;
    }
    value.name = "deep";
    return Complaint(WithAttribute(value));
  };
  EXPECT_EQ(deep(64), "");
  EXPECT_NE(deep(65).find("deep"), std::string::npos);
  EXPECT_NE(deep(300).find("deep"), std::string::npos);
}

// A list item takes 3 bytes of the file; ten thousand operators can share one list.
TEST(MindIrWire, ValuesBeyondMeasureAreRefused) {
  test::MindIrAttribute list;
  list.name = "list";
  list.type = test::AttributeType::kList;
  list.values.resize(10000);
  EXPECT_EQ(Complaint(WithAttribute(list)), "");
  EXPECT_NE(Complaint(WithAttribute(list, 10000)).find("more memory"), std::string::npos);
}

// So can they a primitive of many numbers, each of which is an entry of every operator's map.
TEST(MindIrWire, AttributesBeyondMeasureAreRefused) {
  const auto complaint = [](int attributes, int nodes) {
    MindIrBuilder b({1, 2, 2, 2});
    std::string x = b.Node("ReLU", {b.Input()});
    for (int i = 0; i < attributes; ++i) b.model.primitives[0].Add(std::to_string(i)).SetInt(i);
    const test::MindIrNode first = b.model.nodes[0];
    for (int i = 1; i < nodes; ++i) {
      b.model.nodes.push_back({first.op_type, {x}, {"more" + std::to_string(i)}, "", "", {}});
      x = b.model.nodes.back().outputs[0];
    }
    b.Output({x});
    return Complaint(b.Serialize());
  };
  EXPECT_EQ(complaint(1000, 10), "");
  EXPECT_EQ(complaint(20, 1000), "");
  EXPECT_NE(complaint(1000, 1000).find("more memory"), std::string::npos);
}

// Damage of any kind: an Error or a network, and nothing else.
TEST(MindIrWire, RandomDamage) {
  const std::string whole = test::SmallNetwork();
  std::mt19937 rng(7);
  const auto below = [&](size_t limit) { return static_cast<size_t>(rng()) % limit; };
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = whole;
    for (size_t i = below(4) + 1; i > 0; --i) {
      const size_t at = below(bytes.size());
      switch (below(4)) {
        case 0:
          bytes[at] = static_cast<char>(rng());
          break;
        case 1:
          bytes.erase(at, below(9) + 1);
          break;
        case 2:
          bytes.insert(at, below(9) + 1, static_cast<char>(rng()));
          break;
        default:
          bytes.insert(at, bytes.substr(below(bytes.size()), below(200)));
          break;
      }
    }
    Complaint(bytes);
  }
}

}  // namespace
}  // namespace adabin
