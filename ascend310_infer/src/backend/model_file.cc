// SPDX-License-Identifier: Apache-2.0
#include "backend/model_file.h"

#include "base/error.h"
#include "base/file.h"
#include "files/mindir_reader.h"
#include "files/packed_file.h"
#include "passes/passes.h"

namespace adabin::backend {

namespace {

// The first bytes tell a packed file from a MindIR; where they are missing, the name says what the
// file should be.
ir::Plan ReadNetwork(std::string_view bytes, const std::string& path) {
  if (files::IsPackedFile(bytes)) return files::ReadPackedFile(bytes);
  const bool packed = path.ends_with(".adabin");
  const std::string again = packed ? "write it again with adabin_pack" : "export it with export.py";
  if (bytes.empty()) throw Error("the file is empty; copy it again, or " + again);
  if (packed) throw Error("not a packed model, or only its beginning; copy it again, or " + again);
  return passes::Recognized(files::ReadMindIr(bytes));
}

// What `read` makes of a file's content; its errors get the file's name.
template <typename Read>
ir::Plan WithName(const std::string& path, const Read& read) {
  const MappedFile file(path);
  try {
    return read(file.bytes(), path);
  } catch (const Error& error) {
    throw Error(Printable(path) + ": " + error.what());
  }
}

}  // namespace

ir::Plan ReadPlan(std::string_view bytes, const std::string& path) {
  return passes::Simplify(ReadNetwork(bytes, path));
}

ir::Plan LoadNetwork(const std::string& path) { return WithName(path, ReadNetwork); }

ir::Plan LoadPlan(const std::string& path) { return WithName(path, ReadPlan); }

}  // namespace adabin::backend
