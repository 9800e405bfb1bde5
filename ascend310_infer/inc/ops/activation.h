// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_ACTIVATION_H_
#define ADABIN_OPS_ACTIVATION_H_

#include "graph/plan.h"

namespace adabin::ops {

// What any step with an activation has of it.
void CheckActivation(const graph::Step& step, int channels);

}  // namespace adabin::ops

#endif  // ADABIN_OPS_ACTIVATION_H_
