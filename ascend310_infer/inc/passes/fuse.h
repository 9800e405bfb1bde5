// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_PASSES_FUSE_H_
#define ADABIN_PASSES_FUSE_H_

#include "graph/fusion.h"

namespace adabin::passes {

// Which steps run within another one's pass over memory, as each operator's entry says
// (ops::Operator::fuse). With `float_binary` binary layers run as float convolutions.
graph::Fusion Fuse(const graph::Plan& plan, bool float_binary);
// Each step alone, for comparison.
graph::Fusion FuseNothing(const graph::Plan& plan);

}  // namespace adabin::passes

#endif  // ADABIN_PASSES_FUSE_H_
