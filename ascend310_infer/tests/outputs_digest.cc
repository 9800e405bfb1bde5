// SPDX-License-Identifier: Apache-2.0
//
// outputs_digest FIRST COUNT [MODEL...]: a line for each of COUNT random networks, as many random
// plans and each model file, with sums of everything that a change of the engine's structure has to
// leave as it is: the packed file, the words of --dump_plan, and the outputs of every kernel with
// one thread and with two. Built from two versions and compared with diff; no test by itself.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu_backend.h"
#include "backend/model_file.h"
#include "files/packed_file.h"
#include "kernels/select_kernel.h"
#include "lowered.h"
#include "random_network.h"
#include "random_plan.h"

namespace {

using adabin::graph::Plan;

constexpr size_t kSlow = 10000;  // input values of networks that the reference kernel does not run

class Sum {
 public:
  void Add(const void* data, size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (size_t i = 0; i < size; ++i) sum_ = (sum_ ^ bytes[i]) * 0x100000001b3u;
  }
  unsigned long long value() const { return sum_; }

 private:
  uint64_t sum_ = 0xcbf29ce484222325u;
};

void Print(const char* name, const Sum& sum) { std::printf(" %s %016llx", name, sum.value()); }

void PrintRuns(const Plan& plan, const std::vector<float>& input,
               adabin::backend::Options options) {
  std::string name = options.kernel + (options.fuse ? "" : "/alone");
  for (const int threads : {1, 2}) {
    options.threads = threads;
    adabin::backend::CpuBackend backend(plan, options);
    if (threads == 1) {
      Sum text;
      for (const adabin::backend::StepInfo& step : backend.DescribeSteps()) {
        text.Add(step.description.data(), step.description.size() + 1);
      }
      Print((name + "/plan").c_str(), text);
    }
    std::vector<std::vector<float>> outputs;
    backend.Run(input.data(), input.size() / backend.input_size(), &outputs);
    Sum sum;
    for (const std::vector<float>& output : outputs) {
      sum.Add(output.data(), output.size() * sizeof(float));
    }
    Print((name + "/" + std::to_string(threads)).c_str(), sum);
  }
}

// A network as it was exported: its packed file, and what a plan is made of it.
Plan PrintPacked(const std::string& name, const Plan& network) {
  std::printf("%s", name.c_str());
  const Plan plan = adabin::passes::Simplify(network);
  const std::string packed = adabin::files::WritePackedFile(network);
  const Plan read = adabin::passes::Simplify(adabin::files::ReadPackedFile(packed));
  if (!(read == plan)) std::printf(" DIFFERS WHEN READ");
  Sum bytes;
  bytes.Add(packed.data(), packed.size());
  Print("packed", bytes);
  return plan;
}

void PrintPlan(const Plan& plan) {
  std::mt19937 rng(1);
  // Multiples of a small power of two: sums of random networks stay exact, and ties come about.
  std::uniform_int_distribution draw(-8, 8);
  size_t size = 0;
  for (size_t i = 0; i < plan.InputCount(); ++i) size += plan.values[i].size();
  std::vector<float> input(3 * size);
  for (float& x : input) x = static_cast<float>(draw(rng)) / 4;
  adabin::backend::Options options;
  for (const adabin::kernels::Kernel& kernel : adabin::kernels::KernelTable()) {
    options.kernel = kernel.name;
    const bool slow = options.kernel == "reference" && plan.input.size() > kSlow;
    if (kernel.supported() && !slow) PrintRuns(plan, input, options);
  }
  options.kernel = "float";
  PrintRuns(plan, input, options);
  options.kernel = "auto";
  options.fuse = false;
  PrintRuns(plan, input, options);
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const auto first = static_cast<unsigned>(std::atoi(argv[1]));
  const auto count = static_cast<unsigned>(std::atoi(argv[2]));
  for (unsigned seed = first; seed < first + count; ++seed) {
    for (const auto numbers : {adabin::test::Numbers::kExact, adabin::test::Numbers::kExtreme}) {
      if ((seed % 2 == 0) != (numbers == adabin::test::Numbers::kExact)) continue;
      const std::string bytes = adabin::test::RandomResidualNetwork(seed, numbers);
      PrintPlan(PrintPacked("network " + std::to_string(seed), adabin::test::NetworkOf(bytes)));
    }
    adabin::test::RandomPlan random(seed);
    std::printf("plan %u", seed);
    PrintPlan(random.plan_);
  }
  for (int i = 3; i < argc; ++i) {
    PrintPlan(PrintPacked(argv[i], adabin::backend::LoadNetwork(argv[i])));
  }
  return 0;
}
