// SPDX-License-Identifier: Apache-2.0
//
// Packed files with mutations and a right checksum. Each may be refused, in one line, or read; what
// is read has to run, and to give the same bits fused and step by step, by the best kernel and by
// the reference: a pass that reads or overwrites another's buffer shows there, anything outside the
// arena with the sanitizers. ADABIN_FUZZ_FILES sets how many files are made of each network.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu_backend.h"
#include "base/bits.h"
#include "base/error.h"
#include "change_array.h"
#include "check_kernels.h"
#include "compare_steps.h"
#include "files/packed_file.h"
#include "lowered.h"
#include "mindir_builder.h"
#include "packed_bytes.h"
#include "random_network.h"

namespace adabin {
namespace {

using graph::Plan;
using graph::Step;
using graph::StepKind;

class Mutator {
 public:
  explicit Mutator(unsigned seed) : rng_(seed) {}

  // Of the plan's fields, of the file's bytes, or both.
  std::string Mutate(const Plan& plan) {
    Plan changed = plan;
    const int kind = Draw(0, 3);
    if (kind != 0) {
      for (int i = Draw(1, 3); i > 0; --i) MutateStep(&changed);
      if (Draw(0, 9) == 0) changed.outputs.push_back(AnyValue(changed));
      if (Draw(0, 19) == 0) *Pick({&changed.input.c, &changed.input.h, &changed.input.w}) = Size();
    }
    std::string bytes = files::WritePackedFile(changed);
    if (kind == 0 || Draw(0, 9) == 0) MutateBytes(&bytes);
    files::Sign(&bytes);
    return bytes;
  }

 private:
  int Draw(int low, int high) { return std::uniform_int_distribution(low, high)(rng_); }
  template <typename T>
  T Pick(std::initializer_list<T> from) {
    return from.begin()[Draw(0, static_cast<int>(from.size()) - 1)];
  }
  int Size() {
    return Draw(0, 3) > 0 ? Draw(0, 9)
                          : Pick({-1, 16, 17, 31, 64, 255, 1023, 1024, 1025, 1 << 19, 1 << 20,
                                  (1 << 20) + 1, 1 << 28, 0x7fffffff});
  }
  int AnyValue(const Plan& plan) { return Draw(0, static_cast<int>(plan.steps.size())); }
  Step& AnyStep(Plan* plan) {
    return plan->steps[static_cast<size_t>(Draw(1, static_cast<int>(plan->steps.size()))) - 1];
  }
  template <typename T>
  void MutateArray(std::vector<T>* data) {
    if (Draw(0, 1) == 0) {
      data->resize(static_cast<size_t>(Draw(0, 2 * static_cast<int>(data->size()) + 1)));
    } else if (!data->empty()) {
      T& value = (*data)[static_cast<size_t>(Draw(0, static_cast<int>(data->size()) - 1))];
      const uint32_t word = static_cast<uint32_t>(rng_());
      if constexpr (std::is_same_v<T, uint32_t>) {
        value = word;
      } else {  // any float: NaN, infinite and denormal ones
        float number;
        std::memcpy(&number, &word, sizeof(number));
        value = number;
      }
    }
  }

  void MutateStep(Plan* plan) {
    Step& step = AnyStep(plan);
    ConvGeometry& g = step.geometry;
    if (step.inputs.empty()) step.inputs = {0};  // for the kind that it may become
    switch (Draw(0, 13)) {
      case 0:
        step.inputs[0] = AnyValue(*plan);
        break;
      case 1:
        step.SetSecond(AnyValue(*plan) - 1);
        break;
      case 2:
        step.kind = static_cast<StepKind>(Draw(0, test::kKinds + 1));
        break;
      case 3:
      case 4:
      case 5:
        *Pick({&g.kernel_h, &g.kernel_w, &g.stride_h, &g.stride_w, &g.dilation_h, &g.dilation_w,
               &g.pad_top, &g.pad_bottom, &g.pad_left, &g.pad_right, &g.groups}) = Size();
        break;
      case 6:
        step.out_channels = Size();
        break;
      case 7:
        step.pads[Draw(0, 5)] = Size();
        if (step.shape.rank() > 0) step.shape[Draw(0, step.shape.rank() - 1)] = Size();
        break;
      case 8:
        step.after.act = static_cast<Activation>(Draw(0, 3));
        step.compare = static_cast<Compare>(Draw(0, 2));
        break;
      case 9:
        if (Draw(0, 4) == 0) {
          test::ChangeArray(&step.weights, [this](auto* weights) { MutateArray(weights); });
        } else {
          MutateArray(Pick(
              {&step.weight_low, &step.weight_high, &step.after.positive, &step.after.negative}));
        }
        break;
      case 10:
        MutateArray(Pick({&step.after.scale, &step.after.shift}));
        break;
      case 11: {
        std::vector<int>* list = Pick({&step.axes, &step.first, &step.steps});
        if (Draw(0, 3) == 0) list->resize(static_cast<size_t>(Draw(0, kMaxRank)));
        for (int& number : *list) number = Draw(0, 2) == 0 ? Size() : number;
        break;
      }
      case 12:
        step.function = static_cast<uint8_t>(Draw(0, 9));
        step.inputs.resize(static_cast<size_t>(Draw(1, 4)), AnyValue(*plan));
        break;
      default:
        test::ChangeArray(&step.bits, [this](auto* bits) { MutateArray(bits); });
    }
  }

  // Mostly in the table, where a byte decides about much; sometimes where the file says what lies
  // where, or anywhere but in what tells that it is a packed file.
  void MutateBytes(std::string* bytes) {
    const files::Sections sections = files::ReadContainer(*bytes);
    const std::string_view table = sections.at(files::Section::kNetwork);
    const auto table_begin = static_cast<size_t>(table.data() - bytes->data());
    for (int i = Draw(1, 4); i > 0; --i) {
      const int where = Draw(0, 9);
      const size_t begin = where == 0 ? 24 : where == 1 ? 16 : table_begin;
      const size_t end = where == 0   ? table_begin
                         : where == 1 ? bytes->size()
                                      : table_begin + table.size();
      const size_t at = std::uniform_int_distribution(begin, end - 1)(rng_);
      char& byte = (*bytes)[at];
      switch (Draw(0, 2)) {
        case 0:
          byte = static_cast<char>(byte ^ (1 << Draw(0, 7)));
          break;
        case 1:
          byte = static_cast<char>(Pick({0, 1, 2, 0x7f, 0x80, 0x81, 0xff}));
          break;
        default:
          byte = static_cast<char>(Draw(0, 255));
      }
    }
  }

  std::mt19937 rng_;
};

// Whether a network is small enough to be run here: files may ask for a lot, legally.
bool IsSmall(const Plan& plan) {
  double work = 0;
  for (const TensorShape& shape : plan.values) work += static_cast<double>(shape.size());
  for (const Step& step : plan.steps) {
    const ConvGeometry& g = step.geometry;
    if (g.out.c == 0) continue;
    const BitPadding pad = WindowPadding(g);
    const double rows = double{1} * pad.top + g.in.h + pad.bottom + g.kernel_h;
    const double columns = double{1} * pad.left + g.in.w + pad.right + g.kernel_w;
    work += rows * columns * (g.in.c + 32) + static_cast<double>(g.out.size()) * g.taps();
    work += double{1} * g.out.c * g.taps() * (g.in.c + 32);
    if (step.out_channels > 0) work += static_cast<double>(g.out.size()) * g.filter_size();
  }
  for (const int output : plan.outputs) {
    work += static_cast<double>(plan.values[static_cast<size_t>(output)].size());
  }
  return work < 2e6;
}

using Maps = std::vector<std::vector<float>>;

Maps Run(const Plan& plan, const char* kernel, int threads, bool fuse) {
  backend::Options options;
  options.kernel = kernel;
  options.threads = threads;
  options.fuse = fuse;
  backend::CpuBackend backend(plan, options);
  std::mt19937 rng(5);
  std::vector<float> input(backend.input_size());
  for (float& v : input) v = 0.25f * static_cast<float>(std::uniform_int_distribution(-8, 8)(rng));
  Maps outputs;
  backend.Run(input.data(), 1, &outputs);
  return outputs;
}

int Files() {
  const char* files = std::getenv("ADABIN_FUZZ_FILES");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return files != nullptr ? std::atoi(files) : 100;
#else
  return files != nullptr ? std::atoi(files) : 500;
#endif
}

void Fuzz(const Plan& plan, unsigned seed) {
  int read = 0;
  int run = 0;
  Mutator mutator(seed);
  const int files = Files();
  for (int i = 0; i < files && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", file " + std::to_string(i));
    const std::string bytes = mutator.Mutate(plan);
    if (!test::Refusal(bytes).empty()) continue;
    ++read;
    const Plan network = files::ReadPackedFile(bytes);
    const Plan mutant = passes::Simplify(network);
    if (!IsSmall(mutant)) continue;
    ++run;
    const Maps expected = Run(mutant, "reference", 1, false);
    const Maps fused = Run(mutant, "auto", i % 3 + 1, true);
    const Maps as_float = Run(mutant, "float", 1, true);
    ASSERT_EQ(as_float.size(), expected.size());
    for (size_t o = 0; o < expected.size(); ++o) {
      ASSERT_TRUE(test::SameFloats(fused[o], expected[o])) << "output " << o;
    }
    if (i % 4 == 0) test::CompareSteps(network, static_cast<unsigned>(i));
  }
  EXPECT_GT(read, files / 20);
  EXPECT_GT(run, read / 2);
  std::printf("%d files, %d read, %d run\n", files, read, run);
}

TEST(PackedFuzz, EveryKindOfStep) { Fuzz(test::PlanOfEveryKind(), 1); }

TEST(PackedFuzz, SmallNetwork) { Fuzz(test::NetworkOf(test::SmallNetwork()), 2); }

TEST(PackedFuzz, RandomNetworks) {
  const auto first = static_cast<unsigned>(Files());  // others with another number
  int networks = 0;
  for (unsigned seed = first; networks < 4; ++seed) {
    const auto numbers = seed % 2 == 0 ? test::Numbers::kExact : test::Numbers::kExtreme;
    const Plan plan = test::NetworkOf(test::RandomResidualNetwork(seed, numbers));
    if (!IsSmall(plan)) continue;
    Fuzz(plan, seed);
    ++networks;
  }
}

}  // namespace
}  // namespace adabin
