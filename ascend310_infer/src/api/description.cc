// SPDX-License-Identifier: Apache-2.0
#include "api/description.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"

namespace adabin::api {
namespace {

constexpr size_t kLargest = size_t{1} << 20;  // bytes; a description has some hundred

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// A code point of `digits` hexadecimal digits, as UTF-8.
std::string CodePoint(std::string_view digits) {
  unsigned code = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
  std::string text;
  const auto put = [&](unsigned byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | (code >> 18 & 0x07));
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
  return text;
}

// What stands between double quotes.
std::string Unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    const char next = text[++i];
    const size_t digits = next == 'x' ? 2 : next == 'u' ? 4 : next == 'U' ? 8 : 0;
    if (digits > 0) {
      out += CodePoint(text.substr(i + 1, digits));
      i += std::min(digits, text.size() - i - 1);
    } else {
      out.push_back(next == 'n' ? '\n' : next == 't' ? '\t' : next);
    }
  }
  return out;
}

std::string Scalar(std::string_view text) {
  text = Trim(text);
  const char quote = text.empty() ? '\0' : text.front();
  const bool quoted = text.size() >= 2 && (quote == '"' || quote == '\'') && text.back() == quote;
  if (!quoted) return std::string(text);
  text = text.substr(1, text.size() - 2);
  if (quote == '"') return Unescaped(text);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\'' && i + 1 < text.size() && text[i + 1] == '\'') ++i;
    out.push_back(text[i]);
  }
  return out;
}

// "[a, b]" as lines.
std::string FlowList(std::string_view text) {
  text = Trim(text.substr(1, text.size() - 2));
  std::string lines;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    if (!lines.empty()) lines.push_back('\n');
    lines += Scalar(text.substr(0, comma));
    text = comma < text.size() ? text.substr(comma + 1) : std::string_view();
  }
  return lines;
}

// Whether an element of a list is a mapping.
bool IsMapping(std::string_view element) {
  element = Trim(element);
  if (element.empty() || std::string_view("\"'[{").find(element.front()) != std::string::npos) {
    return false;
  }
  return element.back() == ':' || element.find(": ") != std::string::npos;
}

// A value as it is put together from its lines.
class Value {
 public:
  explicit Value(std::string_view first) : text_(Trim(first)), head_(text_) {}

  void Add(std::string_view line) {
    const std::string_view content = Trim(line);
    const bool element = content == "-" || content.starts_with("- ");
    if (head_.empty() && element && lines_.empty()) list_ = true;
    if (head_.empty()) lines_.append(lines_.empty() ? "" : "\n").append(line);
    if (list_ && element) {
      elements_.emplace_back(content.substr(1));
      mappings_ |= IsMapping(elements_.back());
    } else if (list_) {
      elements_.back().append(" ").append(content);  // a long element goes on
    } else if (!head_.empty()) {
      text_.append(" ").append(content);  // a long scalar goes on
    }
  }

  std::string Text() const {
    if (head_.empty() && (!list_ || mappings_)) return lines_;
    if (list_) {
      std::string lines;
      for (size_t i = 0; i < elements_.size(); ++i) {
        lines.append(i == 0 ? "" : "\n").append(Scalar(elements_[i]));
      }
      return lines;
    }
    if (text_.size() >= 2 && text_.front() == '[' && text_.back() == ']') return FlowList(text_);
    return Scalar(text_);
  }

 private:
  std::string text_;
  const std::string head_;  // behind the colon
  std::string lines_;       // below it, as they stand
  bool list_ = false;
  bool mappings_ = false;  // are in the list
  std::vector<std::string> elements_;
};

// Lines without the indentation of the first one.
std::string Dedented(std::string_view text) {
  const size_t indent = std::min(text.find_first_not_of(' '), text.size());
  std::string lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const size_t blanks = std::min(line.find_first_not_of(' '), line.size());
    lines.append(line.substr(std::min(indent, blanks))).push_back('\n');
    text = end < text.size() ? text.substr(end + 1) : std::string_view();
  }
  return lines;
}

}  // namespace

Description ParseDescription(std::string_view text) {
  std::vector<std::pair<std::string, Value>> values;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text = end < text.size() ? text.substr(end + 1) : std::string_view();
    if (Trim(line).empty() || Trim(line).front() == '#' || line.starts_with("---")) continue;
    const bool begins = line[0] != ' ' && line[0] != '\t' && line[0] != '-';
    const size_t colon = line.find(':');
    if (!begins) {
      if (!values.empty()) values.back().second.Add(line);
    } else if (colon != std::string_view::npos) {
      values.emplace_back(Scalar(line.substr(0, colon)), Value(line.substr(colon + 1)));
    }
  }
  Description description;
  for (const auto& [key, value] : values) description.emplace_back(key, value.Text());
  return description;
}

std::string DescriptionBeside(const std::string& model_path) {
  std::filesystem::path path(model_path);
  path.replace_extension(".yaml");
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return {};
  try {
    if (FileSize(path.string()) > kLargest) return {};
    return ReadFile(path.string());
  } catch (const FileError&) {
    return {};
  }
}

const std::string* Find(const Description& description, std::string_view key) {
  for (const auto& [name, value] : description) {
    if (name == key) return &value;
  }
  return nullptr;
}

Description Entries(const std::string& value) { return ParseDescription(Dedented(value)); }

std::vector<Description> Items(const std::string& value) {
  const std::string lines = Dedented(value);
  std::vector<std::string> items;
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = lines.find('\n', begin);  // every line has one
    if (lines[begin] == '-') {
      items.emplace_back(" ");
      ++begin;
    } else if (items.empty()) {
      return {};
    }
    items.back().append(lines, begin, end + 1 - begin);
    begin = end + 1;
  }
  std::vector<Description> found;
  for (const std::string& item : items) found.push_back(Entries(item));
  return found;
}

std::vector<double> Numbers(const std::string& value) {
  std::vector<double> numbers;
  const char* at = value.data();
  const char* const end = at + value.size();
  while (at < end) {
    double number = 0;
    const auto [stop, error] = std::from_chars(at, end, number);
    if (error != std::errc() || (stop != end && *stop != '\n')) {
      throw Error(Printable(value) + ": is no list of numbers");
    }
    numbers.push_back(number);
    at = stop == end ? end : stop + 1;
  }
  return numbers;
}

}  // namespace adabin::api
