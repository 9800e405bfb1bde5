// SPDX-License-Identifier: Apache-2.0
//
// The reader, and what it does with files that are not what it expects.
#include "files/mindir_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "lowered.h"
#include "mindir_builder.h"

namespace adabin {
namespace {

using test::MindIrBuilder;

// The message of the Error that reading and lowering ends with; "" when it succeeds.
std::string Complaint(const std::string& bytes) {
  try {
    test::LowerBytes(bytes);
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "";
}

TEST(MindIrReader, ReadsGraph) {
  const graph::Graph graph = files::ReadMindIr(test::SmallNetwork());
  EXPECT_EQ(graph.inputs[0].shape, (std::vector<int64_t>{2, 3, 8, 8}));
  EXPECT_EQ(graph.outputs.size(), 1u);
  for (const graph::Node& node : graph.nodes) {
    EXPECT_NE(node.op, "Load");
    EXPECT_NE(node.op, "Depend");
    EXPECT_NE(node.op, "TupleGetItem");
  }
}

TEST(MindIrReader, Garbage) {
  EXPECT_NE(Complaint("").find("not a MindIR"), std::string::npos);
  EXPECT_NE(Complaint("hello, world").find("not a MindIR"), std::string::npos);
  EXPECT_NE(Complaint(std::string(1000, '\0')).find("not a MindIR"), std::string::npos);
}

TEST(MindIrReader, EveryTruncation) {
  const std::string bytes = test::SmallNetwork();
  ASSERT_EQ(Complaint(bytes), "");
  for (size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_NE(Complaint(bytes.substr(0, size)), "") << "cut to " << size;
  }
}

// A flipped bit may leave a readable network (a weight changed); it must never do worse.
TEST(MindIrReader, EveryByteFlipped) {
  constexpr int kMasks[] = {0x01, 0x80, 0xff};
  std::string bytes = test::SmallNetwork();
  for (size_t i = 0; i < bytes.size(); ++i) {
    const char kept = bytes[i];
    bytes[i] = static_cast<char>(kept ^ kMasks[i % 3]);
    Complaint(bytes);
    bytes[i] = kept;
  }
}

TEST(MindIrReader, NamesUnsupportedOperator) {
  MindIrBuilder b({1, 3, 4, 4});
  b.Output({b.Node("Sin", {b.Input()})});
  EXPECT_NE(Complaint(b.Serialize()).find("Sin"), std::string::npos);
}

TEST(MindIrReader, NamesCalledGraph) {
  MindIrBuilder b({1, 3, 4, 4});
  b.model.nodes.push_back({"REF::some_function", {}, {"y"}, "", "", {}});
  b.Output({"y"});
  EXPECT_NE(Complaint(b.Serialize()).find("some_function"), std::string::npos);
}

TEST(MindIrReader, TupleBombIsRefused) {
  MindIrBuilder b({1, 3, 4, 4});
  std::string tuple = b.Input();
  for (int i = 0; i < 60; ++i) tuple = b.Node("MakeTuple", {tuple, tuple});
  b.Output({b.Node("ReLU", {b.Input()})});
  EXPECT_NE(Complaint(b.Serialize()).find("too large"), std::string::npos);

  MindIrBuilder copies({1, 3, 4, 4});
  tuple = copies.Node("MakeTuple", std::vector<std::string>(2000, copies.Input()));
  for (int i = 0; i < 2000; ++i) tuple = copies.Node("Depend", {tuple, copies.Input()});
  copies.Output({copies.Node("ReLU", {copies.Input()})});
  EXPECT_NE(Complaint(copies.Serialize()).find("too large"), std::string::npos);
}

TEST(MindIrReader, ItemsThatATupleDoesNotHave) {
  const auto complaint = [](const auto& build) {
    MindIrBuilder b({1, 3, 4, 4});
    b.Output({b.Node("ReLU", {build(&b)})});
    return Complaint(b.Serialize());
  };
  const auto get = [](MindIrBuilder* b, const std::string& tuple, const std::string& index) {
    return b->Node("TupleGetItem", {tuple, index});
  };
  const char* part = "not supported";
  EXPECT_EQ(complaint([&](auto* b) {
              return get(b, b->Node("MakeTuple", {b->Input(), b->Input()}), b->Int(1));
            }),
            "");
  EXPECT_NE(complaint([&](auto* b) {
              return get(b, b->Node("MakeTuple", {b->Input()}), b->Int(1));
            }).find(part),
            std::string::npos);
  EXPECT_NE(
      complaint([&](auto* b) { return get(b, b->Node("MakeTuple", {}), b->Int(0)); }).find(part),
      std::string::npos);
  EXPECT_NE(
      complaint([&](auto* b) { return get(b, b->Input(), b->Node("MakeTuple", {})); }).find(part),
      std::string::npos);
  EXPECT_NE(complaint([&](auto* b) {
              const std::string pair = b->Node("MakeTuple", {b->Input(), b->Input()});
              return get(b, b->Node("MakeTuple", {pair, pair}), b->Int(1));
            }).find(part),
            std::string::npos);
}

TEST(MindIrReader, RefusesOtherTypes) {
  MindIrBuilder b({1, 3, 4, 4});
  b.Output({b.Node("Add", {b.Input(), b.Parameter({1}, {1.0f})})});
  b.model.parameters[0].data_type = 10;
  EXPECT_NE(Complaint(b.Serialize()).find("float32"), std::string::npos);
}

TEST(MindIrReader, RefusesWrongDataSize) {
  MindIrBuilder b({1, 3, 4, 4});
  b.Output({b.Node("Add", {b.Input(), b.Parameter({1}, {1.0f})})});
  for (const int64_t dim : {int64_t{2}, int64_t{0}, int64_t{-1}, int64_t{1} << 62}) {
    b.model.parameters[0].dims = {dim};
    EXPECT_NE(Complaint(b.Serialize()), "");
  }
}

TEST(MindIrReader, InputsComeInTheirOrder) {
  MindIrBuilder b({1, 3, 4, 4});
  b.AnotherInput("graph:mask", {1, 7});
  b.Output({b.Node("ReLU", {b.Input()})});
  const graph::Graph graph = files::ReadMindIr(b.Serialize());
  ASSERT_EQ(graph.inputs.size(), 2u);
  EXPECT_EQ(graph.inputs[0].name, "");
  EXPECT_EQ(graph.inputs[1].name, "mask");
  EXPECT_EQ(graph.inputs[1].shape, (std::vector<int64_t>{1, 7}));
  test::MindIrTensor& tensor = b.model.inputs[1].tensors[0];
  tensor.data_type = static_cast<int32_t>(files::DataType::kInt32);
  EXPECT_NE(Complaint(b.Serialize()).find("input 1 of the network is not float32"),
            std::string::npos);
  b.model.inputs[1].tensors.clear();
  EXPECT_NE(Complaint(b.Serialize()).find("input 1 of the network is not one tensor"),
            std::string::npos);
  b.model.inputs.clear();
  EXPECT_NE(Complaint(b.Serialize()).find("no input"), std::string::npos);
}

TEST(MindIrReader, RefusesBigEndian) {
  MindIrBuilder b({1, 3, 4, 4});
  b.Output({b.Node("ReLU", {b.Input()})});
  b.model.little_endian = false;
  EXPECT_NE(Complaint(b.Serialize()).find("big-endian"), std::string::npos);
}

TEST(MindIrReader, RefusesDynamicInput) {
  MindIrBuilder b({1, 3, -1, 4});
  b.Output({b.Node("ReLU", {b.Input()})});
  EXPECT_NE(Complaint(b.Serialize()).find("dynamic"), std::string::npos);
}

// What the reader says it is done with is the weights, each where it lies in the file.
TEST(MindIrReader, SaysWhatItHasRead) {
  MindIrBuilder b({1, 3, 4, 4});
  const std::string sum = b.Node("Add", {b.Input(), b.Parameter({2}, {1, 2})});
  b.Output({b.Node("Add", {sum, b.Parameter({3}, {3, 4, 5})})});
  const std::string bytes = b.Serialize();
  std::vector<size_t> sizes;
  files::ReadMindIr(bytes, [&](std::string_view part) {
    EXPECT_GE(part.data(), bytes.data());
    EXPECT_LE(part.data() + part.size(), bytes.data() + bytes.size());
    sizes.push_back(part.size());
  });
  ASSERT_EQ(sizes.size(), 2u);
  EXPECT_EQ(sizes[1], sizes[0] + sizeof(float));
}

TEST(MindIrReader, LooksAtNothingAgainThatItSaysItHasRead) {
  MindIrBuilder b({1, 3, 4, 4});
  const std::string sum = b.Node("Add", {b.Input(), b.Parameter({2}, {1, 2})});
  b.Output({b.Node("Add", {sum, b.Parameter({3}, {3, 4, 5})})});
  const std::string bytes = b.Serialize();
  std::string gone = bytes;
  const graph::Graph graph = files::ReadMindIr(gone, [&](std::string_view part) {
    std::fill_n(gone.begin() + (part.data() - gone.data()), part.size(), '\0');
  });
  EXPECT_NE(gone, bytes);
  const graph::Graph whole = files::ReadMindIr(bytes);
  ASSERT_EQ(graph.values.size(), whole.values.size());
  for (size_t i = 0; i < whole.values.size(); ++i) {
    EXPECT_EQ(graph.values[i].constant.tensor.data, whole.values[i].constant.tensor.data);
  }
  ASSERT_EQ(graph.nodes.size(), 2u);
  EXPECT_EQ(graph.nodes[1].inputs, whole.nodes[1].inputs);
}

TEST(MindIrReader, RefusesExternalWeights) {
  MindIrBuilder b({1, 3, 4, 4});
  b.Output({b.Node("Add", {b.Input(), b.Parameter({1}, {1.0f})})});
  b.model.parameters[0].external = "data_0";
  EXPECT_NE(Complaint(b.Serialize()).find("second file"), std::string::npos);
}

}  // namespace
}  // namespace adabin
