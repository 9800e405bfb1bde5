// SPDX-License-Identifier: Apache-2.0
//
// Tensors of any rank: what counts as the same, where their elements lie, and how they are moved.
#include "kernels/tensor.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "base/error.h"
#include "base/tensor_shape.h"
#include "graph/plan.h"
#include "kernels/feature_map.h"

namespace adabin {
namespace {

TensorShape Tensor(const std::vector<int>& dims) { return TensorShape(dims); }

std::vector<float> Counting(size_t size) {
  std::vector<float> values(size);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

TEST(TensorShape, AVectorIsTheMapOfOnePixelAndNothingElseIs) {
  EXPECT_EQ(Tensor({5}), TensorShape(Shape{5, 1, 1}));
  EXPECT_NE(Tensor({5}), Tensor({5, 1}));
  EXPECT_NE(Tensor({5}), TensorShape(Shape{1, 5, 1}));
  EXPECT_NE(Tensor({2, 3}), Tensor({3, 2}));
  EXPECT_NE(Tensor({1, 5}), Tensor({5}));
  EXPECT_EQ(Tensor({2, 3, 4}).map(), (Shape{2, 3, 4}));
  EXPECT_EQ(Tensor({5}).map(), (Shape{5, 1, 1}));
  EXPECT_THROW(Tensor(std::vector<int>(kMaxRank + 1, 1)), Error);
}

TEST(TensorShape, PixelsAreTheOrderOfMemory) {
  EXPECT_EQ(Tensor({2, 3, 4}).pixels(), (Shape{2, 3, 4}));
  EXPECT_EQ(Tensor({6, 4}).pixels(), (Shape{4, 1, 6}));
  EXPECT_EQ(Tensor({2, 3, 4, 5}).pixels(), (Shape{5, 6, 4}));
}

TEST(TensorShape, OnlyMapsHaveTheirChannelsLast) {
  EXPECT_EQ(MemoryStrides(Tensor({2, 3, 4})), (Strides{1, 8, 2}));
  EXPECT_EQ(MemoryStrides(Tensor({3, 4})), (Strides{4, 1}));
  EXPECT_EQ(MemoryStrides(Tensor({2, 3, 4, 5})), (Strides{60, 20, 5, 1}));
  EXPECT_EQ(RowMajor(Tensor({2, 3, 4})), (Strides{12, 4, 1}));
}

TEST(Plan, OutputDimsAreThoseOfTheFile) {
  graph::Plan plan;
  plan.values = {Shape{10, 1, 1}, Shape{2, 3, 4}, Tensor({7, 4}), Tensor({9}), Shape{2, 1, 4}};
  plan.outputs = {2, 0, 1, 3, 4};
  EXPECT_EQ(plan.OutputDims(0), (std::vector<int>{7, 4}));
  EXPECT_EQ(plan.OutputDims(1), (std::vector<int>{10}));
  EXPECT_EQ(plan.OutputDims(2), (std::vector<int>{2, 3, 4}));
  EXPECT_EQ(plan.OutputDims(3), (std::vector<int>{9}));
  EXPECT_EQ(plan.OutputDims(4), (std::vector<int>{2, 1, 4}));
}

// Against an index for each element, for any order of the axes in both tensors.
TEST(Rearrange, MovesEachElementToItsPlace) {
  std::mt19937 rng(1);
  for (int trial = 0; trial < 300; ++trial) {
    const auto rank = static_cast<size_t>(1 + trial % kMaxRank);
    std::vector<int> dims;
    for (size_t i = 0; i < rank; ++i) dims.push_back(1 + static_cast<int>(rng() % 4));
    const TensorShape shape(dims);
    Strides strides[2] = {};
    for (Strides& s : strides) {
      std::vector<size_t> order(rank);
      std::iota(order.begin(), order.end(), 0u);
      if (trial % 3 != 0) std::shuffle(order.begin(), order.end(), rng);
      size_t step = 1;
      for (const size_t axis : order) {
        s[axis] = step;
        step *= static_cast<size_t>(dims[axis]);
      }
    }
    const std::vector<float> x = Counting(shape.size());
    std::vector<float> z(x.size(), -1.0f), expected(x.size(), -1.0f);
    for (size_t i = 0; i < x.size(); ++i) {
      size_t rest = i, from = 0, to = 0;
      for (size_t axis = rank; axis-- > 0;) {
        const size_t index = rest % static_cast<size_t>(dims[axis]);
        rest /= static_cast<size_t>(dims[axis]);
        from += index * strides[0][axis];
        to += index * strides[1][axis];
      }
      expected[to] = x[from];
    }
    kernels::Rearrange(shape, strides[0], x.data(), strides[1], z.data());
    ASSERT_EQ(z, expected) << "trial " << trial;
  }
}

TEST(Rearrange, IsTheChangeOfLayoutOfAMap) {
  const Shape map{3, 4, 5};
  const std::vector<float> x = Counting(map.size());
  std::vector<float> z(x.size()), expected(x.size());
  kernels::HwcToChw(map, x.data(), expected.data());
  kernels::Rearrange(map, MemoryStrides(map), x.data(), RowMajor(map), z.data());
  EXPECT_EQ(z, expected);
}

TEST(CopyInOrder, KeepsRowMajorOrderBetweenAnyShapes) {
  const std::vector<std::vector<int>> shapes = {{24},       {2, 3, 4}, {4, 6},          {6, 2, 2},
                                                {24, 1, 1}, {1, 24},   {2, 2, 1, 3, 2}, {1, 1, 24}};
  const std::vector<float> row_major = Counting(24);
  const auto in_memory = [&](const TensorShape& shape) {
    std::vector<float> values(24);
    kernels::Rearrange(shape, RowMajor(shape), row_major.data(), MemoryStrides(shape),
                       values.data());
    return values;
  };
  for (const auto& from : shapes) {
    for (const auto& to : shapes) {
      const TensorShape in(from), out(to);
      std::vector<float> z(24);
      kernels::CopyInOrder(in, MemoryStrides(in), in_memory(in).data(), out, MemoryStrides(out),
                           z.data());
      EXPECT_EQ(z, in_memory(out));
    }
  }
}

}  // namespace
}  // namespace adabin
