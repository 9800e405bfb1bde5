// SPDX-License-Identifier: Apache-2.0
//
// From the plan to passes over memory. Fused are
//
//   residual, activation and the next layer's bits     into the convolution or pooling before
//   MaxPool, BatchNorm and activation behind it        into the convolution before
//   AvgPool or the mean of the map                     into the 1x1 convolution or dense layer
//   after subsampling and zero channels  into one copy
//
// Each is decided in the file of the operator whose pass it is (src/ops/).
#ifndef ADABIN_BACKEND_SCHEDULE_H_
#define ADABIN_BACKEND_SCHEDULE_H_

#include "schedule/scheduler.h"

namespace adabin::backend {

// `plan` must outlive the result.
schedule::Schedule MakeSchedule(const ir::Plan& plan, const schedule::ScheduleOptions& options);

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_SCHEDULE_H_
