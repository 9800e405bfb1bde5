// SPDX-License-Identifier: Apache-2.0
#include "api/status.h"

#include <cstring>
#include <memory>
#include <new>

struct adabin_status {
  adabin_code code;
  const char* message;
};

namespace adabin::api {
namespace {

// What there is no memory left to allocate for.
constinit adabin_status out_of_memory = {ADABIN_OUT_OF_MEMORY, "not enough memory"};

adabin_status* MakeStatus(adabin_code code, const char* message) noexcept {
  const size_t size = std::strlen(message) + 1;
  std::unique_ptr<char[]> copy(new (std::nothrow) char[size]);
  if (copy == nullptr) return &out_of_memory;
  std::memcpy(copy.get(), message, size);
  auto* status = new (std::nothrow) adabin_status{code, copy.get()};
  if (status == nullptr) return &out_of_memory;
  (void)copy.release();
  return status;
}

}  // namespace

void Refuse(const std::string& what) { throw Failure(ADABIN_INVALID_ARGUMENT, what); }

void NotNull(const void* pointer, const char* name) {
  if (pointer == nullptr) Refuse(std::string(name) + ": is NULL");
}

adabin_status* Guard(adabin_code of_error, FunctionRef<void()> body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const Failure& error) {
    return MakeStatus(error.code(), error.what());
  } catch (const FileError& error) {
    return MakeStatus(ADABIN_FILE, error.what());
  } catch (const Error& error) {
    return MakeStatus(of_error, error.what());
  } catch (const std::bad_alloc&) {
    return &out_of_memory;
  } catch (const std::exception& error) {
    return MakeStatus(ADABIN_INTERNAL, error.what());
  } catch (...) {
    return MakeStatus(ADABIN_INTERNAL, "an unknown exception");
  }
}

}  // namespace adabin::api

adabin_code adabin_status_code(const adabin_status* status) {
  return status == nullptr ? ADABIN_OK : status->code;
}

const char* adabin_status_message(const adabin_status* status) {
  return status == nullptr ? "" : status->message;
}

void adabin_status_release(adabin_status* status) {
  if (status == nullptr || status == &adabin::api::out_of_memory) return;
  delete[] status->message;
  delete status;
}
