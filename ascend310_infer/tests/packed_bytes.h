// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TESTS_PACKED_BYTES_H_
#define ADABIN_TESTS_PACKED_BYTES_H_

#include <functional>
#include <string>

#include "graph/plan.h"

namespace adabin::test {

// What the reader says against a file; empty if it takes it. Expects a single line.
std::string Refusal(const std::string& bytes);

// A small plan with a step of every kind, in the order of their numbers but for the input, which is
// the first, and the reshape behind the dense layer; two of 8 x 8 x 8 in, 1 x 1 x 4 out.
graph::Plan PlanOfEveryKind();
constexpr int kKinds = 21;

// Expects a refusal with these words where `change` is done to the step of that kind.
void ExpectRefused(graph::StepKind kind, const std::string& words,
                   const std::function<void(graph::Step*)>& change);

}  // namespace adabin::test

#endif  // ADABIN_TESTS_PACKED_BYTES_H_
