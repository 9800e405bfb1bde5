// SPDX-License-Identifier: Apache-2.0
#include "backend/model_file.h"

#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "files/mindir_reader.h"
#include "files/packed_file.h"
#include "passes/passes.h"

namespace adabin::backend {
namespace {

constexpr size_t kLargestFile = size_t{2} << 30;  // as much as a MindIR can have

// The first bytes tell a packed file from a MindIR; where they are missing, the name says what the
// file should be. `memory` keeps the bytes.
graph::Plan Read(std::string_view bytes, const std::string& path, std::string* description,
                 const Memory& memory, const files::Consumed& consumed) {
  if (files::IsPackedFile(bytes)) {
    return files::ReadPackedFile(bytes, description, memory);
  }
  if (description != nullptr) description->clear();
  const bool packed = path.ends_with(".adabin");
  const std::string again = packed ? "write it again with adabin_pack" : "export it with export.py";
  if (bytes.empty()) throw Error("the file is empty; copy it again, or " + again);
  if (packed) throw Error("not a packed model, or only its beginning; copy it again, or " + again);
  return passes::Recognized(files::ReadMindIr(bytes, consumed));
}

}  // namespace

graph::Plan ReadNetwork(std::string_view bytes, std::string* description) {
  // An owner of nothing: the caller keeps the bytes.
  const Memory memory{{std::shared_ptr<const void>(), bytes.data()}, false};
  return Read(bytes, "", description, memory, nullptr);
}

graph::Plan LoadNetwork(const std::string& path, std::string* description) {
  const auto file = std::make_shared<const FileContent>(path, kLargestFile);
  try {
    return Read(file->bytes(), path, description, {file, true},
                [&](std::string_view part) { file->Drop(part); });
  } catch (const Error& error) {
    throw Error(Printable(path) + ": " + error.what());
  }
}

}  // namespace adabin::backend
