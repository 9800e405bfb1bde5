// SPDX-License-Identifier: Apache-2.0
//
// Files as they are written: under a temporary name beside the own one, which they get when they
// are complete. Whatever happens to the program, a file is never half written, and a failure leaves
// what was there as it was. All throw FileError naming the path.
#ifndef ADABIN_BASE_WRITE_FILE_H_
#define ADABIN_BASE_WRITE_FILE_H_

#include <cstddef>
#include <string>

namespace adabin {

// Replaces a file or symbolic link of that name; a folder, a device or a pipe is refused. The
// content is the system's to bring to the disk: where the machine fails within the next seconds, it
// may be lost.
void WriteFile(const std::string& path, const void* data, size_t size);

// The same, and when it returns, file and name are on the disk. A link stays: the file that it
// leads to is replaced, and the temporary one lies beside that. Without `replace` a file that has
// the name by then, another program's too, is left alone and refused.
void StoreFile(const std::string& path, const void* data, size_t size, bool replace);

// Removes the temporary file of a write under way, if there is one. For signal handlers.
void RemoveUnfinishedFile() noexcept;

}  // namespace adabin

#endif  // ADABIN_BASE_WRITE_FILE_H_
