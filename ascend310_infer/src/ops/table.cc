// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "ops/operator.h"

namespace adabin::ops {
namespace {

constexpr const Operator* kTable[] = {
#define ADABIN_OPERATOR(number, name) &k##name,
#include "ir/operators.def"
#undef ADABIN_OPERATOR
};

}  // namespace

const Operator* FindOperator(ir::StepKind kind) {
  for (const Operator* op : kTable) {
    if (op->kind == kind) return op;
  }
  return nullptr;
}

const Operator& OperatorOf(ir::StepKind kind) {
  if (const Operator* op = FindOperator(kind)) return *op;
  throw Error("unknown step kind " + std::to_string(static_cast<int>(kind)));
}

const Operator* OperatorFrom(const std::string& mindir) {
  for (const Operator* op : kTable) {
    for (const char* const* name = op->mindir; *name != nullptr; ++name) {
      if (mindir == *name) return op;
    }
  }
  return nullptr;
}

std::string SupportedOperators() {
  std::string text;
  for (const Operator* op : kTable) {
    if (op->words != nullptr) text += std::string(text.empty() ? "" : ", ") + op->words;
  }
  return text;
}

}  // namespace adabin::ops
