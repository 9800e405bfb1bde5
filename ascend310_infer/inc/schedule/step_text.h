// SPDX-License-Identifier: Apache-2.0
//
// The words in which --dump_plan and --profile describe a step.
#ifndef ADABIN_SCHEDULE_STEP_TEXT_H_
#define ADABIN_SCHEDULE_STEP_TEXT_H_

#include <string>

#include "base/conv_geometry.h"
#include "base/epilogue.h"
#include "base/tensor_shape.h"

namespace adabin::schedule {

std::string Text(const Shape& shape);            // "64x56x56"
std::string Text(const TensorShape& shape);      // the same; a vector is "64x1x1"
std::string Text(const ConvGeometry& geometry);  // "3x3/2"
std::string Text(Activation act);                // " Maxout", or nothing

}  // namespace adabin::schedule

#endif  // ADABIN_SCHEDULE_STEP_TEXT_H_
