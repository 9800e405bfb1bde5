// SPDX-License-Identifier: Apache-2.0
//
// A network on a device. The model is what all its users share and none can change: weights as the
// kernels want them, and what is known of inputs and outputs. A session is one user's: the memory
// and the threads that a run needs.
#ifndef ADABIN_BACKEND_BACKEND_H_
#define ADABIN_BACKEND_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/pixels.h"
#include "graph/plan.h"

namespace adabin::backend {

struct ModelOptions {
  std::string device_type = "CPU";
  int device_id = 0;
  std::string kernel = "auto";
  bool fuse = true;  // false: each step of the plan alone, for comparison
};

struct SessionOptions {
  int threads = 1;
  bool profile = false;     // measure each step; samples then run one after the other
  size_t memory_limit = 0;  // bytes that it may allocate; 0: see backend/session_memory.h
  std::shared_ptr<const PixelTable> pixels;  // inputs are bytes that this normalizes; null: floats
};

// An input or output of the network.
struct TensorInfo {
  std::string name;
  std::vector<int64_t> dims;  // the first is -1: any number of samples
  size_t size = 0;            // values per sample
};

struct ModelInfo {
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<std::string> steps;  // passes over memory, in words
  std::string kernel;              // what runs the binary layers
  int binary_layers = 0;
  int binary_layers_packed = 0;  // of these, run with one-bit arithmetic
};

class Session {
 public:
  virtual ~Session() = default;
  // inputs[i] holds `samples` samples of input i: float32 NCHW, or uint8 NHWC where the session has
  // a table of pixels, which is only for networks of one input. outputs[i] receives output i,
  // float32 NCHW. By one thread at a time. Throws bad_alloc, or Error where a forked child is not
  // given its threads.
  virtual void Run(const void* const* inputs, size_t samples, float* const* outputs) = 0;
  // Median over samples of a step, with SessionOptions::profile; else 0.
  virtual double StepMilliseconds(size_t step) const = 0;
  virtual int threads() const = 0;  // that run it, the caller's among them
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelInfo& info() const = 0;
  // What a session allocates for runs of `samples` samples.
  virtual size_t SessionBytes(const SessionOptions& options, size_t samples) const = 0;
  // The model must outlive it. Throws Error: memory_limit is too small, or the system does not give
  // as many threads.
  virtual std::unique_ptr<Session> NewSession(const SessionOptions& options) const = 0;
};

// A kind of device that runs networks.
struct Device {
  const char* type;  // what ModelOptions::device_type calls it
  const char* description;
  // Of a network as it was exported, with its binary layers found; of weights that the model keeps
  // it makes copies, as they may lie in bytes of the caller's. Throws Error. Null: this library
  // cannot use the device, and the description says what to do instead.
  std::unique_ptr<Model> (*create)(graph::Plan network, const ModelOptions& options);
};
std::span<const Device> Devices();

// Throws Error where there is no such device.
void CheckDevice(const std::string& type, int id);
// Lays a network, as it was exported with its binary layers found, out for its device. Throws
// Error.
std::unique_ptr<Model> CreateModel(graph::Plan network, const ModelOptions& options);

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_BACKEND_H_
