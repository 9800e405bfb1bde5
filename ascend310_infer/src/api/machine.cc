// SPDX-License-Identifier: Apache-2.0
//
// What the library knows of itself and of this machine.
#include "adabin.h"
#include "api/status.h"
#include "backend/backend.h"
#include "base/default_threads.h"
#include "kernels/select_kernel.h"

using adabin::api::Guard;
using adabin::api::NotNull;

namespace {

const adabin::kernels::Kernel* KernelAt(size_t index) {
  const adabin::kernels::Kernel* found = nullptr;
  adabin_status_release(Guard(ADABIN_INTERNAL, [&] {  // the table is made at its first use
    const auto table = adabin::kernels::KernelTable();
    if (index < table.size()) found = &table[index];
  }));
  return found;
}

const adabin::backend::Device* DeviceAt(size_t index) {
  const auto table = adabin::backend::Devices();
  return index < table.size() ? &table[index] : nullptr;
}

}  // namespace

const char* adabin_version(void) { return ADABIN_VERSION; }

size_t adabin_kernel_count(void) {
  size_t count = 0;
  while (KernelAt(count) != nullptr) ++count;
  return count;
}

const char* adabin_kernel_name(size_t index) {
  const auto* kernel = KernelAt(index);
  return kernel == nullptr ? nullptr : kernel->name;
}

const char* adabin_kernel_description(size_t index) {
  const auto* kernel = KernelAt(index);
  return kernel == nullptr ? nullptr : kernel->description;
}

int adabin_kernel_supported(size_t index) {
  const auto* kernel = KernelAt(index);
  return kernel != nullptr && kernel->supported() ? 1 : 0;
}

size_t adabin_device_count(void) { return adabin::backend::Devices().size(); }

const char* adabin_device_name(size_t index) {
  const auto* device = DeviceAt(index);
  return device == nullptr ? nullptr : device->type;
}

const char* adabin_device_description(size_t index) {
  const auto* device = DeviceAt(index);
  return device == nullptr ? nullptr : device->description;
}

int adabin_device_supported(size_t index) {
  const auto* device = DeviceAt(index);
  return device != nullptr && device->create != nullptr ? 1 : 0;
}

adabin_status* adabin_default_threads(int* threads) {
  return Guard(ADABIN_INVALID_ARGUMENT, [&] {
    NotNull(threads, "threads");
    *threads = adabin::DefaultThreads();
  });
}
