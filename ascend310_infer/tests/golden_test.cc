// SPDX-License-Identifier: Apache-2.0
//
// Networks exported by MindSpore with its own outputs (tests/golden, made by the Python side),
// through every kernel, directly and by way of the packed file. A case is a folder with
// model.mindir, input.bin and output.bin, or output_<index>.bin for each output; bits_<k>.bin
// (uint8) and conv_<k>.bin are the k-th binary layer's activation bits and raw convolution, both
// NCHW. The folder can be set with ADABIN_GOLDEN.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "backend/cpu_backend.h"
#include "backend/model_file.h"
#include "base/file.h"
#include "compare_steps.h"
#include "files/packed_file.h"
#include "kernels/feature_map.h"
#include "kernels/select_kernel.h"
#include "ops/binary_layer.h"
#include "passes/passes.h"

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

void ExpectNear(const std::vector<float>& got, const std::vector<float>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  float largest = 0;
  for (const float v : expected) largest = std::max(largest, std::abs(v));
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], expected[i], 1e-5f * largest) << "element " << i;
  }
}

// A layer on its own: MindSpore's bits in, MindSpore's convolution out.
void CheckLayer(const graph::Step& step, const std::string& bits,
                const std::vector<float>& expected) {
  const Shape& in = step.geometry.in;
  const Shape& out = step.geometry.out;
  ASSERT_EQ(bits.size() % in.size(), 0u);
  for (const kernels::Kernel& kernel : kernels::KernelTable()) {
    if (!kernel.supported()) continue;
    SCOPED_TRACE(kernel.name);
    const auto conv = kernel.create(ops::RawBinaryParams(step));
    const BitLayout layout = LayoutBits(in, conv->padding());
    const auto packed = schedule::AllocateAligned(layout.bytes());
    const auto scratch = schedule::AllocateAligned(conv->scratch_bytes());
    std::vector<float> got(bits.size() / in.size() * out.size());
    std::vector<float> x(in.size()), x_hwc(in.size()), y_hwc(out.size());
    std::vector<uint8_t> unpacked(in.size());
    for (size_t s = 0; s < bits.size() / in.size(); ++s) {
      // The threshold itself and the float that it is told from.
      const bool bit_of_threshold = step.compare == Compare::kAtLeast;
      const float other = std::nextafter(step.threshold, bit_of_threshold ? -INFINITY : INFINITY);
      for (size_t i = 0; i < in.size(); ++i) {
        x[i] = (bits[s * in.size() + i] != 0) == bit_of_threshold ? step.threshold : other;
      }
      kernels::ChwToHwc(in, x.data(), x_hwc.data());
      PackBits(x_hwc.data(), step.compare, step.threshold, layout, packed.get(), 0, in.h);
      UnpackBits(layout, packed.get(), unpacked.data());
      ASSERT_EQ(std::memcmp(unpacked.data(), bits.data() + s * in.size(), in.size()), 0);
      Target target;
      target.z = y_hwc.data();
      conv->Run(packed.get(), layout, {0, out.h, 0, conv->blocks()}, target, scratch.get());
      kernels::HwcToChw(out, y_hwc.data(), got.data() + s * out.size());
    }
    ExpectNear(got, expected);
  }
}

void CheckLayers(const graph::Plan& plan, const fs::path& folder) {
  int layer = 0;
  for (const graph::Step& step : plan.steps) {
    if (step.kind != graph::StepKind::kBinaryConv) continue;
    const std::string k = std::to_string(layer++);
    SCOPED_TRACE("binary layer " + k);
    if (!fs::exists(folder / ("bits_" + k + ".bin"))) continue;
    CheckLayer(step, ReadFile((folder / ("bits_" + k + ".bin")).string()),
               ReadFloats((folder / ("conv_" + k + ".bin")).string()));
  }
}

void CheckCase(const fs::path& folder) {
  SCOPED_TRACE(folder.filename().string());
  const std::vector<std::vector<float>> expected = Expected(folder);
  ASSERT_FALSE(expected.empty()) << "no output file";
  const std::vector<float> input = ReadFloats((folder / "input.bin").string());
  const graph::Plan network = backend::LoadNetwork((folder / "model.mindir").string());
  const graph::Plan plan = passes::Simplify(network);
  const graph::Plan packed =
      passes::Simplify(files::ReadPackedFile(files::WritePackedFile(network)));
  ASSERT_EQ(packed, plan);
  CheckLayers(plan, folder);
  // As it was exported: what the formulas say does not depend on any pass.
  const std::vector<std::vector<float>> reference =
      test::RunReference(network, input, input.size() / network.input.size());
  ASSERT_EQ(reference.size(), expected.size());
  for (size_t o = 0; o < reference.size(); ++o) ExpectNear(reference[o], expected[o]);
  std::vector<std::string> names = {"float"};
  for (const kernels::Kernel& kernel : kernels::KernelTable()) {
    if (kernel.supported()) names.push_back(kernel.name);
  }
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    for (const graph::Plan* source : {&plan, &packed}) {
      for (const int threads : {1, 2}) {
        backend::Options options;
        options.kernel = name;
        options.threads = threads;
        backend::CpuBackend backend(*source, options);
        ASSERT_EQ(input.size() % backend.input_size(), 0u);
        std::vector<std::vector<float>> outputs;
        backend.Run(input.data(), input.size() / backend.input_size(), &outputs);
        ASSERT_EQ(outputs.size(), expected.size());
        for (size_t o = 0; o < outputs.size(); ++o) {
          ExpectNear(outputs[o], expected[o]);
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
