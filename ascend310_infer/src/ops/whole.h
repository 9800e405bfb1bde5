// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_OPS_WHOLE_H_
#define ADABIN_OPS_WHOLE_H_

#include "schedule/scheduler.h"

namespace adabin::ops {

// An operator that runs on the whole map at once: its shapes, and where it reads and writes floats.
struct Whole {
  Shape in;
  Shape out;
  int input = 0;
  int z = 0;
};
Whole PlaceWhole(schedule::Scheduler* scheduler, const graph::Step& step);
void EmitPlaced(schedule::Scheduler* scheduler, const graph::Step& step, schedule::CpuStepPtr pass);

// `run`: (whole, const float* x, float* z), maps NHWC.
template <typename Run>
void EmitWhole(schedule::Scheduler* scheduler, const graph::Step& step, Run run) {
  const Whole whole = PlaceWhole(scheduler, step);
  EmitPlaced(scheduler, step, schedule::MakeWhole([whole, run](const schedule::Frame& frame) {
               run(whole, frame.Floats(whole.input), frame.Floats(whole.z));
             }));
}

}  // namespace adabin::ops

#endif  // ADABIN_OPS_WHOLE_H_
