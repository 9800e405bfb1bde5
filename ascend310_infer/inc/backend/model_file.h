// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_MODEL_FILE_H_
#define ADABIN_BACKEND_MODEL_FILE_H_

#include <string>

#include "ir/plan.h"

namespace adabin::backend {

// Reads a MindIR or packed file, told apart by content, into a plan. Errors name the file.
ir::Plan LoadPlan(const std::string& path);

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_MODEL_FILE_H_
