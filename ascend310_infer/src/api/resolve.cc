// SPDX-License-Identifier: Apache-2.0
//
// Options of a session together with the model that it is of.
#include <cmath>
#include <string>
#include <vector>

#include "api/model.h"
#include "api/options.h"
#include "api/status.h"
#include "base/default_threads.h"

using adabin::api::Guard;
using adabin::api::NotNull;

namespace adabin::api {
namespace {

std::vector<float> FromMetadata(const Model& model, const char* key) {
  const std::string* value = Find(model.metadata, key);
  if (value == nullptr) {
    Refuse(std::string("input_type ADABIN_UINT8: the model has no ") + key +
           " in its metadata; call adabin_session_options_set_normalization");
  }
  try {
    const std::vector<double> numbers = Numbers(*value);
    return {numbers.begin(), numbers.end()};
  } catch (const Error& error) {
    Refuse(std::string(key) + " of the model's metadata, " + error.what());
  }
}

std::shared_ptr<const backend::PixelTable> MakePixels(const Model& model,
                                                      const adabin_session_options& options) {
  const size_t inputs = model.network->info().inputs.size();
  if (inputs != 1) {
    Refuse("input_type ADABIN_UINT8: the network has " + std::to_string(inputs) +
           " inputs, only one can be pixels; give all as ADABIN_FLOAT32");
  }
  const auto mean = options.mean.empty() ? FromMetadata(model, "mean") : options.mean;
  const auto std = options.mean.empty() ? FromMetadata(model, "std") : options.std;
  const auto channels = static_cast<size_t>(model.network->info().inputs[0].dims[1]);
  if (mean.size() != channels || std.size() != channels) {
    Refuse("mean and std: are for " + std::to_string(mean.size()) + " and " +
           std::to_string(std.size()) + " channels, the network's input has " +
           std::to_string(channels));
  }
  for (size_t c = 0; c < channels; ++c) {
    if (!std::isfinite(mean[c]) || !std::isfinite(std[c]) || std[c] <= 0) {
      Refuse("mean and std: of the model's metadata are no finite numbers, std above 0");
    }
  }
  return std::make_shared<backend::PixelTable>(mean, std);
}

}  // namespace

backend::SessionOptions Resolve(const Model& model, const adabin_session_options* options) {
  const adabin_session_options none;
  const adabin_session_options& given = options == nullptr ? none : *options;
  backend::SessionOptions resolved;
  resolved.threads = given.threads == 0 ? UsableProcessors() : given.threads;
  resolved.profile = given.profile;
  resolved.memory_limit = given.memory_limit;
  if (given.input_type == ADABIN_UINT8) resolved.pixels = MakePixels(model, given);
  return resolved;
}

}  // namespace adabin::api

adabin_status* adabin_model_session_bytes(const adabin_model* model,
                                          const adabin_session_options* options, size_t samples,
                                          size_t* bytes) {
  return Guard(ADABIN_RESOURCE, [&] {
    NotNull(model, "model");
    NotNull(bytes, "bytes");
    const adabin::api::Model& shared = *model->shared;
    *bytes = shared.network->SessionBytes(adabin::api::Resolve(shared, options), samples);
  });
}
