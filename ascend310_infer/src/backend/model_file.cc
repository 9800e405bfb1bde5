// SPDX-License-Identifier: Apache-2.0
#include "backend/model_file.h"

#include "base/error.h"
#include "base/file.h"
#include "files/mindir_reader.h"
#include "files/packed_file.h"
#include "lower/lower.h"

namespace adabin::backend {
namespace {

constexpr size_t kLargestFile = size_t{2} << 30;  // as much as a MindIR can have

}  // namespace

// The first bytes tell a packed file from a MindIR; where they are missing, the name says what the
// file should be.
ir::Plan ReadPlan(std::string_view bytes, const std::string& path, std::string* description) {
  if (files::IsPackedFile(bytes)) return files::ReadPackedFile(bytes, description);
  if (description != nullptr) description->clear();
  const bool packed = path.ends_with(".adabin");
  const std::string again = packed ? "write it again with adabin_pack" : "export it with export.py";
  if (bytes.empty()) throw Error("the file is empty; copy it again, or " + again);
  if (packed) throw Error("not a packed model, or only its beginning; copy it again, or " + again);
  return lower::Lower(files::ReadMindIr(bytes));
}

ir::Plan LoadPlan(const std::string& path, std::string* description) {
  const FileContent file(path, kLargestFile);
  try {
    return ReadPlan(file.bytes(), path, description);
  } catch (const Error& error) {
    throw Error(Printable(path) + ": " + error.what());
  }
}

}  // namespace adabin::backend
