// SPDX-License-Identifier: Apache-2.0
//
// Scratch memory of the CPU operators.
#ifndef ADABIN_CPU_BUFFER_H_
#define ADABIN_CPU_BUFFER_H_

#include <cstddef>
#include <cstdint>

namespace adabin_cpu {

/// Memory aligned to a cache line, not cleared, taken from a store that keeps what is returned: a training step asks
/// for the same sizes again and again, and fresh pages cost more than the arithmetic on them. What is kept is never
/// more than was in use at one time.
class Buffer {
 public:
  explicit Buffer(size_t bytes);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  float* floats() const { return static_cast<float*>(data_); }
  uint32_t* words() const { return static_cast<uint32_t*>(data_); }
  double* doubles() const { return static_cast<double*>(data_); }

 private:
  void* data_;
  size_t capacity_;
};

/// Bytes that the store keeps for later, of no buffer now.
size_t KeptBytes();

/// Buffer for `count` elements of 4 bytes, of which vectors past the end may be read.
inline size_t FourBytes(int64_t count) { return static_cast<size_t>(count) * 4 + 256; }

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_BUFFER_H_
