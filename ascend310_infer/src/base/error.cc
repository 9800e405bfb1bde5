// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

namespace adabin {

std::string Printable(const std::string& text) {
  constexpr size_t kLimit = 120;
  std::string out = text.substr(0, kLimit);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (text.size() > kLimit) out += "...";
  return out;
}

}  // namespace adabin
