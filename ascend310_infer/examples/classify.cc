// SPDX-License-Identifier: Apache-2.0
// classify MODEL INPUT.bin: the class of one picture, float32 NCHW as preprocess.py writes it.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "adabin.h"

static void Check(adabin_status* status) {
  if (status == nullptr) return;
  const std::string message = adabin_status_message(status);
  adabin_status_release(status);
  throw std::runtime_error(message);
}

int main(int argc, char** argv) try {
  if (argc != 3) throw std::runtime_error("give a model and a picture: classify MODEL INPUT.bin");
  adabin_model* loaded = nullptr;
  Check(adabin_model_load(argv[1], nullptr, &loaded));
  const std::unique_ptr<adabin_model, void (*)(adabin_model*)> model(loaded, adabin_model_release);
  adabin_session* made = nullptr;
  Check(adabin_session_create(model.get(), nullptr, &made));
  const std::unique_ptr<adabin_session, void (*)(adabin_session*)> session(made,
                                                                           adabin_session_release);

  std::vector<float> picture(adabin_session_input_bytes(made, 0) / sizeof(float));
  std::vector<float> scores(adabin_session_output_bytes(made, 0) / sizeof(float));
  const adabin_input in = {picture.data(), picture.size() * sizeof(float)};
  const adabin_output out = {scores.data(), scores.size() * sizeof(float)};
  std::ifstream file(argv[2], std::ios::binary);
  const auto size = static_cast<std::streamsize>(in.bytes);
  if (!file.read(reinterpret_cast<char*>(picture.data()), size)) throw std::runtime_error(argv[2]);
  Check(adabin_session_run(made, 1, &in, 1, &out, 1));
  std::cout << "class " << std::max_element(scores.begin(), scores.end()) - scores.begin() << "\n";
  return 0;
} catch (const std::exception& error) {
  std::cerr << "classify: " << error.what() << "\n";
  return 2;
}
