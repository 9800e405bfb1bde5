// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_REFERENCE_MODEL_H_
#define ADABIN_BACKEND_REFERENCE_MODEL_H_

#include <cstddef>
#include <memory>

#include "backend/backend.h"
#include "graph/plan.h"
#include "schedule/memory_plan.h"

namespace adabin::backend {

// The slow obvious reference that other devices are compared with: a network as it was exported,
// nothing folded or fused, each step by the formula of its operator (ops/formula.h), which says in
// which precision. It takes plans after any of the passes too, which so can be compared.
class ReferenceModel : public Model {
 public:
  // Throws Error where options.kernel asks for one: binary layers are float convolutions here.
  ReferenceModel(graph::Plan plan, const ModelOptions& options);

  const ModelInfo& info() const override { return info_; }
  size_t SessionBytes(const SessionOptions& options, size_t samples) const override;
  // Runs one sample after the other on the thread that asks for it, however many are allowed.
  std::unique_ptr<Session> NewSession(const SessionOptions& options) const override;

  const graph::Plan& plan() const { return plan_; }
  // The first step that computes something: those before it stand for inputs of the network.
  size_t first_step() const { return info_.inputs.size() - 1; }
  // Of what each of these steps makes, in this order.
  const schedule::MemoryPlan& memory() const { return memory_; }

 private:
  const graph::Plan plan_;
  schedule::MemoryPlan memory_;
  ModelInfo info_;
};

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_REFERENCE_MODEL_H_
