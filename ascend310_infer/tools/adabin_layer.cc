// SPDX-License-Identifier: Apache-2.0
//
// adabin_layer: runs one binary layer of a network on a given input, so that tests can compare it
// with MindSpore without the rest of the network in between. A tool of the tests: what no user of
// the C API can ask, it takes from the engine itself.
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backend/model_file.h"
#include "base/error.h"
#include "base/file.h"
#include "base/write_file.h"
#include "command_line.h"
#include "kernels/feature_map.h"
#include "kernels/select_kernel.h"
#include "ops/binary_layer.h"
#include "passes/passes.h"
#include "schedule/memory_plan.h"

namespace {

namespace fs = std::filesystem;
using adabin::Error;
using adabin::graph::Step;
using Json = nlohmann::ordered_json;

std::vector<const Step*> BinaryLayers(const adabin::graph::Plan& plan) {
  std::vector<const Step*> layers;
  for (const Step& step : plan.steps) {
    if (step.kind == adabin::graph::StepKind::kBinaryConv) layers.push_back(&step);
  }
  return layers;
}

Json Describe(const Step& step) {
  const adabin::ConvGeometry& g = step.geometry;
  Json json;
  json["input"] = {g.in.c, g.in.h, g.in.w};
  json["output"] = {g.out.c, g.out.h, g.out.w};
  json["kernel"] = {g.kernel_h, g.kernel_w};
  json["stride"] = {g.stride_h, g.stride_w};
  json["pad"] = {g.pad_top, g.pad_bottom, g.pad_left, g.pad_right};
  json["dilation"] = {g.dilation_h, g.dilation_w};
  json["groups"] = g.groups;
  json["bit"] = step.compare == adabin::Compare::kAtLeast ? "x >= t" : "not x <= t";
  json["t"] = step.threshold;
  json["high"] = step.high;
  json["low"] = step.low;
  return json;
}

int RunLayer(const Step& step, const std::string& input, const std::string& output,
             const std::string& kernel) {
  const adabin::Shape& in = step.geometry.in;
  const adabin::Shape& out = step.geometry.out;
  const std::vector<float> x = adabin::ReadFloats(input);
  if (x.empty() || x.size() % in.size() != 0) {
    throw Error(adabin::Printable(input) + ": has " + std::to_string(x.size()) +
                " values; the layer's input has " + std::to_string(in.size()) + " per sample");
  }
  const size_t samples = x.size() / in.size();
  const auto conv =
      adabin::kernels::SelectKernel(kernel).create(adabin::ops::RawBinaryParams(step));
  const adabin::BitLayout layout = adabin::LayoutBits(in, conv->padding());
  const auto packed = adabin::schedule::AllocateAligned(layout.bytes());
  const auto scratch = adabin::schedule::AllocateAligned(conv->scratch_bytes());
  std::vector<uint8_t> bits(samples * in.size());
  std::vector<float> result(samples * out.size());
  std::vector<float> x_hwc(in.size());
  std::vector<float> y_hwc(out.size());
  adabin::Target target;
  target.z = y_hwc.data();
  for (size_t s = 0; s < samples; ++s) {
    adabin::kernels::ChwToHwc(in, x.data() + s * in.size(), x_hwc.data());
    adabin::PackBits(x_hwc.data(), step.compare, step.threshold, layout, packed.get(), 0, in.h);
    adabin::UnpackBits(layout, packed.get(), bits.data() + s * in.size());
    conv->Run(packed.get(), layout, {0, out.h, 0, conv->blocks()}, target, scratch.get());
    adabin::kernels::HwcToChw(out, y_hwc.data(), result.data() + s * out.size());
  }
  std::error_code error;
  fs::create_directories(output, error);
  adabin::WriteFile((fs::path(output) / "bits.bin").string(), bits.data(), bits.size());
  adabin::WriteFile((fs::path(output) / "conv.bin").string(), result.data(),
                    result.size() * sizeof(float));
  Json json = Describe(step);
  json["samples"] = samples;
  std::cout << json.dump() << std::endl;
  return adabin::kExitOk;
}

struct Flags {
  std::string model;
  std::string input;
  std::string output;
  std::string kernel = "auto";
  int layer = 0;
  bool list = false;
};

int Run(const Flags& flags) {
  const adabin::graph::Plan plan =
      adabin::passes::Simplify(adabin::backend::LoadNetwork(flags.model));
  const std::vector<const Step*> layers = BinaryLayers(plan);
  if (flags.list) {
    Json json = Json::array();
    for (const Step* step : layers) json.push_back(Describe(*step));
    std::cout << json.dump() << std::endl;
    return adabin::kExitOk;
  }
  if (flags.input.empty() || flags.output.empty()) {
    throw Error("--input and --output are needed; see adabin_layer -h");
  }
  if (flags.layer >= static_cast<int>(layers.size())) {
    throw Error("--layer " + std::to_string(flags.layer) + ": the network has " +
                std::to_string(layers.size()) + " binary layers, numbered from 0");
  }
  return RunLayer(*layers[static_cast<size_t>(flags.layer)], flags.input, flags.output,
                  flags.kernel);
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Runs one binary layer: its activation bits and the convolution's raw output.",
               "adabin_layer");
  app.add_option("--model", flags.model, "network: .mindir or .adabin")->required();
  app.add_option("--layer", flags.layer, "which binary layer, in execution order, from 0")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--input", flags.input, "the layer's input, float32 NCHW");
  app.add_option("--output", flags.output,
                 "folder for bits.bin (uint8, NCHW, 1 where the value is high) and conv.bin "
                 "(float32, NCHW), which are replaced");
  app.add_option("--kernel", flags.kernel, "kernel to use")->capture_default_str();
  app.add_flag("--list", flags.list, "print all binary layers as one line of JSON and end");
  return adabin::RunProgram(&app, argc, argv, [&] { return Run(flags); });
}
