// SPDX-License-Identifier: Apache-2.0
#include "api/detector_rules.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/error.h"

namespace adabin::api {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  throw Error("the model's description: " + what +
              "; give the .yaml that export.py writes beside a detector");
}

const std::string& Needed(const Description& description, const std::string& key,
                          const std::string& where = "") {
  const std::string* value = Find(description, key);
  if (value == nullptr) Fail("has no " + key + where);
  return *value;
}

// The numbers of a value, one a line, which have to be so many.
std::vector<double> NumbersOf(const std::string& key, const std::string& value, size_t count) {
  std::vector<double> numbers;
  try {
    numbers = Numbers(value);
  } catch (const Error& error) {
    Fail(key + ": " + error.what());
  }
  if (numbers.size() != count) {
    Fail(key + ": has " + std::to_string(numbers.size()) + " numbers, not " +
         std::to_string(count));
  }
  return numbers;
}

int WholeNumber(const std::string& key, const std::string& value) {
  int number = 0;
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || stop != end)
    Fail(key + ": " + Printable(value) + " is no whole number");
  return number;
}

std::vector<std::string> Lines(const std::string& value) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < value.size();) {
    const size_t end = std::min(value.find('\n', begin), value.size());
    lines.push_back(value.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// "[0.1, 0.2]", the width and the height of a prior.
detection::PriorShape ReadShape(const std::string& key, const std::string& value) {
  const Description pair = ParseDescription("sides: " + value);
  const auto sides = NumbersOf(key, pair.empty() ? "" : pair[0].second, 2);
  return {sides[0], sides[1]};
}

std::vector<detection::PriorMap> ReadMaps(const std::string& value) {
  std::vector<detection::PriorMap> maps;
  for (const Description& item : Items(value)) {
    const std::string name = "maps[" + std::to_string(maps.size()) + "]";
    const std::string where = " in " + name, place = name + ": ";
    detection::PriorMap map;
    map.side = WholeNumber(place + "side", Needed(item, "side", where));
    map.step = NumbersOf(place + "step", Needed(item, "step", where), 1)[0];
    for (const std::string& shape : Lines(Needed(item, "shapes", where))) {
      map.shapes.push_back(ReadShape(place + "shapes", shape));
    }
    maps.push_back(map);
  }
  if (maps.empty()) Fail("maps: is no list of maps");
  return maps;
}

// Of as many classes as the network has.
void CheckClasses(const char* key, size_t count, size_t classes) {
  if (count == 0 || count == classes) return;
  Fail(std::string(key) + ": is of " + std::to_string(count) +
       " classes, the network has scores of " + std::to_string(classes));
}

std::vector<std::string> ReadClassNames(const Description& description, size_t classes) {
  if (const std::string* value = Find(description, "num_classes"); value != nullptr) {
    const int count = WholeNumber("num_classes", *value);
    if (count < 0) Fail("num_classes: " + *value + " is no number of classes");
    CheckClasses("num_classes", static_cast<size_t>(count), classes);
  }
  const std::string* value = Find(description, "class_names");
  std::vector<std::string> names = value == nullptr ? std::vector<std::string>() : Lines(*value);
  CheckClasses("class_names", names.size(), classes);
  for (size_t i = names.size(); i < classes; ++i) names.push_back("class " + std::to_string(i));
  return names;
}

}  // namespace

DetectorRules ReadDetectorRules(const Description& description, size_t classes) {
  if (classes < 1 || classes > size_t{std::numeric_limits<int>::max()}) {
    throw Error("the network has scores of " + std::to_string(classes) +
                " classes; a detector's are of 1 or more");
  }
  if (description.empty()) {
    throw Error("the model has no description; put the .yaml that export.py writes beside it");
  }
  DetectorRules found;
  detection::Rules& rules = found.rules;
  rules.num_classes = static_cast<int>(classes);
  rules.min_score = NumbersOf("min_score", Needed(description, "min_score"), 1)[0];
  rules.nms_iou = NumbersOf("nms_iou", Needed(description, "nms_iou"), 1)[0];
  rules.max_detections = WholeNumber("max_detections", Needed(description, "max_detections"));
  const Description outputs = Entries(Needed(description, "outputs"));
  const auto variances = NumbersOf("variances", Needed(outputs, "variances", " under outputs"), 2);
  rules.variances = {variances[0], variances[1]};
  found.maps = ReadMaps(Needed(outputs, "maps", " under outputs"));
  found.class_names = ReadClassNames(description, classes);
  try {
    detection::Check(rules);
    detection::CountPriors(found.maps);
  } catch (const Error& error) {
    throw Error(std::string("the model's description: ") + error.what());
  }
  return found;
}

}  // namespace adabin::api
