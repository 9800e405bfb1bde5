// SPDX-License-Identifier: Apache-2.0
//
// Where exceptions end: every function of the C API that can fail is a body in Guard.
#ifndef ADABIN_API_STATUS_H_
#define ADABIN_API_STATUS_H_

#include <string>

#include "adabin.h"
#include "base/error.h"
#include "base/function_ref.h"

namespace adabin::api {

// An error of which the call itself knows the code.
class Failure : public Error {
 public:
  Failure(adabin_code code, const std::string& what) : Error(what), code_(code) {}
  adabin_code code() const { return code_; }

 private:
  adabin_code code_;
};

// Throws Failure of ADABIN_INVALID_ARGUMENT.
[[noreturn]] void Refuse(const std::string& what);
// The same where a pointer that has to be something is NULL.
void NotNull(const void* pointer, const char* name);

// NULL if `body` returns; else what it threw, an Error being of the code `of_error`.
adabin_status* Guard(adabin_code of_error, FunctionRef<void()> body) noexcept;

}  // namespace adabin::api

#endif  // ADABIN_API_STATUS_H_
