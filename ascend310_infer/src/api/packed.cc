// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>

#include "adabin.h"
#include "api/description.h"
#include "api/status.h"
#include "backend/model_file.h"
#include "files/packed_file.h"

using adabin::api::Guard;
using adabin::api::NotNull;

struct adabin_packed {
  std::string bytes;
  int binary_layers = 0;
  size_t steps = 0;
  bool described = false;
};

adabin_status* adabin_packed_create(const char* path, adabin_packed** packed) {
  return Guard(ADABIN_MODEL, [&] {
    NotNull(packed, "packed");
    *packed = nullptr;
    NotNull(path, "path");
    std::string description;
    const adabin::graph::Plan plan = adabin::backend::LoadNetwork(path, &description);
    if (description.empty()) description = adabin::api::DescriptionBeside(path);
    auto made = std::make_unique<adabin_packed>();
    made->bytes = adabin::files::WritePackedFile(plan, description);
    made->described = !description.empty();
    made->binary_layers = plan.CountKind(adabin::graph::StepKind::kBinaryConv);
    made->steps = plan.steps.size();
    *packed = made.release();
  });
}

void adabin_packed_release(adabin_packed* packed) { delete packed; }

const void* adabin_packed_data(const adabin_packed* packed) {
  return packed == nullptr ? nullptr : packed->bytes.data();
}

size_t adabin_packed_size(const adabin_packed* packed) {
  return packed == nullptr ? 0 : packed->bytes.size();
}

int adabin_packed_binary_layers(const adabin_packed* packed) {
  return packed == nullptr ? 0 : packed->binary_layers;
}

size_t adabin_packed_step_count(const adabin_packed* packed) {
  return packed == nullptr ? 0 : packed->steps;
}

int adabin_packed_described(const adabin_packed* packed) {
  return packed != nullptr && packed->described ? 1 : 0;
}
