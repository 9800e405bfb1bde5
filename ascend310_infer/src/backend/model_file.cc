// SPDX-License-Identifier: Apache-2.0
#include "backend/model_file.h"

#include "base/error.h"
#include "base/file.h"
#include "ir/mindir_reader.h"
#include "ir/packed_file.h"
#include "lower/lower.h"

namespace adabin::backend {

ir::Plan LoadPlan(const std::string& path) {
  const MappedFile file(path);
  const std::string_view bytes = file.bytes();
  try {
    return ir::IsPackedFile(bytes) ? ir::ReadPackedFile(bytes)
                                   : lower::Lower(ir::ReadMindIr(bytes));
  } catch (const Error& error) {
    throw Error(Printable(path) + ": " + error.what());
  }
}

}  // namespace adabin::backend
