// SPDX-License-Identifier: Apache-2.0
//
// How MindSpore calls a C++ function as an operator (ops.Custom, func_type="aot"):
//
//     extern "C" int Name(int nparam, void** params, int* ndims, int64_t** shapes, const char** dtypes, void* stream,
//                         void* extra);
//
// params are the inputs, then the outputs; outputs are allocated but not cleared. A result other than 0 becomes a
// RuntimeError in Python.
#ifndef ADABIN_CPU_AOT_H_
#define ADABIN_CPU_AOT_H_

#include <cstdint>
#include <cstring>
#include <exception>
#include <initializer_list>

#define ADABIN_AOT_OPERATOR(name)                                                                                     \
  extern "C" __attribute__((visibility("default"))) int name(int nparam, void** params, int* ndims, int64_t** shapes, \
                                                             const char** dtypes, void* stream, void* extra)

/// Defines the operator `name`, which runs AotResult function(const AotCall&).
#define ADABIN_AOT_RUN(name, function)                                             \
  ADABIN_AOT_OPERATOR(name) {                                                      \
    (void)stream, (void)extra;                                                     \
    return adabin_cpu::Guarded(function, {nparam, params, ndims, shapes, dtypes}); \
  }

namespace adabin_cpu {

/// What an operator returns.
enum AotResult : int { kOk = 0, kWrongCount = 1, kWrongType = 2, kWrongShape = 3, kWrongValue = 4, kFailed = 5 };

/// The arguments of one call, inputs first, then outputs.
class AotCall {
 public:
  AotCall(int count, void** params, const int* ndims, int64_t* const* shapes, const char* const* dtypes)
      : count_(count), params_(params), ndims_(ndims), shapes_(shapes), dtypes_(dtypes) {}

  int count() const { return count_; }
  int rank(int i) const { return ndims_[i]; }
  int64_t dim(int i, int axis) const { return shapes_[i][axis]; }
  int64_t size(int i) const {
    int64_t product = 1;
    for (int axis = 0; axis < ndims_[i]; ++axis) product *= shapes_[i][axis];
    return product;
  }

  bool Is(int i, const char* dtype) const { return dtypes_ == nullptr || std::strcmp(dtypes_[i], dtype) == 0; }
  bool HasShape(int i, std::initializer_list<int64_t> shape) const {
    if (rank(i) != static_cast<int>(shape.size())) return false;
    int axis = 0;
    for (const int64_t length : shape) {
      if (dim(i, axis++) != length) return false;
    }
    return true;
  }
  /// All of [first, last) are float32.
  bool AreFloat(int first, int last) const {
    for (int i = first; i < last; ++i) {
      if (!Is(i, "float32")) return false;
    }
    return true;
  }

  float* floats(int i) const { return static_cast<float*>(params_[i]); }
  const int32_t* ints(int i) const { return static_cast<const int32_t*>(params_[i]); }
  /// A scalar: shape () or (1,).
  float scalar(int i) const { return floats(i)[0]; }

 private:
  int count_;
  void** params_;
  const int* ndims_;
  int64_t* const* shapes_;
  const char* const* dtypes_;
};

/// The operator's result; kFailed if memory runs out, as an exception must not leave a C function.
inline int Guarded(AotResult (*run)(const AotCall&), const AotCall& call) {
  try {
    return run(call);
  } catch (const std::exception&) {
    return kFailed;
  }
}

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_AOT_H_
