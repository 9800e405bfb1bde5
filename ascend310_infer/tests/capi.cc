// SPDX-License-Identifier: Apache-2.0
#include "capi.h"

#include <stdlib.h>

#include <cstdio>
#include <fstream>
#include <random>

#include "mindir_builder.h"

namespace adabin::test {
namespace {

void Need(const Result& result) {
  if (result.code == ADABIN_OK) return;
  std::fprintf(stderr, "%s\n", result.message.c_str());
  std::abort();
}

}  // namespace

Result::Result(adabin_status* status)
    : code(adabin_status_code(status)), message(adabin_status_message(status)) {
  adabin_status_release(status);
}

Owned<adabin_model> LoadBytes(const std::string& bytes) {
  adabin_model* model = nullptr;
  Need(adabin_model_load_bytes(bytes.data(), bytes.size(), nullptr, &model));
  return Owned<adabin_model>(model);
}

Owned<adabin_session_options> SessionOptions(int threads) {
  adabin_session_options* options = nullptr;
  Need(adabin_session_options_create(&options));
  Need(adabin_session_options_set_threads(options, threads));
  return Owned<adabin_session_options>(options);
}

Owned<adabin_session> Open(const adabin_model* model, const adabin_session_options* options) {
  adabin_session* session = nullptr;
  Need(adabin_session_create(model, options, &session));
  return Owned<adabin_session>(session);
}

Owned<adabin_session> Open(const adabin_model* model, int threads) {
  return Open(model, SessionOptions(threads).get());
}

Result RunFloats(adabin_session* session, const std::vector<float>& input,
                 std::vector<float>* output) {
  const size_t samples = input.size() * sizeof(float) / adabin_session_input_bytes(session, 0);
  output->assign(samples * adabin_session_output_bytes(session, 0) / sizeof(float), -1.0f);
  const adabin_input in = {input.data(), input.size() * sizeof(float)};
  const adabin_output out = {output->data(), output->size() * sizeof(float)};
  return adabin_session_run(session, samples, &in, 1, &out, 1);
}

std::vector<float> Outputs(adabin_session* session, const std::vector<float>& input) {
  std::vector<float> output;
  Need(RunFloats(session, input, &output));
  return output;
}

std::string SmallMindIr() { return SmallNetwork(); }

std::string SmallPacked() {
  const Folder folder;
  adabin_packed* packed = nullptr;
  Need(adabin_packed_create(folder.Write("net.mindir", SmallMindIr()).c_str(), &packed));
  const Owned<adabin_packed> owned(packed);
  return {static_cast<const char*>(adabin_packed_data(packed)), adabin_packed_size(packed)};
}

std::vector<float> Samples(size_t count, unsigned seed) {
  std::mt19937 rng(seed);
  return NormalFloats(count * kInput, &rng);
}

Folder::Folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "adabin_capi_XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) std::abort();
  path_ = pattern;
}

Folder::~Folder() { std::filesystem::remove_all(path_); }

std::string Folder::Write(const std::string& name, const std::string& bytes) const {
  std::ofstream(path_ / name, std::ios::binary) << bytes;
  return (path_ / name).string();
}

}  // namespace adabin::test
