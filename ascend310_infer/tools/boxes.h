// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TOOLS_BOXES_H_
#define ADABIN_TOOLS_BOXES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "api.h"

namespace adabin::tools {

constexpr int kLargestSide = 1000000;  // pixels

// The objects that a detector sees, as JSON: `height` and `width` of the pictures, and in `samples`
// for each one its `objects`, best first, all above min_score: `class`, `name`, `score`, and `box`
// (x1, y1, x2, y2) in pixels, neither rounded.
class Boxes {
 public:
  // Of pictures with this height and width; of the network's input where `size` is empty. Throws
  // Error where the model is no detector.
  Boxes(const adabin_model* model, const std::vector<int>& size);

  // `outputs` are the network's for these samples of the file `input`. Throws Error.
  void Write(const std::string& path, const std::vector<std::vector<float>>& outputs,
             size_t samples, const std::string& input) const;

 private:
  Owned<adabin_detector> detector_;
  int height_ = 0;
  int width_ = 0;
};

}  // namespace adabin::tools

#endif  // ADABIN_TOOLS_BOXES_H_
