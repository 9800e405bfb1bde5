// SPDX-License-Identifier: Apache-2.0
//
// Time of the CPU's convolution operators per layer of the CIFAR networks, alone, without MindSpore.
//
//     g++ -O3 -march=native -std=c++17 -pthread -Isrc/adabin/cpu/kernels benchmarks/cpu_kernels.cc src/adabin/cpu/kernels/*.cc
//         -o cpu_kernels; ADABIN_CPU_THREADS=2 ./cpu_kernels [batch size, default 128] [part of the layer's name]
//
// Prints the median time and, for backward operators, multiplications per second (data gradient + weight gradient).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "conv_planes.h"
#include "conv_shape.h"
#include "conv_weight_grad.h"
#include "parallel.h"
#include "popcount_conv.h"

namespace {

using namespace adabin_cpu;

struct Layer {
  const char* name;
  int64_t c, o, size, kernel, stride;
  bool binary;
  int resnet20, resnet18;  // how often it occurs
};

constexpr Layer kLayers[] = {
    {"first 3-16 @32", 3, 16, 32, 3, 1, false, 1, 0},      {"16-16 @32", 16, 16, 32, 3, 1, true, 6, 0},
    {"16-32 @32 /2", 16, 32, 32, 3, 2, true, 1, 0},        {"32-32 @16", 32, 32, 16, 3, 1, true, 5, 0},
    {"32-64 @16 /2", 32, 64, 16, 3, 2, true, 1, 0},        {"64-64 @8", 64, 64, 8, 3, 1, true, 5, 0},
    {"first 3-64 @32", 3, 64, 32, 3, 1, false, 0, 1},      {"64-64 @32", 64, 64, 32, 3, 1, true, 0, 4},
    {"64-128 @32 /2", 64, 128, 32, 3, 2, true, 0, 1},      {"128-128 @16", 128, 128, 16, 3, 1, true, 0, 3},
    {"128-256 @16 /2", 128, 256, 16, 3, 2, true, 0, 1},    {"256-256 @8", 256, 256, 8, 3, 1, true, 0, 3},
    {"256-512 @8 /2", 256, 512, 8, 3, 2, true, 0, 1},      {"512-512 @4", 512, 512, 4, 3, 1, true, 0, 3},
    {"1x1 64-128 @32 /2", 64, 128, 32, 1, 2, false, 0, 1}, {"1x1 128-256 @16 /2", 128, 256, 16, 1, 2, false, 0, 1},
    {"1x1 256-512 @8 /2", 256, 512, 8, 1, 2, false, 0, 1},
};

template <typename Run>
double MedianSeconds(const Run& run) {
  std::vector<double> seconds;
  run();
  for (double total = 0; seconds.size() < 5 || (seconds.size() < 15 && total < 0.25); total += seconds.back()) {
    const auto start = std::chrono::steady_clock::now();
    run();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + seconds.size() / 2, seconds.end());
  return seconds[seconds.size() / 2];
}

std::vector<float> Random(int64_t count, float scale) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  std::vector<float> values(count);
  for (float& v : values) v = uniform(random);
  return values;
}

}  // namespace

int main(int argc, char** argv) {
  const char* threads = std::getenv("ADABIN_CPU_THREADS");  // Python tells the library; nobody else reads it
  SetNumThreads(threads != nullptr ? std::atoi(threads) : 1);
  const int64_t n = argc > 1 ? std::max(1, std::atoi(argv[1])) : 128;
  std::printf("%d threads, batch size %d\n", NumThreads(), static_cast<int>(n));
  std::printf("%-20s %9s %9s %9s   %9s %9s\n", "layer", "y ms", "dx ms", "dw ms", "dx GMAC/s", "dw GMAC/s");
  double binary20 = 0, plain20 = 0, binary18 = 0, plain18 = 0;
  for (const Layer& layer : kLayers) {
    if (argc > 2 && std::strstr(layer.name, argv[2]) == nullptr) continue;
    const int64_t pad = layer.kernel / 2, out = (layer.size + 2 * pad - layer.kernel) / layer.stride + 1;
    const ConvShape s{
        n,   layer.c, layer.size, layer.size, layer.o, layer.kernel, layer.kernel, layer.stride, layer.stride,
        pad, pad,     out,        out};
    const std::vector<float> x = Random(n * s.c * s.in_pixels(), 1), w = Random(s.o * s.filter(), 0.1f);
    const std::vector<float> dy = Random(n * s.o * s.out_pixels(), 1);
    std::vector<float> y(dy.size()), dx(x.size()), dw(w.size());
    const ActivationSet set(0.9f, 0.05f, false);
    const ActivationGradient activation(set, Estimator::kPolynomial, 1, 1);
    ActivationSums sums;
    const double forward = MedianSeconds([&] {
      if (layer.binary) {
        PopcountConv(s, x.data(), w.data(), set, BinarySet::kAdaBin, y.data());
      } else {
        ConvForward(s, x.data(), w.data(), y.data());
      }
    });
    const double data = MedianSeconds([&] {
      ConvDataGradient(s, dy.data(), w.data(), dx.data(), layer.binary ? &activation : nullptr, x.data(), &sums);
    });
    const double weights = MedianSeconds([&] {
      ConvWeightGradient(s, dy.data(), x.data(), layer.binary ? &set : nullptr, [&](int64_t o, const float* gradient) {
        if (layer.binary) {
          FilterGradient(w.data() + o * s.filter(), s.filter(), BinarySet::kAdaBin, Estimator::kTanh, 1, 1, gradient,
                         dw.data() + o * s.filter());
        } else {
          std::copy_n(gradient, s.filter(), dw.data() + o * s.filter());
        }
      });
    });
    const double giga = 1e-9 * n * s.o * s.out_pixels() * s.filter();
    std::printf("%-20s %9.2f %9.2f %9.2f   %9.1f %9.1f\n", layer.name, 1e3 * forward, 1e3 * data, 1e3 * weights,
                giga / data, giga / weights);
    const bool needs_data = layer.c != 3;
    const double total = forward + weights + (needs_data ? data : 0);
    (layer.binary ? binary20 : plain20) += layer.resnet20 * total;
    (layer.binary ? binary18 : plain18) += layer.resnet18 * total;
  }
  std::printf("per step: ResNet-20 %.1f ms binary, %.1f ms plain; ResNet-18 %.1f ms binary, %.1f ms plain\n",
              1e3 * binary20, 1e3 * plain20, 1e3 * binary18, 1e3 * plain18);
  return 0;
}
