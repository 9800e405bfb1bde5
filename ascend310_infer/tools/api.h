// SPDX-License-Identifier: Apache-2.0
//
// The C API for the programs: objects that release themselves, and a status as an exception.
#ifndef ADABIN_TOOLS_API_H_
#define ADABIN_TOOLS_API_H_

#include <memory>
#include <string>

#include "adabin.h"

namespace adabin::tools {

// Throws what RunProgram understands, unless `status` is NULL: Error for what the user can mend,
// `flag` before the message.
void Check(adabin_status* status, const std::string& flag = "");

struct Release {
  void operator()(adabin_status* object) const { adabin_status_release(object); }
  void operator()(adabin_model_options* object) const { adabin_model_options_release(object); }
  void operator()(adabin_model* object) const { adabin_model_release(object); }
  void operator()(adabin_session_options* object) const { adabin_session_options_release(object); }
  void operator()(adabin_session* object) const { adabin_session_release(object); }
  void operator()(adabin_detector* object) const { adabin_detector_release(object); }
  void operator()(adabin_packed* object) const { adabin_packed_release(object); }
};
template <typename Object>
using Owned = std::unique_ptr<Object, Release>;

// What a function that makes an object makes: Made<adabin_model>(adabin_model_load, path, options).
template <typename Object, typename Create, typename... Arguments>
Owned<Object> Made(Create create, Arguments... arguments) {
  Object* object = nullptr;
  Check(create(arguments..., &object));
  return Owned<Object>(object);
}

}  // namespace adabin::tools

#endif  // ADABIN_TOOLS_API_H_
