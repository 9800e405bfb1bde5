// SPDX-License-Identifier: Apache-2.0
//
// What follows a layer while its output pixel is still in cache: what is computed of each channel,
// and where it goes.
#ifndef ADABIN_BASE_EPILOGUE_H_
#define ADABIN_BASE_EPILOGUE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bits.h"

namespace adabin {

// The numbers are part of the packed file.
enum class Activation : uint8_t {
  kNone = 0,
  kRelu = 1,      // x > 0 ? x : 0, of NaN 0
  kTwoSlope = 2,  // Maxout and PReLU: positive * max(x, 0) + negative * min(x, 0)
};

// act(scale * x + shift + residual), in this order; each has an entry per channel.
struct Epilogue {
  std::vector<double> scale;  // of float32's values, once all is folded; empty: 1
  std::vector<double> shift;  // the same; empty: 0
  Activation act = Activation::kNone;
  std::vector<float> positive;  // slopes of kTwoSlope
  std::vector<float> negative;

  bool HasFactors() const { return !scale.empty() || !shift.empty(); }
  // Scale and shift behind those of `before`: both get an entry per channel.
  void Prepend(const Epilogue& before);
  void SetActivation(const Epilogue& from);
  // Of `count` channels from `first` on.
  Epilogue Part(size_t first, size_t count) const;
  // Of the channels of one pixel; `residual` is its other summand, or null.
  void Apply(float* z, const float* residual, int channels) const;

  bool operator==(const Epilogue&) const = default;
};

// What a layer reads and writes besides its input. Maps are NHWC of one sample; `residual` and `z`
// may be the same memory.
struct Target {
  const float* residual = nullptr;  // null: none; of the first row computed
  float* z = nullptr;               // null: only bits are wanted; of the first row computed
  size_t stride = 0;                // floats from pixel to pixel of both; 0: the layer's channels
  std::byte* bits = nullptr;        // null: none; the whole map
  BitLayout layout;                 // of `bits`
  Compare compare = Compare::kAtLeast;
  float threshold = 0;
  // In place of `threshold` one per channel, readable up to a multiple of 16; null: all have that
  // one.
  const float* thresholds = nullptr;
};

// The part of a layer that one call computes: output rows, and blocks of output channels as the
// layer divides them.
struct Work {
  int row_begin = 0;
  int row_end = 0;
  int block_begin = 0;
  int block_end = 1;
};

// The slow way to finish pixel (h, w) of the row `row` of `target`, from its `channels` sums, which
// it overwrites.
void FinishPixel(const Epilogue& after, const Target& target, int h, int row, int w, int width,
                 int channels, float* z);

}  // namespace adabin

#endif  // ADABIN_BASE_EPILOGUE_H_
