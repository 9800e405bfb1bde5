// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TOOLS_BOXES_H_
#define ADABIN_TOOLS_BOXES_H_

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "api.h"

namespace adabin::tools {

constexpr int kLargestSide = 1000000;  // pixels

struct Picture {
  int height = 0;
  int width = 0;
  std::string name;  // may be empty
};

// What the command line says of boxes.
struct BoxFlags {
  bool on = false;
  bool only = false;
  std::vector<int> size;  // not given
  std::string sizes;

  void AddTo(CLI::App* app);
  bool wanted() const { return on || only; }
  // Throws Error where a flag has no effect.
  void Check() const;
};

// The objects that a detector sees, as JSON: in `samples` for each one `height` and `width` of its
// picture, its name as `picture` where it is known, and its `objects`, best first, all above
// min_score: `class`, `name`, `score`, and `box` (x1, y1, x2, y2) in pixels, neither rounded.
class Boxes {
 public:
  // Of pictures with the height and width `size`, or with those in the file `sizes`, a line
  // "HEIGHT WIDTH NAME" for each sample, the name left out or not; of the network's input where
  // neither is given. Throws Error where the model is no detector, or the file is none of that
  // kind.
  Boxes(const adabin_model* model, const BoxFlags& flags);

  bool alone() const { return alone_; }  // without the network's outputs
  // Throws Error where there are sizes of more or fewer samples.
  void CheckCount(size_t samples) const;

  // `outputs` are the network's for these samples of the file `input`, before which there were
  // `first` samples. Throws Error.
  void Write(const std::string& path, const std::vector<std::vector<float>>& outputs, size_t first,
             size_t samples, const std::string& input) const;

 private:
  Owned<adabin_detector> detector_;
  bool alone_;
  std::string sizes_path_;
  std::vector<Picture> pictures_;  // one for all samples, or one for each
};

}  // namespace adabin::tools

#endif  // ADABIN_TOOLS_BOXES_H_
