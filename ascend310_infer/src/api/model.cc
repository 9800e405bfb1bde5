// SPDX-License-Identifier: Apache-2.0
#include "api/model.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "api/options.h"
#include "api/status.h"
#include "backend/model_file.h"

using adabin::api::Guard;
using adabin::api::NotNull;

namespace {

using Network = std::unique_ptr<const adabin::backend::Model>;

Network Create(adabin::graph::Plan network, const adabin_model_options* options) {
  return adabin::backend::CreateModel(
      std::move(network), options == nullptr ? adabin::backend::ModelOptions() : options->value);
}

adabin_model* MakeModel(Network network, std::string description) {
  auto shared = std::make_shared<adabin::api::Model>();
  shared->network = std::move(network);
  shared->metadata = adabin::api::ParseDescription(description);
  shared->description = std::move(description);
  return new adabin_model{std::move(shared)};
}

}  // namespace

adabin_status* adabin_model_load(const char* path, const adabin_model_options* options,
                                 adabin_model** model) {
  return Guard(ADABIN_MODEL, [&] {
    NotNull(model, "model");
    *model = nullptr;
    NotNull(path, "path");
    std::string description;
    adabin::graph::Plan plan = adabin::backend::LoadNetwork(path, &description);
    Network network;
    try {
      network = Create(std::move(plan), options);
    } catch (const adabin::Error& error) {
      throw adabin::Error(adabin::Printable(path) + ": " + error.what());
    }
    if (description.empty()) description = adabin::api::DescriptionBeside(path);
    *model = MakeModel(std::move(network), std::move(description));
  });
}

adabin_status* adabin_model_load_bytes(const void* bytes, size_t size,
                                       const adabin_model_options* options, adabin_model** model) {
  return Guard(ADABIN_MODEL, [&] {
    NotNull(model, "model");
    *model = nullptr;
    NotNull(bytes, "bytes");
    const std::string_view content(static_cast<const char*>(bytes), size);
    std::string description;
    adabin::graph::Plan plan = adabin::backend::ReadNetwork(content, &description);
    *model = MakeModel(Create(std::move(plan), options), std::move(description));
  });
}

void adabin_model_release(adabin_model* model) { delete model; }
