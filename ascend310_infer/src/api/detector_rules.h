// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_API_DETECTOR_RULES_H_
#define ADABIN_API_DETECTOR_RULES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "api/description.h"
#include "detection/priors.h"
#include "detection/rules.h"

namespace adabin::api {

// What a description says of a detector: keys of the config, and under `outputs` those of
// src/adabin/tasks/detection `description()`.
struct DetectorRules {
  detection::Rules rules;
  std::vector<std::string> class_names;
  std::vector<detection::PriorMap> maps;
};

// Of a network that gives scores of so many classes, the background aside. `num_classes` may be
// left out, or 0, and so may `class_names`, whose places "class 0", "class 1"... take.
//
// Throws Error naming the key that is not there, or that cannot be used.
DetectorRules ReadDetectorRules(const Description& description, size_t classes);

}  // namespace adabin::api

#endif  // ADABIN_API_DETECTOR_RULES_H_
