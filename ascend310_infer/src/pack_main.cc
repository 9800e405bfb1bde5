// SPDX-License-Identifier: Apache-2.0
//
// adabin_pack: MindIR in, packed model file out.
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "backend/model_file.h"
#include "base/command_line.h"
#include "base/error.h"
#include "base/file.h"
#include "files/packed_file.h"

namespace {

int Pack(const std::string& model, const std::string& output, bool force) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::exists(fs::symlink_status(output, error))) {  // a link to nothing is something, too
    if (!force) {
      throw adabin::Error("--output " + adabin::Printable(output) +
                          ": exists; add --force to replace it");
    }
    if (fs::equivalent(model, output, error)) {
      throw adabin::Error("--output " + adabin::Printable(output) + ": is the model itself");
    }
  }
  const adabin::ir::Plan plan = adabin::backend::LoadPlan(model);
  const std::string bytes = adabin::files::WritePackedFile(plan);
  adabin::WriteFile(output, bytes.data(), bytes.size());

  nlohmann::ordered_json json;
  json["model"] = model;
  json["output"] = output;
  json["model_bytes"] = adabin::FileSize(model);
  json["packed_bytes"] = bytes.size();
  json["binary_layers"] = plan.CountKind(adabin::ir::StepKind::kBinaryConv);
  json["steps"] = plan.steps.size();
  std::cout << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
  return adabin::kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  std::string model;
  std::string output;
  bool force = false;
  CLI::App app("Packs an exported AdaBin network: one bit per binary weight, BatchNorm folded.",
               "adabin_pack");
  app.add_option("--model", model, "network: .mindir from export.py")->required();
  app.add_option("--output", output, "packed file to write, .adabin")->required();
  app.add_flag("--force", force, "replace an existing output file");
  return adabin::RunProgram(&app, argc, argv, [&] { return Pack(model, output, force); });
}
