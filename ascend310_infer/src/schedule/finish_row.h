// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_SCHEDULE_FINISH_ROW_H_
#define ADABIN_SCHEDULE_FINISH_ROW_H_

#include "schedule/cpu_step.h"

namespace adabin::schedule {

// Writes row `h` from `sums`, a row of pixels.
void FinishRow(const isa::FloatLoops& simd, const Tail& tail, const Output& output,
               const Frame& frame, int h, const float* sums);

}  // namespace adabin::schedule

#endif  // ADABIN_SCHEDULE_FINISH_ROW_H_
