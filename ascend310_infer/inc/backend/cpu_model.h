// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_CPU_MODEL_H_
#define ADABIN_BACKEND_CPU_MODEL_H_

#include <memory>

#include "backend/backend.h"
#include "backend/schedule.h"
#include "graph/plan.h"

namespace adabin::backend {

// A plan as passes over memory by this project's own kernels. Nothing of it changes after
// construction, so any number of sessions run it at the same time.
class CpuModel : public Model {
 public:
  CpuModel(graph::Plan plan, const ModelOptions& options);

  const ModelInfo& info() const override { return info_; }
  size_t SessionBytes(const SessionOptions& options, size_t samples) const override;
  std::unique_ptr<Session> NewSession(const SessionOptions& options) const override;

  const schedule::Schedule& schedule() const { return schedule_; }
  const Shape& input() const { return plan_.input; }  // the first one

 private:
  graph::Plan plan_;
  schedule::Schedule schedule_;
  ModelInfo info_;
};

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_CPU_MODEL_H_
