// SPDX-License-Identifier: Apache-2.0
#include "backend/model_file.h"

#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "files/packed_file.h"
#include "passes/passes.h"

namespace adabin::backend {

namespace {

// The first bytes tell a packed file from a MindIR; where they are missing, the name says what the
// file should be.
ir::Plan ReadNetwork(std::string_view bytes, const std::string& path,
                     const files::Consumed& consumed) {
  if (files::IsPackedFile(bytes)) return files::ReadPackedFile(bytes);
  const bool packed = path.ends_with(".adabin");
  const std::string again = packed ? "write it again with adabin_pack" : "export it with export.py";
  if (bytes.empty()) throw Error("the file is empty; copy it again, or " + again);
  if (packed) throw Error("not a packed model, or only its beginning; copy it again, or " + again);
  return passes::Recognized(files::ReadMindIr(bytes, consumed));
}

}  // namespace

ir::Plan ReadPlan(std::string_view bytes, const std::string& path,
                  const files::Consumed& consumed) {
  return passes::Simplify(ReadNetwork(bytes, path, consumed));
}

ir::Plan LoadNetwork(const std::string& path) {
  const MappedFile file(path);
  try {
    return ReadNetwork(file.bytes(), path, [&](std::string_view part) { file.Drop(part); });
  } catch (const Error& error) {
    throw Error(Printable(path) + ": " + error.what());
  }
}

// Of a packed file the plan is a copy: the mapping is gone before anything is laid out.
ir::Plan LoadPlan(const std::string& path) {
  ir::Plan network = LoadNetwork(path);
  try {
    return passes::Simplify(std::move(network));
  } catch (const Error& error) {
    throw Error(Printable(path) + ": " + error.what());
  }
}

}  // namespace adabin::backend
