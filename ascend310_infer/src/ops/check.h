// SPDX-License-Identifier: Apache-2.0
//
// What operators check of their steps. All throw Error naming the operator of the MindIR,
// or the step's kind where that is not known.
#ifndef ADABIN_OPS_CHECK_H_
#define ADABIN_OPS_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "graph/plan.h"

namespace adabin::ops {

// Far above any real network, far below where int arithmetic on sizes could overflow: a map of
// 2^26 values is 256 MiB, 64 channels at 1024 x 1024.
constexpr int kMaxDim = 1 << 20;
constexpr int64_t kMaxElements = int64_t{1} << 26;
constexpr int64_t kMaxWeights = int64_t{1} << 28;  // of a layer, all of which the file holds

[[noreturn]] void Fail(const graph::Step& step, const std::string& what);
void CheckShape(const graph::Step& step, int64_t c, int64_t h, int64_t w);
void CheckShape(const graph::Step& step, const TensorShape& shape);
void CheckSize(const graph::Step& step, const char* what, size_t size, size_t expected);
// Scale and shift, which may be missing, as float32: a plan ends up with that.
void CheckAffine(const graph::Step& step, int channels);
// No kernel is asked to compute with NaN or an infinity that stands in the file.
// Once, if they are not changed.
void CheckFinite(const graph::Step& step, const char* what, SharedArray<float>* values);
void CheckFinite(const graph::Step& step, const char* what, const std::vector<float>& values);
void CheckFinite(const graph::Step& step, const char* what, const std::vector<double>& values);

inline const TensorShape& InputTensor(const graph::Plan& plan, const graph::Step& step) {
  return plan.values[static_cast<size_t>(step.input())];
}
inline const TensorShape& SecondTensor(const graph::Plan& plan, const graph::Step& step) {
  return plan.values[static_cast<size_t>(step.second())];
}
// A value with that many axes: as it is, or a vector as the map of one pixel and back. Fails where
// it has others.
TensorShape OfRank(const graph::Step& step, const TensorShape& shape, int rank);
inline TensorShape InputOfRank(const graph::Plan& plan, const graph::Step& step, int rank) {
  return OfRank(step, InputTensor(plan, step), rank);
}
// The input as a map, or a vector as the map of one pixel; refuses all other tensors.
Shape InputMap(const graph::Plan& plan, const graph::Step& step);

// A single value is meant for all channels.
template <typename T>
std::vector<T> PerChannel(std::vector<T> out, int channels) {
  if (out.size() == 1) out.resize(static_cast<size_t>(channels), out[0]);
  return out;
}

}  // namespace adabin::ops

#endif  // ADABIN_OPS_CHECK_H_
