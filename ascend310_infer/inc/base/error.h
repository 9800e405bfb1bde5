// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_ERROR_H_
#define ADABIN_BASE_ERROR_H_

#include <stdexcept>
#include <string>

namespace adabin {

// Something the user gave (a file, an option) cannot be used. The programs print what() on one line
// and end with exit status 2; every other exception is a defect and ends with 1.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what) : std::runtime_error(what) {}
};

// A file that cannot be read or written, whatever it holds.
class FileError : public Error {
 public:
  using Error::Error;
};

// Control characters in names that come from a damaged file must not break the one-line message.
std::string Printable(const std::string& text);

}  // namespace adabin

#endif  // ADABIN_BASE_ERROR_H_
