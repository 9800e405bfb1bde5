// SPDX-License-Identifier: Apache-2.0
//
// Every kernel in the table over the binary layers of the real networks, with all that follows the
// convolution (BatchNorm, residual, Maxout, bits of the next layer), on one thread; once with
// trained weights and once with weights of {-1, +1}, whose BatchNorm stays apart ("/signs").
//
//   bench_layers [--benchmark_filter=REGEX] [--benchmark_repetitions=N] ...
//
// "GMAC/s" counts all taps of all outputs, those in the padding too: a layer that skips them can go
// beyond the peak. "of_peak" is its share of what the popcount loop Peak<isa> below, on registers
// alone, reaches in the same run.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "kernels/select_kernel.h"
#include "schedule/memory_plan.h"

namespace {

using adabin::BitLayout;
using adabin::ConvGeometry;
using adabin::kernels::BConv2D;
using adabin::kernels::BConv2DParams;
using adabin::kernels::Kernel;

struct Layer {
  const char* network;
  int in;
  int out;
  int size;  // of the input
  int kernel;
  int stride;
};

constexpr Layer kLayers[] = {
    {"resnet18", 64, 64, 56, 3, 1},         {"resnet18", 64, 128, 56, 3, 2},
    {"resnet18", 128, 128, 28, 3, 1},       {"resnet18", 128, 256, 28, 3, 2},
    {"resnet18", 256, 256, 14, 3, 1},       {"resnet18", 256, 512, 14, 3, 2},
    {"resnet18", 512, 512, 7, 3, 1},        {"resnet18_cifar", 64, 64, 32, 3, 1},
    {"resnet18_cifar", 128, 128, 16, 3, 1}, {"resnet18_cifar", 256, 256, 8, 3, 1},
    {"resnet18_cifar", 512, 512, 4, 3, 1},  {"resnet20", 16, 16, 32, 3, 1},
    {"resnet20", 16, 32, 32, 3, 2},         {"resnet20", 32, 32, 16, 3, 1},
    {"resnet20", 32, 64, 16, 3, 2},         {"resnet20", 64, 64, 8, 3, 1},
    {"vgg_small", 128, 128, 32, 3, 1},      {"vgg_small", 512, 512, 8, 3, 1},
    {"pointwise", 256, 256, 14, 1, 1},
};

// ---- popcount peaks: and, popcount, add on registers ----------------------------------------

constexpr int kChains = 8;  // independent sums: enough to hide every latency
constexpr int kPeakSteps = 4096;

// In assembly with fixed registers, whose first contents do not matter: compilers keep such sums in
// memory, and the peak would be too low.
#define ADABIN_CHAINS(step) step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7)
#if defined(__x86_64__)
#define ADABIN_SUMS "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7"
#define ADABIN_STEP(n)               \
  "vpandd %%zmm9, %%zmm10, %%zmm8\n" \
  "vpopcntd %%zmm8, %%zmm8\n"        \
  "vpaddd %%zmm8, %%zmm" #n ", %%zmm" #n "\n"
[[gnu::target("avx512f,avx512vpopcntdq")]] double PeakAvx512Vpopcnt() {
  for (int i = 0; i < kPeakSteps; ++i) {
    asm volatile(ADABIN_CHAINS(ADABIN_STEP)::: ADABIN_SUMS, "xmm8");
  }
  return 512.0 * kChains * kPeakSteps;
}
#undef ADABIN_STEP

// Look-up of four bits of two pixels, as nibble_rows.inc does it: nine instructions for 24 taps of
// 32 channels.
#define ADABIN_STEP(all, high)               \
  "vpshufb %%ymm9, %%ymm10, %%ymm8\n"        \
  "vpshufb %%ymm9, %%ymm10, %%ymm11\n"       \
  "vpaddb %%ymm11, %%ymm8, %%ymm8\n"         \
  "vpshufb %%ymm9, %%ymm10, %%ymm11\n"       \
  "vpaddb %%ymm11, %%ymm8, %%ymm8\n"         \
  "vpaddb %%ymm8, %%ymm" #all ", %%ymm" #all \
  "\n"                                       \
  "vpsrlw $4, %%ymm8, %%ymm8\n"              \
  "vpand %%ymm12, %%ymm8, %%ymm8\n"          \
  "vpaddb %%ymm8, %%ymm" #high ", %%ymm" #high "\n"
[[gnu::target("avx2")]] double PeakAvx2() {
  for (int i = 0; i < kPeakSteps; ++i) {
    asm volatile(ADABIN_STEP(0, 4) ADABIN_STEP(1, 5) ADABIN_STEP(2, 6) ADABIN_STEP(3, 7)::
                     : ADABIN_SUMS, "xmm8", "xmm11");
  }
  return 24.0 * 32 * 4 * kPeakSteps;
}
#undef ADABIN_STEP

#define ADABIN_STEP(n)                \
  "vpshufb %%zmm9, %%zmm10, %%zmm8\n" \
  "vpaddb %%zmm8, %%zmm" #n ", %%zmm" #n "\n"
[[gnu::target("avx512f,avx512bw")]] double PeakAvx512LookUp() {
  for (int i = 0; i < kPeakSteps; ++i) {
    asm volatile(ADABIN_CHAINS(ADABIN_STEP)::: ADABIN_SUMS, "xmm8");
  }
  return 256.0 * kChains * kPeakSteps;
}
#undef ADABIN_STEP

#define ADABIN_STEP(n)    \
  "mov %%rcx, %%rax\n"    \
  "and %%rdx, %%rax\n"    \
  "popcnt %%rax, %%rax\n" \
  "add %%rax, %%r" #n "\n"
[[gnu::target("popcnt")]] double PeakPortable() {
  for (int i = 0; i < kPeakSteps; ++i) {
    asm volatile(ADABIN_STEP(8) ADABIN_STEP(9) ADABIN_STEP(10) ADABIN_STEP(11) ADABIN_STEP(12)
                     ADABIN_STEP(13) ADABIN_STEP(14) ADABIN_STEP(15)
                 :
                 :
                 : "rax", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc");
  }
  return 64.0 * kChains * kPeakSteps;
}
#undef ADABIN_STEP
#elif defined(__aarch64__)
#define ADABIN_STEP(n)              \
  "and v16.16b, v17.16b, v18.16b\n" \
  "cnt v16.16b, v16.16b\n"          \
  "add v" #n ".16b, v" #n ".16b, v16.16b\n"
double PeakNeon() {
  for (int i = 0; i < kPeakSteps; ++i) {
    asm volatile(ADABIN_CHAINS(ADABIN_STEP)::
                     : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16");
  }
  return 128.0 * kChains * kPeakSteps;
}
#undef ADABIN_STEP
#endif

// MAC/s at the best of many short runs; 0 where the kernel has no peak of its own.
double MeasurePeak(const std::string& kernel) {
  double (*loop)() = nullptr;
#if defined(__x86_64__)
  if (kernel == "avx512_vpopcnt") loop = PeakAvx512Vpopcnt;
  if (kernel == "avx512") loop = PeakAvx512LookUp;
  if (kernel == "avx2") loop = PeakAvx2;
  if (kernel == "portable" && __builtin_cpu_supports("popcnt")) loop = PeakPortable;
#elif defined(__aarch64__)
  if (kernel == "neon" || kernel == "portable") loop = PeakNeon;
#endif
  if (loop == nullptr) return 0;
  double best = 0;
  for (int i = 0; i < 200; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const double macs = loop();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, macs / seconds.count());
  }
  return best;
}

// ---- layers ----------------------------------------------------------------------------------

std::vector<float> Random(size_t size, std::mt19937* rng) {
  std::normal_distribution<float> normal;
  std::vector<float> values(size);
  for (float& value : values) value = normal(*rng);
  return values;
}

void RunLayer(benchmark::State& state, const Layer& layer, const Kernel& kernel, bool signs,
              double peak) {
  std::mt19937 rng(1);
  ConvGeometry g;
  g.in = {layer.in, layer.size, layer.size};
  g.kernel_h = g.kernel_w = layer.kernel;
  g.stride_h = g.stride_w = layer.stride;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = layer.kernel / 2;
  const int out = (layer.size + 2 * (layer.kernel / 2) - layer.kernel) / layer.stride + 1;
  g.out = {layer.out, out, out};
  const auto channels = static_cast<size_t>(layer.out);
  std::vector<uint32_t> bits(channels * adabin::RowWords(g.filter_size()));
  for (uint32_t& word : bits) word = static_cast<uint32_t>(rng());
  if (const int tail = g.filter_size() % 32; tail != 0) {
    const size_t words = bits.size() / channels;
    for (size_t i = words - 1; i < bits.size(); i += words) bits[i] &= (1u << tail) - 1;
  }
  const std::vector<float> low(channels, signs ? -1.0f : -0.02f);
  const std::vector<float> high(channels, signs ? 1.0f : 0.03f);
  const std::vector<double> scale(channels, 1.1), shift(channels, 0.1);
  const std::vector<float> positive(channels, 1.0f), negative(channels, 0.25f);
  BConv2DParams params;
  params.geometry = g;
  params.high = 1;
  params.low = -1;
  params.bits = bits;
  params.weight_low = low;
  params.weight_high = high;
  params.after = {scale, shift, adabin::Activation::kTwoSlope, positive, negative};
  const auto conv = kernel.create(params);

  const BitLayout layout = adabin::LayoutBits(g.in, conv->padding());
  const std::vector<float> x = Random(g.in.size(), &rng);
  const std::vector<float> residual = Random(g.out.size(), &rng);
  const auto map_bytes = adabin::schedule::AllocateAligned(g.out.size() * sizeof(float));
  auto* map = reinterpret_cast<float*>(map_bytes.get());  // in place, as in the networks
  std::copy(residual.begin(), residual.end(), map);
  adabin::Target target;
  target.layout = adabin::LayoutBits(g.out, {1, 1, 1, 1});
  const auto input = adabin::schedule::AllocateAligned(layout.bytes());
  const auto next = adabin::schedule::AllocateAligned(target.layout.bytes());
  const auto scratch = adabin::schedule::AllocateAligned(conv->scratch_bytes());
  std::fill_n(input.get(), layout.bytes(), std::byte{0});
  std::fill_n(next.get(), target.layout.bytes(), std::byte{0});
  adabin::PackBits(x.data(), target.compare, 0, layout, input.get(), 0, g.in.h);
  target.residual = map;
  target.z = map;
  target.bits = next.get();
  // Time of this process, like the peak, which is the best of many runs: others do not count.
  const std::clock_t start = std::clock();
  for (auto _ : state) {
    conv->Run(input.get(), layout, {0, g.out.h, 0, conv->blocks()}, target, scratch.get());
    benchmark::ClobberMemory();
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  const double macs = static_cast<double>(g.out.size()) * g.filter_size();
  const double rate = macs * static_cast<double>(state.iterations()) / seconds;
  state.counters["GMAC/s"] = rate / 1e9;
  if (peak > 0) state.counters["of_peak"] = rate / peak;
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  for (const Kernel& kernel : adabin::kernels::KernelTable()) {
    if (!kernel.supported() || std::string(kernel.name) == "reference") continue;
    const double peak = MeasurePeak(kernel.name);
    benchmark::AddCustomContext(std::string("peak of ") + kernel.name + ", GMAC/s",
                                peak > 0 ? std::to_string(peak / 1e9) : "unknown");
    for (const Layer& layer : kLayers) {
      const std::string name = std::string(layer.network) + "/" + std::to_string(layer.in) + "-" +
                               std::to_string(layer.out) + "@" + std::to_string(layer.size) + "/" +
                               std::to_string(layer.kernel) + "x" + std::to_string(layer.kernel) +
                               "/s" + std::to_string(layer.stride) + "/" + kernel.name;
      for (const bool signs : {false, true}) {
        benchmark::RegisterBenchmark((name + (signs ? "/signs" : "")).c_str(),
                                     [&layer, &kernel, signs, peak](benchmark::State& state) {
                                       RunLayer(state, layer, kernel, signs, peak);
                                     })
            ->Unit(benchmark::kMicrosecond);
      }
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
