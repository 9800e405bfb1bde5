// SPDX-License-Identifier: Apache-2.0
#include "backend/backend.h"

#include <utility>

#include "backend/cpu_model.h"
#include "backend/reference_model.h"
#include "base/error.h"
#include "passes/passes.h"

namespace adabin::backend {
namespace {

std::unique_ptr<Model> CreateCpu(graph::Plan network, const ModelOptions& options) {
  return std::make_unique<CpuModel>(passes::Simplify(std::move(network)), options);
}

std::unique_ptr<Model> CreateReference(graph::Plan network, const ModelOptions& options) {
  return std::make_unique<ReferenceModel>(std::move(network), options);
}

constexpr Device kDevices[] = {
    {"CPU", "this project's kernels, binary layers on bits", CreateCpu},
    {"Reference", "operators by their formulas, slow and on one thread, to compare others with",
     CreateReference},
    {"Ascend", "is not implemented yet; use CPU, or run the file with MindSpore Lite's own tools",
     nullptr},
};

const Device& Find(const std::string& type) {
  std::string types;
  for (const Device& device : kDevices) {
    if (type == device.type) return device;
    types.append(types.empty() ? "" : ", ").append(device.type);
  }
  throw Error("device_type " + Printable(type) + ": is none of " + types);
}

}  // namespace

std::span<const Device> Devices() { return kDevices; }

void CheckDevice(const std::string& type, int id) {
  const Device& device = Find(type);
  if (device.create == nullptr) throw Error("device_type " + type + ": " + device.description);
  if (id != 0)
    throw Error("device_id " + std::to_string(id) + ": there is only device 0 of " + type);
}

std::unique_ptr<Model> CreateModel(graph::Plan network, const ModelOptions& options) {
  CheckDevice(options.device_type, options.device_id);
  return Find(options.device_type).create(std::move(network), options);
}

}  // namespace adabin::backend
