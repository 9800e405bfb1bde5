// SPDX-License-Identifier: Apache-2.0
#include "tensor_network.h"

#include <gtest/gtest.h>

#include "backend/cpu_backend.h"
#include "files/packed_file.h"

namespace adabin::test {

std::vector<Floats> RunEveryWay(const graph::Plan& plan, Floats* input) {
  Floats x(plan.input.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = 0.01f * static_cast<float>(i + 1);
  if (input != nullptr) *input = x;
  std::vector<std::vector<Floats>> found;
  const graph::Plan packed = files::ReadPackedFile(files::WritePackedFile(plan));
  EXPECT_EQ(packed, plan);
  for (const graph::Plan* source : {&plan, &packed}) {
    for (const bool fuse : {true, false}) {
      backend::Options options;
      options.fuse = fuse;
      options.threads = fuse ? 1 : 2;
      backend::CpuBackend backend(*source, options);
      found.emplace_back();
      backend.Run(x.data(), 1, &found.back());
      EXPECT_EQ(found.back(), found.front()) << "fused " << fuse;
    }
  }
  return found[0];
}

}  // namespace adabin::test
