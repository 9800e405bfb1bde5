// SPDX-License-Identifier: Apache-2.0
#include "backend/backend.h"

#include "backend/cpu_backend.h"
#include "backend/model_file.h"
#include "base/error.h"

namespace adabin::backend {

std::unique_ptr<Backend> CreateBackend(const std::string& model_path, const Options& options) {
  if (options.device_type == "Ascend") {
    throw Error(
        "--device_type Ascend: is not implemented yet; use --device_type CPU, or run the file with "
        "MindSpore Lite's own tools");
  }
  if (options.device_type != "CPU") {
    throw Error("--device_type " + Printable(options.device_type) + ": use CPU or Ascend");
  }
  if (options.device_id != 0) throw Error("--device_id: the CPU is device 0");
  return std::make_unique<CpuBackend>(LoadPlan(model_path), options);
}

}  // namespace adabin::backend
