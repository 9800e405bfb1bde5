// SPDX-License-Identifier: Apache-2.0
// Sixteen floats at a time, in the compiler's vector extension: the same sums on every instruction set, because the
// number of partial sums does not follow the register's width.
#ifndef ADABIN_CPU_KERNELS_LANES_H_
#define ADABIN_CPU_KERNELS_LANES_H_

#include <cstdint>
#include <cstring>

namespace adabin_cpu {

constexpr int64_t kLanes = 16;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t LaneMask __attribute__((vector_size(kLanes * sizeof(int32_t))));
typedef double HalfLanes __attribute__((vector_size(kLanes / 2 * sizeof(double))));
typedef float HalfFloats __attribute__((vector_size(kLanes / 2 * sizeof(float))));

inline Lanes Load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

// The first `count` floats at `from`, zeros behind them.
inline Lanes LoadSome(const float* from, int64_t count) {
  Lanes lanes = {};
  std::memcpy(&lanes, from, count * sizeof(float));
  return lanes;
}

inline void Store(float* to, Lanes lanes) { std::memcpy(to, &lanes, sizeof lanes); }

inline void StoreSome(float* to, Lanes lanes, int64_t count) { std::memcpy(to, &lanes, count * sizeof(float)); }

inline Lanes Broadcast(float value) { return value - Lanes{}; }

inline double Sum(Lanes lanes) {
  double sum = 0;
  for (int64_t i = 0; i < kLanes; ++i) sum += lanes[i];
  return sum;
}

inline double Sum(HalfLanes lanes) {
  double sum = 0;
  for (int64_t i = 0; i < kLanes / 2; ++i) sum += lanes[i];
  return sum;
}

// Both halves in double precision.
inline void Widen(Lanes lanes, HalfLanes* low, HalfLanes* high) {
  HalfFloats halves[2];
  std::memcpy(halves, &lanes, sizeof lanes);
  *low = __builtin_convertvector(halves[0], HalfLanes);
  *high = __builtin_convertvector(halves[1], HalfLanes);
}

}  // namespace adabin_cpu

#endif  // ADABIN_CPU_KERNELS_LANES_H_
