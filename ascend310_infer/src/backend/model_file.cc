// SPDX-License-Identifier: Apache-2.0
#include "backend/model_file.h"

#include "base/error.h"
#include "base/file.h"
#include "files/packed_file.h"
#include "passes/passes.h"

namespace adabin::backend {

// The first bytes tell a packed file from a MindIR; where they are missing, the name says what the
// file should be.
ir::Plan ReadPlan(std::string_view bytes, const std::string& path,
                  const files::Consumed& consumed) {
  if (files::IsPackedFile(bytes)) return passes::Simplify(files::ReadPackedFile(bytes));
  const bool packed = path.ends_with(".adabin");
  const std::string again = packed ? "write it again with adabin_pack" : "export it with export.py";
  if (bytes.empty()) throw Error("the file is empty; copy it again, or " + again);
  if (packed) throw Error("not a packed model, or only its beginning; copy it again, or " + again);
  return passes::Simplify(passes::Recognized(files::ReadMindIr(bytes, consumed)));
}

ir::Plan LoadPlan(const std::string& path) {
  const MappedFile file(path);
  try {
    return ReadPlan(file.bytes(), path, [&](std::string_view part) { file.Drop(part); });
  } catch (const Error& error) {
    throw Error(Printable(path) + ": " + error.what());
  }
}

}  // namespace adabin::backend
