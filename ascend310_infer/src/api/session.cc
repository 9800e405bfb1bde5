// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adabin.h"
#include "api/model.h"
#include "api/options.h"
#include "api/status.h"
#include "base/default_threads.h"
#include "base/forks.h"

using adabin::api::Failure;
using adabin::api::Guard;
using adabin::api::NotNull;
using adabin::api::Refuse;
using adabin::backend::TensorInfo;

struct adabin_session {
  std::shared_ptr<const adabin::api::Model> model;
  std::unique_ptr<adabin::backend::Session> session;
  size_t input_value_bytes = sizeof(float);
  // While it runs, Forks() + 1 of the process that runs it; negative while its times are looked at.
  mutable std::atomic<int> user{0};
  std::vector<const void*> inputs;
  std::vector<float*> outputs;

  const adabin::backend::ModelInfo& info() const { return model->network->info(); }
};

namespace {

// Holds a session for the time of a run, or of a look at its times, which a run waits for.
class Turn {
 public:
  explicit Turn(const adabin_session* session, bool looks = false) : session_(session) {
    const int own = adabin::Forks() + 1;
    int user = session->user.load();
    // What a parent's thread was doing at the fork no one does here.
    while (user != own) {
      if (user == -own) {
        std::this_thread::yield();
        user = session->user.load();
      } else if (session->user.compare_exchange_weak(user, looks ? -own : own)) {
        return;
      }
    }
    throw Failure(ADABIN_BUSY, "session: another thread is running it; make one for each thread");
  }
  ~Turn() { session_->user.store(0); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  const adabin_session* session_;
};

void CheckCount(const char* what, size_t given, size_t expected) {
  if (given != expected) {
    Refuse(std::string(what) + ": the network has " + std::to_string(expected) + ", not " +
           std::to_string(given));
  }
}

void CheckBuffer(const TensorInfo& tensor, const void* data, size_t bytes, size_t samples,
                 size_t sample_bytes, size_t alignment) {
  NotNull(data, tensor.name.c_str());
  if (bytes % sample_bytes != 0 || bytes / sample_bytes != samples) {
    Refuse(tensor.name + ": has " + std::to_string(bytes) + " bytes for " +
           std::to_string(samples) + (samples == 1 ? " sample" : " samples") + "; one takes " +
           std::to_string(sample_bytes));
  }
  if (reinterpret_cast<uintptr_t>(data) % alignment != 0) {
    Refuse(tensor.name + ": does not lie at a multiple of " + std::to_string(alignment) + " bytes");
  }
}

}  // namespace

adabin_status* adabin_session_create(const adabin_model* model,
                                     const adabin_session_options* options,
                                     adabin_session** session) {
  return Guard(ADABIN_RESOURCE, [&] {
    NotNull(session, "session");
    *session = nullptr;
    NotNull(model, "model");
    auto made = std::make_unique<adabin_session>();
    const auto resolved = adabin::api::Resolve(*model->shared, options);
    made->model = model->shared;
    made->session = model->shared->network->NewSession(resolved);
    if (resolved.pixels != nullptr) made->input_value_bytes = 1;
    made->inputs.resize(made->info().inputs.size());
    made->outputs.resize(made->info().outputs.size());
    *session = made.release();
  });
}

void adabin_session_release(adabin_session* session) { delete session; }

int adabin_session_threads(const adabin_session* session) {
  return session == nullptr ? 0 : session->session->threads();
}

size_t adabin_session_input_bytes(const adabin_session* session, size_t index) {
  if (session == nullptr || index >= session->info().inputs.size()) return 0;
  return session->info().inputs[index].size * session->input_value_bytes;
}

size_t adabin_session_output_bytes(const adabin_session* session, size_t index) {
  if (session == nullptr || index >= session->info().outputs.size()) return 0;
  return session->info().outputs[index].size * sizeof(float);
}

adabin_status* adabin_session_run(adabin_session* session, size_t samples,
                                  const adabin_input* inputs, size_t input_count,
                                  const adabin_output* outputs, size_t output_count) {
  return Guard(ADABIN_RESOURCE, [&] {
    NotNull(session, "session");
    NotNull(inputs, "inputs");
    NotNull(outputs, "outputs");
    const adabin::backend::ModelInfo& info = session->info();
    CheckCount("inputs", input_count, info.inputs.size());
    CheckCount("outputs", output_count, info.outputs.size());
    if (samples == 0) Refuse("samples 0: give 1 or more");
    const Turn turn(session);
    for (size_t i = 0; i < input_count; ++i) {
      CheckBuffer(info.inputs[i], inputs[i].data, inputs[i].bytes, samples,
                  adabin_session_input_bytes(session, i), session->input_value_bytes);
      session->inputs[i] = inputs[i].data;
    }
    for (size_t i = 0; i < output_count; ++i) {
      CheckBuffer(info.outputs[i], outputs[i].data, outputs[i].bytes, samples,
                  adabin_session_output_bytes(session, i), sizeof(float));
      session->outputs[i] = static_cast<float*>(outputs[i].data);
    }
    session->session->Run(session->inputs.data(), samples, session->outputs.data());
  });
}

double adabin_session_step_milliseconds(const adabin_session* session, size_t index) {
  double milliseconds = 0;
  adabin_status_release(Guard(ADABIN_INTERNAL, [&] {
    if (session == nullptr || index >= session->info().steps.size()) return;
    const Turn turn(session, true);
    milliseconds = session->session->StepMilliseconds(index);
  }));
  return milliseconds;
}
