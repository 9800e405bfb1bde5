// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_PASSES_TRANSLATE_H_
#define ADABIN_PASSES_TRANSLATE_H_

#include "graph/graph.h"
#include "graph/plan.h"

namespace adabin::passes {

// What the network's outputs need of an exported network, operator by operator: each becomes one
// step, with the operators of its pattern where it is written in several. Throws Error naming the
// first operator that is not supported.
graph::Plan Translate(graph::Graph graph);

}  // namespace adabin::passes

#endif  // ADABIN_PASSES_TRANSLATE_H_
