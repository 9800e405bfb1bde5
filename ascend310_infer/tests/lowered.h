// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TESTS_LOWERED_H_
#define ADABIN_TESTS_LOWERED_H_

#include <string>

#include "base/error.h"
#include "files/mindir_reader.h"
#include "mindir_builder.h"
#include "passes/passes.h"

namespace adabin::test {

// As a packed file holds it, and ready to run.
inline graph::Plan NetworkOf(const std::string& bytes) {
  return passes::Recognized(files::ReadMindIr(bytes));
}
inline graph::Plan LowerBytes(const std::string& bytes) {
  return passes::Simplify(NetworkOf(bytes));
}

// What lowering says of a network, or nothing.
inline std::string Complaint(const MindIrBuilder& b) {
  try {
    LowerBytes(b.Serialize());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace adabin::test

#endif  // ADABIN_TESTS_LOWERED_H_
