// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_SCHEDULE_CONV_SOURCE_H_
#define ADABIN_SCHEDULE_CONV_SOURCE_H_

#include <memory>
#include <utility>

#include "schedule/cpu_step.h"

namespace adabin::schedule {

// Binary and float convolutions, told apart by what they read.
class BinarySource {
 public:
  BinarySource(std::unique_ptr<kernels::BConv2D> conv, int bits, const BitLayout& layout)
      : conv_(std::move(conv)), bits_(bits), layout_(layout) {}
  int blocks() const { return conv_->blocks(); }
  size_t scratch_bytes() const { return conv_->scratch_bytes(); }
  void Start(std::byte*) const {}
  void Run(const Frame& frame, const Work& work, const Target& target, std::byte* scratch) const {
    conv_->Run(frame.Bytes(bits_), layout_, work, target, scratch);
  }
  static constexpr bool kPacked = true;

 private:
  std::unique_ptr<kernels::BConv2D> conv_;
  int bits_;
  BitLayout layout_;
};

class FloatSource {
 public:
  FloatSource(std::unique_ptr<kernels::Conv2D> conv, int input)
      : conv_(std::move(conv)), input_(input) {}
  int blocks() const { return conv_->blocks(); }
  size_t scratch_bytes() const { return conv_->scratch_bytes(); }
  void Start(std::byte* scratch) const { conv_->Start(scratch); }
  void Run(const Frame& frame, const Work& work, const Target& target, std::byte* scratch) const {
    conv_->Run(input_ == kNetworkInput ? frame.inputs[0] : frame.Floats(input_), work, target,
               scratch);
  }
  static constexpr bool kPacked = false;

 private:
  std::unique_ptr<kernels::Conv2D> conv_;
  int input_;
};

}  // namespace adabin::schedule

#endif  // ADABIN_SCHEDULE_CONV_SOURCE_H_
