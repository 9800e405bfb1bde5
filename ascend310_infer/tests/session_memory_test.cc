// SPDX-License-Identifier: Apache-2.0
//
// Networks of a few bytes that ask for a lot of memory. None of it may be touched.
#include "backend/session_memory.h"

#include <gtest/gtest.h>

#include "backend/backend.h"
#include "base/error.h"
#include "files/packed_file.h"
#include "ops/append.h"
#include "packed_bytes.h"

namespace adabin {
namespace {

using graph::Step;
using graph::StepKind;

// One pixel, with a frame of zeros that makes it a map of side x side: so many of them live at the
// same time.
graph::Plan Padded(int side, int maps) {
  graph::Plan plan;
  plan.input = {1, 1, 1};
  for (int i = 0; i < maps; ++i) {
    Step pad;
    pad.kind = StepKind::kPad;
    pad.pads[2] = pad.pads[4] = side - 1;
    plan.steps.push_back(pad);
  }
  for (int i = 0; i < maps; ++i) {
    Step add;
    add.kind = StepKind::kAdd;
    add.inputs = {i == 0 ? 1 : maps + i, i + 1};
    plan.steps.push_back(add);
  }
  plan.outputs = {2 * maps};
  return plan;
}

std::unique_ptr<backend::Model> Load(const graph::Plan& plan) {
  const std::string bytes = files::WritePackedFile(plan);
  EXPECT_LT(bytes.size(), 1000u);
  return backend::CreateModel(files::ReadPackedFile(bytes), {});
}

TEST(SessionMemory, AMapHasALimit) {
  EXPECT_NE(test::Refusal(files::WritePackedFile(Padded(1 << 14, 1))).find("is too large"),
            std::string::npos);
  EXPECT_EQ(test::Refusal(files::WritePackedFile(Padded(1 << 13, 1))), "");
}

TEST(SessionMemory, ASampleThatTakesMoreThanAGibibyteHasToBeAllowed) {
  const auto model = Load(Padded(1 << 13, 6));
  backend::SessionOptions options;
  try {
    model->NewSession(options);
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.find("memory_limit: one sample needs 1"), 0u) << text;
    EXPECT_NE(text.find("allow as many if you trust"), std::string::npos);
  }
  EXPECT_THROW(model->SessionBytes(options, 1), Error);
  options.memory_limit = size_t{1} << 31;
  EXPECT_GT(model->SessionBytes(options, 1), size_t{1} << 30);
  EXPECT_NE(model->NewSession(options), nullptr);
}

TEST(SessionMemory, ThreadsShareSamplesWhereAllOfThemWouldTakeMore) {
  const auto model = Load(Padded(1 << 12, 6));
  backend::SessionOptions options;
  options.threads = 2;
  const size_t two = model->SessionBytes(options, 8);
  options.threads = 16;
  const size_t shared = model->SessionBytes(options, 64);
  EXPECT_LT(shared, two);
  options.memory_limit = size_t{1} << 40;
  EXPECT_GT(model->SessionBytes(options, 64), backend::kMostOfAll);
}

}  // namespace
}  // namespace adabin
