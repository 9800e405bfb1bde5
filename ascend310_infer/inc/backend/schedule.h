// SPDX-License-Identifier: Apache-2.0
//
// From the plan to passes over memory: which steps share one, passes/fuse.h has decided; here each
// is laid out.
#ifndef ADABIN_BACKEND_SCHEDULE_H_
#define ADABIN_BACKEND_SCHEDULE_H_

#include "schedule/scheduler.h"

namespace adabin::backend {

// `plan` must outlive the result.
schedule::Schedule MakeSchedule(const graph::Plan& plan, const schedule::ScheduleOptions& options);

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_SCHEDULE_H_
