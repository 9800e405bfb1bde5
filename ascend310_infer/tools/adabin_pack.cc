// SPDX-License-Identifier: Apache-2.0
//
// adabin_pack: MindIR in, packed model file out.
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "api.h"
#include "base/error.h"
#include "base/file.h"
#include "base/write_file.h"
#include "command_line.h"

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
  const auto packed = adabin::tools::Made<adabin_packed>(adabin_packed_create, model.c_str());
  const size_t model_bytes = adabin::FileSize(model);
  adabin::StoreFile(output, adabin_packed_data(packed.get()), adabin_packed_size(packed.get()),
                    force);

  nlohmann::ordered_json json;
  json["model"] = model;
  json["output"] = output;
  json["model_bytes"] = model_bytes;
  json["packed_bytes"] = adabin_packed_size(packed.get());
  json["binary_layers"] = adabin_packed_binary_layers(packed.get());
  json["description"] = adabin_packed_described(packed.get()) != 0;
  json["steps"] = adabin_packed_step_count(packed.get());
  std::cout << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
  return adabin::kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  std::string model;
  std::string output;
  bool force = false;
  CLI::App app(
      "Packs an exported AdaBin network: the binary layers' weights as bits, all else as it is.",
      "adabin_pack");
  app.add_option("--model", model, "network: .mindir from export.py, or .adabin to write anew")
      ->required();
  app.add_option("--output", output, "packed file to write, .adabin")->required();
  app.add_flag("--force", force, "replace an existing output file");
  return adabin::RunProgram(&app, argc, argv, [&] { return Pack(model, output, force); });
}
