// SPDX-License-Identifier: Apache-2.0
//
// In which buffers the values of a plan lie, while its steps are emitted one after the other. A
// value has a map of floats if something reads floats, and a map of bits for each threshold that
// binary layers compare it with.
#ifndef ADABIN_SCHEDULE_VALUE_BUFFERS_H_
#define ADABIN_SCHEDULE_VALUE_BUFFERS_H_

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "graph/plan_readers.h"
#include "schedule/cpu_step.h"
#include "schedule/memory_plan.h"

namespace adabin::schedule {

// Bits of a value that binary layers want.
struct BitRequest {
  Compare compare;
  float threshold;
  BitPadding padding;
  int buffer = kNoBuffer;
  BitLayout layout;
};

class ValueBuffers {
 public:
  // `reads_bits[i]`: step i reads its input as bits.
  ValueBuffers(const graph::Plan& plan, const graph::PlanReaders& readers,
               const std::vector<bool>& reads_bits, bool fuse);

  // What is asked of here happens in this step; Advance begins the next one.
  int step() const { return step_; }
  void Advance() { ++step_; }

  // The bits that binary layer `step` reads. Its kernel's padding is asked for before anything
  // writes them.
  BitRequest& RequestOf(const graph::Step& step);
  void AskForPadding(const graph::Step& step, const BitPadding& padding);
  std::span<BitRequest> requests(int value) { return requests_[Index(value)]; }

  // A buffer that no value has, for this step and what reads it later.
  int New(size_t bytes, bool keeps = false);
  void UseUntilNow(int buffer) { buffers_[Index(buffer)].last_use = step_; }

  // Floats of a value.
  int NewFloats(int value);
  bool HasFloats(int value) const { return floats_[Index(value)] != kNoBuffer; }
  int floats(int value) const { return floats_[Index(value)]; }
  int ReadFloats(int value);                      // by this step; says where they lie
  void SkipRead(int value) { CountRead(value); }  // of the network's input, as NCHW
  int reads_left(int value) const { return reads_[Index(value)]; }
  // `value` is what `source` holds, in the same place: nothing is computed. `strides` tells how it
  // lies there; only steps that take inputs in any order may read it where that is not
  // MemoryStrides.
  void Alias(int value, int source, const Strides& strides);
  Strides strides(int value) const;

  // Where this step writes `value`. It may do so in place of `replaced`, a value that it reads no
  // later than it writes, if no one reads that afterwards.
  Output MakeOutput(int value, int residual, int replaced);
  // The bits of `request`, written by this step.
  void WriteBits(BitRequest* request, Output* output);
  bool IsInPlace(const Output& output) const {
    return output.z >= 0 && buffers_[Index(output.z)].in_place_of >= 0;
  }

  MemoryPlan Plan() const { return PlanMemory(buffers_); }

 private:
  void CountRead(int value);
  void PlaceFloats(int value, int buffer);
  static size_t Index(int i) { return static_cast<size_t>(i); }
  Shape ShapeOf(int value) const { return plan_.values[Index(value)].pixels(); }

  const graph::Plan& plan_;
  const bool fuse_;
  int step_ = 0;
  std::vector<int> reads_;          // of each value, reads as floats that are not yet emitted
  std::vector<int> floats_;         // buffer of each value
  std::map<int, Strides> strides_;  // of aliases
  std::vector<std::vector<BitRequest>> requests_;
  std::vector<Buffer> buffers_;
  std::vector<int> buffer_reads_;  // of each, the same of all values that lie there
};

}  // namespace adabin::schedule

#endif  // ADABIN_SCHEDULE_VALUE_BUFFERS_H_
