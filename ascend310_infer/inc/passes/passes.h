// SPDX-License-Identifier: Apache-2.0
//
// From a network as it was exported to the same network in fewer steps. Each pass is a function of
// a plan, in a file of its own, takes time proportional to the number of steps, and gives a plan
// that was checked again (ops::Append).
#ifndef ADABIN_PASSES_PASSES_H_
#define ADABIN_PASSES_PASSES_H_

#include "ir/graph.h"
#include "ir/plan.h"

namespace adabin::passes {

// A Conv or Dense of a Threshold with two weights per output: a BinaryConv, of a dense layer one
// whose kernel is as large as the map that it reads flattened. Throws Error naming a layer that is
// binary and cannot be packed.
ir::Plan RecognizeBinary(ir::Plan plan);

// The factors of a BatchNorm are rounded to float32, half the size in a packed file, where nothing
// else is folded with it: they would be later, and come to the same.
ir::Plan RoundLoneAffines(ir::Plan plan);

// Reshapes that change nothing go.
ir::Plan DropReshapes(ir::Plan plan);
// A pooling of stride 1 of which another takes every n-th pixel is one pooling.
ir::Plan MergePools(ir::Plan plan);
// BatchNorm and bias behind a convolution become its scale and shift.
ir::Plan FoldConvolutions(ir::Plan plan);
// The sum and the activation behind a convolution become its residual and its activation.
ir::Plan Attach(ir::Plan plan);
// BatchNorm and bias around a dense layer become part of its weights, and a dense layer of a
// flattened map the convolution with a kernel as large as the map, which reads it as it lies in
// memory.
ir::Plan FoldDense(ir::Plan plan);
// Folding is done in double; what comes out is rounded once.
ir::Plan RoundConstants(ir::Plan plan);

// A network as exported with its binary layers found, without reshapes that change nothing: what
// the packed file holds.
ir::Plan Recognized(ir::Graph graph);
// The same ready to run, from a MindIR or a packed file: all passes behind RecognizeBinary. Throws
// Error where a sample's inputs, or its outputs, together would take more than 1 GiB.
ir::Plan Simplify(ir::Plan plan);

}  // namespace adabin::passes

#endif  // ADABIN_PASSES_PASSES_H_
