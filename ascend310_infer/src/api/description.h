// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_API_DESCRIPTION_H_
#define ADABIN_API_DESCRIPTION_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adabin::api {

// Keys and values in the file's order; a list's elements are lines.
using Description = std::vector<std::pair<std::string, std::string>>;

// Reads the kind of YAML that export.py writes: a mapping whose values are scalars, plain or
// quoted, or lists of them. Of any other text it takes what it understands; a value that is a
// mapping, or a list of mappings, is its lines as they stand: Entries and Items go into it.
Description ParseDescription(std::string_view text);

// The text of the file <stem>.yaml beside <stem>.adabin or <stem>.mindir; empty where there is none
// that can be read.
std::string DescriptionBeside(const std::string& model_path);

// The value of a key, or null.
const std::string* Find(const Description& description, std::string_view key);
// The mapping that a value is.
Description Entries(const std::string& value);
// The mappings of the list that a value is; empty where it is none.
std::vector<Description> Items(const std::string& value);
// The numbers of a value, one a line. Throws Error where it holds something else.
std::vector<double> Numbers(const std::string& value);

}  // namespace adabin::api

#endif  // ADABIN_API_DESCRIPTION_H_
