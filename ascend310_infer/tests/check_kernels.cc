// SPDX-License-Identifier: Apache-2.0
#include "check_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "base/bits.h"
#include "kernels/select_kernel.h"
#include "schedule/memory_plan.h"

namespace adabin::test {
namespace {

std::string Print(const ConvGeometry& g) {
  std::string text;
  for (const int v :
       {g.in.c, g.in.h, g.in.w, g.out.c, g.kernel_h, g.kernel_w, g.stride_h, g.stride_w,
        g.dilation_h, g.dilation_w, g.pad_top, g.pad_bottom, g.pad_left, g.pad_right, g.groups}) {
    text += std::to_string(v) + " ";
  }
  return "c h w | oc | k | s | d | pads | groups: " + text;
}

}  // namespace

std::vector<float> RunKernel(const kernels::BConv2D& conv, const RandomConv& random,
                             bool with_residual, std::vector<uint8_t>* bits) {
  const ConvGeometry& g = random.geometry;
  constexpr size_t kGuard = 16;
  constexpr float kSentinel = -12345.0f;
  const BitLayout layout = LayoutBits(g.in, conv.padding());
  std::vector<std::byte> packed(layout.bytes());
  PackBits(random.x.data(), random.compare, random.threshold, layout, packed.data(), 0, g.in.h);
  if (bits != nullptr) {
    bits->resize(g.in.size());
    UnpackBits(layout, packed.data(), bits->data());
  }
  // The next layer's bits: from what is written, whatever the kernel holds in registers.
  Target target;
  target.layout = LayoutBits(g.out, {1, 2, 3, 4});
  std::vector<std::byte> next(target.layout.bytes()), expected(target.layout.bytes());
  target.bits = next.data();
  target.compare = random.compare;
  target.threshold = random.threshold;
  std::vector<float> out(g.out.size() + 2 * kGuard, kSentinel);
  const auto scratch = schedule::AllocateAligned(conv.scratch_bytes());
  // In parts, as threads would: the rows in two, one block of channels after the other.
  const int middle = g.out.h / 2;
  for (const auto& [begin, end] : {std::pair(middle, g.out.h), std::pair(0, middle)}) {
    const size_t row = static_cast<size_t>(begin) * g.out.size() / static_cast<size_t>(g.out.h);
    target.residual = with_residual ? random.residual.data() + row : nullptr;
    target.z = out.data() + kGuard + row;
    for (int block = conv.blocks(); block-- > 0;) {
      conv.Run(packed.data(), layout, {begin, end, block, block + 1}, target, scratch.get());
    }
  }
  for (size_t i = 0; i < kGuard; ++i) {
    EXPECT_EQ(out[i], kSentinel);
    EXPECT_EQ(out[out.size() - 1 - i], kSentinel);
  }
  PackBits(out.data() + kGuard, target.compare, target.threshold, target.layout, expected.data(), 0,
           g.out.h);
  EXPECT_EQ(next, expected);
  // In place over the residual, and bits alone.
  if (with_residual) {
    std::vector<float> in_place = random.residual;
    target.residual = target.z = in_place.data();
    target.bits = nullptr;
    conv.Run(packed.data(), layout, {0, g.out.h, 0, conv.blocks()}, target, scratch.get());
    EXPECT_TRUE(SameFloats(in_place, {out.begin() + kGuard, out.end() - kGuard}));
    std::fill(next.begin(), next.end(), std::byte{0});
    target.residual = random.residual.data();
    target.z = nullptr;
    target.bits = next.data();
    conv.Run(packed.data(), layout, {0, g.out.h, 0, conv.blocks()}, target, scratch.get());
    EXPECT_EQ(next, expected);
  }
  return {out.begin() + kGuard, out.end() - kGuard};
}

testing::AssertionResult SameFloats(const std::vector<float>& got,
                                    const std::vector<float>& expected) {
  if (got.size() != expected.size()) return testing::AssertionFailure() << "sizes differ";
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::bit_cast<uint32_t>(got[i]) == std::bit_cast<uint32_t>(expected[i])) continue;
    if (std::isnan(got[i]) && std::isnan(expected[i])) continue;
    return testing::AssertionFailure()
           << "element " << i << ": " << got[i] << " for " << expected[i];
  }
  return testing::AssertionSuccess();
}

void CheckEveryKernel(const RandomConv& random) {
  SCOPED_TRACE(Print(random.geometry));
  // The convolution itself, without what follows it.
  RandomConv plain = random;
  plain.after.act = Activation::kNone;
  const auto reference_plain = kernels::CreateReferenceBConv2D(plain.Params());
  std::vector<double> magnitude;
  const std::vector<double> literal = plain.LiteralConvolution(&magnitude);
  const std::vector<float> got = RunKernel(*reference_plain, plain, false);
  const kernels::BConv2DConstants constants = kernels::ComputeConstants(plain.Params());
  for (size_t i = 0; i < literal.size(); ++i) {
    const size_t channel = i % constants.a.size();
    if (!std::isfinite(constants.a[channel]) || !std::isfinite(constants.b[channel]) ||
        magnitude[i] > 1e38) {
      continue;  // beyond float32
    }
    // Three constants, two products and two sums are rounded; denormal ones to a fixed step.
    ASSERT_NEAR(got[i], literal[i], 3e-7 * magnitude[i] + 1e-40) << "output " << i;
  }
  const auto reference = kernels::CreateReferenceBConv2D(random.Params());
  std::vector<uint8_t> reference_bits;
  const std::vector<float> expected = RunKernel(*reference, random, true, &reference_bits);
  for (const kernels::Kernel& kernel : kernels::KernelTable()) {
    if (!kernel.supported()) continue;
    SCOPED_TRACE(kernel.name);
    const auto conv = kernel.create(random.Params());
    std::vector<uint8_t> bits;
    ASSERT_TRUE(SameFloats(RunKernel(*conv, random, true, &bits), expected));
    ASSERT_EQ(bits, reference_bits);
  }
}

}  // namespace adabin::test
