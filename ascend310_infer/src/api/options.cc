// SPDX-License-Identifier: Apache-2.0
#include "api/options.h"

#include <cmath>
#include <string>

#include "api/status.h"
#include "base/thread_pool.h"
#include "kernels/select_kernel.h"

using adabin::api::Guard;
using adabin::api::NotNull;
using adabin::api::Refuse;

adabin_status* adabin_model_options_create(adabin_model_options** options) {
  return Guard(ADABIN_INTERNAL, [&] {
    NotNull(options, "options");
    *options = new adabin_model_options();
  });
}

void adabin_model_options_release(adabin_model_options* options) { delete options; }

adabin_status* adabin_model_options_set_kernel(adabin_model_options* options, const char* kernel) {
  return Guard(ADABIN_INVALID_ARGUMENT, [&] {
    NotNull(options, "options");
    NotNull(kernel, "kernel");
    const std::string name = kernel;
    if (name != "float") adabin::kernels::SelectKernel(name);
    options->value.kernel = name;
  });
}

adabin_status* adabin_model_options_set_device(adabin_model_options* options, const char* type,
                                               int id) {
  return Guard(ADABIN_INVALID_ARGUMENT, [&] {
    NotNull(options, "options");
    NotNull(type, "type");
    adabin::backend::CheckDevice(type, id);
    options->value.device_type = type;
    options->value.device_id = id;
  });
}

adabin_status* adabin_session_options_create(adabin_session_options** options) {
  return Guard(ADABIN_INTERNAL, [&] {
    NotNull(options, "options");
    *options = new adabin_session_options();
  });
}

void adabin_session_options_release(adabin_session_options* options) { delete options; }

adabin_status* adabin_session_options_set_threads(adabin_session_options* options, int threads) {
  return Guard(ADABIN_INVALID_ARGUMENT, [&] {
    NotNull(options, "options");
    if (threads < 0 || threads > adabin::kMaxThreads) {
      Refuse("threads " + std::to_string(threads) + ": give 1 to " +
             std::to_string(adabin::kMaxThreads) + ", or 0 for the processors of this process");
    }
    options->threads = threads;
  });
}

adabin_status* adabin_session_options_set_profile(adabin_session_options* options, int profile) {
  return Guard(ADABIN_INVALID_ARGUMENT, [&] {
    NotNull(options, "options");
    options->profile = profile != 0;
  });
}

adabin_status* adabin_session_options_set_input_type(adabin_session_options* options,
                                                     adabin_type type) {
  return Guard(ADABIN_INVALID_ARGUMENT, [&] {
    NotNull(options, "options");
    if (type != ADABIN_FLOAT32 && type != ADABIN_UINT8) {
      Refuse("type " + std::to_string(static_cast<int>(type)) +
             ": inputs are ADABIN_FLOAT32 or ADABIN_UINT8");
    }
    options->input_type = type;
  });
}

adabin_status* adabin_session_options_set_normalization(adabin_session_options* options,
                                                        const float* mean, const float* std,
                                                        size_t channels) {
  return Guard(ADABIN_INVALID_ARGUMENT, [&] {
    NotNull(options, "options");
    NotNull(mean, "mean");
    NotNull(std, "std");
    if (channels == 0) Refuse("channels 0: give a mean and a std for each channel");
    for (size_t c = 0; c < channels; ++c) {
      if (!std::isfinite(mean[c]) || !std::isfinite(std[c]) || std[c] <= 0) {
        Refuse("mean and std of channel " + std::to_string(c) +
               ": have to be finite numbers, std above 0");
      }
    }
    std::vector<float> means(mean, mean + channels);
    options->std.assign(std, std + channels);
    options->mean.swap(means);
  });
}

adabin_status* adabin_session_options_set_memory_limit(adabin_session_options* options,
                                                       size_t bytes) {
  return Guard(ADABIN_INVALID_ARGUMENT, [&] {
    NotNull(options, "options");
    options->memory_limit = bytes;
  });
}
