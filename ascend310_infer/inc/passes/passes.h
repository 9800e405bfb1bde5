// SPDX-License-Identifier: Apache-2.0
//
// From a network as it was exported to the same network in fewer steps. Each pass is a function of
// a plan, in a file of its own, takes time proportional to the number of steps, and gives a plan
// that was checked again (ops::Append).
#ifndef ADABIN_PASSES_PASSES_H_
#define ADABIN_PASSES_PASSES_H_

#include "graph/graph.h"
#include "graph/plan.h"

namespace adabin::passes {

// A Conv or Dense of a Threshold with two weights per output: a BinaryConv, of a dense layer one
// whose kernel is as large as the map that it reads flattened. Throws Error naming a layer that is
// binary and cannot be packed.
graph::Plan RecognizeBinary(graph::Plan plan);

// The factors of a BatchNorm are rounded to float32, half the size in a packed file, where nothing
// else is folded with it: they would be later, and come to the same.
graph::Plan RoundLoneAffines(graph::Plan plan);

// Reshapes that change nothing go.
graph::Plan DropReshapes(graph::Plan plan);
// A pooling of stride 1 of which another takes every n-th pixel is one pooling.
graph::Plan MergePools(graph::Plan plan);
// BatchNorm and bias behind a convolution become its scale and shift.
graph::Plan FoldConvolutions(graph::Plan plan);
// The sum and the activation behind a convolution become its residual and its activation.
graph::Plan Attach(graph::Plan plan);
// BatchNorm and bias around a dense layer become part of its weights, and a dense layer of a
// flattened map the convolution with a kernel as large as the map, which reads it as it lies in
// memory.
graph::Plan FoldDense(graph::Plan plan);
// Folding is done in double; what comes out is rounded once.
graph::Plan RoundConstants(graph::Plan plan);

// A network as exported with its binary layers found, without reshapes that change nothing: what
// the packed file holds.
graph::Plan Recognized(graph::Graph graph);
// Throws Error where a sample's inputs, or its outputs, together would take more than 1 GiB.
void CheckSides(const graph::Plan& plan);
// The same network ready to run, from a MindIR or a packed file: all passes behind RecognizeBinary.
// Throws Error as CheckSides does.
graph::Plan Simplify(graph::Plan plan);

}  // namespace adabin::passes

#endif  // ADABIN_PASSES_PASSES_H_
