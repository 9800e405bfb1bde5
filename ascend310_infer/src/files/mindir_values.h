// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_FILES_MINDIR_VALUES_H_
#define ADABIN_FILES_MINDIR_VALUES_H_

#include "ir/graph.h"
#include "mind_ir.pb.h"

namespace adabin::files {

// Throw Error naming the tensor for data that does not fit its shape, or that is not float32.
ir::Value ReadTensor(const mindir::TensorProto& proto);
// Scalars inside tuples arrive in the repeated fields (`ints`), plain ones in `i`.
ir::Value ReadAttribute(const mindir::AttributeProto& proto);

}  // namespace adabin::files

#endif  // ADABIN_FILES_MINDIR_VALUES_H_
