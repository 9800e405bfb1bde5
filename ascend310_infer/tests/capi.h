// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the C API share. They are linked with the shared library where there is one,
// and include no header of the engine but adabin.h.
#ifndef ADABIN_TESTS_CAPI_H_
#define ADABIN_TESTS_CAPI_H_

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "adabin.h"

namespace adabin::test {

struct Release {
  void operator()(adabin_model_options* object) const { adabin_model_options_release(object); }
  void operator()(adabin_model* object) const { adabin_model_release(object); }
  void operator()(adabin_session_options* object) const { adabin_session_options_release(object); }
  void operator()(adabin_session* object) const { adabin_session_release(object); }
  void operator()(adabin_detector* object) const { adabin_detector_release(object); }
  void operator()(adabin_packed* object) const { adabin_packed_release(object); }
};
template <typename Object>
using Owned = std::unique_ptr<Object, Release>;

// A status read and released.
struct Result {
  Result(adabin_status* status);  // NOLINT: implicit on purpose
  adabin_code code;
  std::string message;
};

// A failed call ends the test program: what follows could not run.
Owned<adabin_model> LoadBytes(const std::string& bytes);
Owned<adabin_session_options> SessionOptions(int threads);
Owned<adabin_session> Open(const adabin_model* model, const adabin_session_options* options);
Owned<adabin_session> Open(const adabin_model* model, int threads);

// Runs a network with one output on floats.
Result RunFloats(adabin_session* session, const std::vector<float>& input,
                 std::vector<float>* output);
std::vector<float> Outputs(adabin_session* session, const std::vector<float>& input);

// test::SmallNetwork(), 3 x 8 x 8 in and 5 out, as MindIR and packed.
constexpr size_t kInput = 192;
constexpr size_t kOutput = 5;
std::string SmallMindIr();
std::string SmallPacked();
std::vector<float> Samples(size_t count, unsigned seed = 1);

// A folder of its own, removed at the end.
class Folder {
 public:
  Folder();
  ~Folder();
  std::string Write(const std::string& name, const std::string& bytes) const;  // its path

 private:
  std::filesystem::path path_;
};

}  // namespace adabin::test

#endif  // ADABIN_TESTS_CAPI_H_
