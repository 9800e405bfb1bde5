// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_API_MODEL_H_
#define ADABIN_API_MODEL_H_

#include <memory>
#include <string>
#include <vector>

#include "adabin.h"
#include "api/description.h"
#include "backend/backend.h"

namespace adabin::api {

// What an adabin_model and its sessions own together.
struct Model {
  std::unique_ptr<const backend::Model> network;
  std::string description;  // the text
  Description metadata;     // its entries
};

// What `options`, which may be null, mean for a model. Throws Failure.
backend::SessionOptions Resolve(const Model& model, const adabin_session_options* options);

}  // namespace adabin::api

struct adabin_model {
  std::shared_ptr<const adabin::api::Model> shared;
};

#endif  // ADABIN_API_MODEL_H_
