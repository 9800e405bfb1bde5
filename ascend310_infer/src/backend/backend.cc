// SPDX-License-Identifier: Apache-2.0
#include "backend/backend.h"

#include <utility>

#include "backend/cpu_model.h"
#include "base/error.h"

namespace adabin::backend {

void CheckDevice(const std::string& type, int id) {
  if (type == "Ascend") {
    throw Error(
        "device_type Ascend: is not implemented yet; use CPU, or run the file with MindSpore "
        "Lite's own tools");
  }
  if (type != "CPU") throw Error("device_type " + Printable(type) + ": use CPU or Ascend");
  if (id != 0) throw Error("device_id " + std::to_string(id) + ": the CPU is device 0");
}

std::unique_ptr<Model> CreateModel(graph::Plan plan, const ModelOptions& options) {
  CheckDevice(options.device_type, options.device_id);
  return std::make_unique<CpuModel>(std::move(plan), options);
}

}  // namespace adabin::backend
