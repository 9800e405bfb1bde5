// SPDX-License-Identifier: Apache-2.0
//
// Networks exported by MindSpore with its own outputs (tests/golden, made by the Python side), through every
// kernel, directly and by way of the packed file. A case is a folder with model.mindir, input.bin
// and output.bin, or output_<index>.bin for each output. The folder can be set with ADABIN_GOLDEN.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "backend/cpu_backend.h"
#include "backend/model_file.h"
#include "base/file.h"
#include "ir/packed_file.h"
#include "kernels/select_kernel.h"

namespace adabin {
namespace {

namespace fs = std::filesystem;

fs::path GoldenFolder() {
  const char* folder = std::getenv("ADABIN_GOLDEN");
  return folder != nullptr ? folder : ADABIN_GOLDEN_DIR;
}

std::vector<std::vector<float>> Expected(const fs::path& folder) {
  std::vector<std::vector<float>> outputs;
  if (fs::exists(folder / "output.bin")) {
    outputs.push_back(ReadFloats((folder / "output.bin").string()));
  }
  for (int i = 0;; ++i) {
    const fs::path file = folder / ("output_" + std::to_string(i) + ".bin");
    if (!fs::exists(file)) return outputs;
    outputs.push_back(ReadFloats(file.string()));
  }
}

void CheckCase(const fs::path& folder) {
  SCOPED_TRACE(folder.filename().string());
  const std::vector<std::vector<float>> expected = Expected(folder);
  ASSERT_FALSE(expected.empty()) << "no output file";
  const std::vector<float> input = ReadFloats((folder / "input.bin").string());
  const ir::Plan plan = backend::LoadPlan((folder / "model.mindir").string());
  const ir::Plan packed = ir::ReadPackedFile(ir::WritePackedFile(plan));
  ASSERT_EQ(packed, plan);
  std::vector<std::string> names = {"float"};
  for (const kernels::Kernel& kernel : kernels::KernelTable()) {
    if (kernel.supported()) names.push_back(kernel.name);
  }
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    for (const ir::Plan* source : {&plan, &packed}) {
      for (const int threads : {1, 2}) {
        backend::Options options;
        options.kernel = name;
        options.threads = threads;
        backend::CpuBackend backend(*source, options);
        ASSERT_EQ(input.size() % backend.info().input_size, 0u);
        std::vector<std::vector<float>> outputs;
        backend.Run(input.data(), input.size() / backend.info().input_size, &outputs);
        ASSERT_EQ(outputs.size(), expected.size());
        for (size_t o = 0; o < outputs.size(); ++o) {
          ASSERT_EQ(outputs[o].size(), expected[o].size());
          float largest = 0;
          for (const float v : expected[o]) largest = std::max(largest, std::abs(v));
          for (size_t i = 0; i < outputs[o].size(); ++i) {
            ASSERT_NEAR(outputs[o][i], expected[o][i], 1e-5f * largest) << "element " << i;
          }
        }
      }
    }
  }
}

TEST(Golden, EveryCase) {
  const fs::path golden = GoldenFolder();
  if (!fs::exists(golden)) GTEST_SKIP() << golden << " does not exist";
  int cases = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(golden)) {
    if (!fs::exists(entry.path() / "model.mindir")) continue;
    ++cases;
    CheckCase(entry.path());
  }
  EXPECT_GT(cases, 0) << golden << " holds no case";
}

}  // namespace
}  // namespace adabin
