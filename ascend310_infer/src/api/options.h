// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_API_OPTIONS_H_
#define ADABIN_API_OPTIONS_H_

#include <vector>

#include "adabin.h"
#include "backend/backend.h"

struct adabin_model_options {
  adabin::backend::ModelOptions value;
};

struct adabin_session_options {
  int threads = 0;
  bool profile = false;
  adabin_type input_type = ADABIN_FLOAT32;
  std::vector<float> mean, std;  // empty: the model's
  size_t memory_limit = 0;
};

#endif  // ADABIN_API_OPTIONS_H_
