// SPDX-License-Identifier: Apache-2.0
#include "schedule/value_buffers.h"

#include <algorithm>
#include <bit>

namespace adabin::schedule {

ValueBuffers::ValueBuffers(const graph::Plan& plan, const graph::PlanReaders& readers,
                           const std::vector<bool>& reads_bits, bool fuse)
    : plan_(plan),
      fuse_(fuse),
      floats_(plan.values.size(), kNoBuffer),
      requests_(plan.values.size()) {
  for (size_t v = 0; v < plan.values.size(); ++v) {
    reads_.push_back(static_cast<int>(readers.Of(static_cast<int>(v)).size()));
  }
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (reads_bits[i]) --reads_[Index(plan.steps[i].input())];
  }
}

BitRequest& ValueBuffers::RequestOf(const graph::Step& step) {
  const auto same = [&](const BitRequest& r) {  // a threshold may be NaN, or a zero of either sign
    return r.compare == step.compare &&
           std::bit_cast<uint32_t>(r.threshold) == std::bit_cast<uint32_t>(step.threshold);
  };
  std::vector<BitRequest>& requests = requests_[Index(step.input())];
  const auto found = std::find_if(requests.begin(), requests.end(), same);
  if (found != requests.end()) return *found;
  requests.push_back({step.compare, step.threshold, {}, kNoBuffer, {}});
  return requests.back();
}

void ValueBuffers::AskForPadding(const graph::Step& step, const BitPadding& pad) {
  BitPadding& all = RequestOf(step).padding;
  all = {std::max(all.top, pad.top), std::max(all.bottom, pad.bottom), std::max(all.left, pad.left),
         std::max(all.right, pad.right)};
}

int ValueBuffers::New(size_t bytes, bool keeps) {
  buffers_.push_back({bytes, step_, step_, -1, keeps});
  buffer_reads_.push_back(0);
  return static_cast<int>(buffers_.size()) - 1;
}

int ValueBuffers::NewFloats(int value) {
  PlaceFloats(value, New(ShapeOf(value).size() * sizeof(float)));
  return floats_[Index(value)];
}

void ValueBuffers::PlaceFloats(int value, int buffer) {
  floats_[Index(value)] = buffer;
  buffer_reads_[Index(buffer)] += reads_[Index(value)];
}

void ValueBuffers::CountRead(int value) {
  --reads_[Index(value)];
  if (HasFloats(value)) --buffer_reads_[Index(floats(value))];
}

int ValueBuffers::ReadFloats(int value) {
  CountRead(value);
  const int buffer = floats_[Index(value)];
  UseUntilNow(buffer);
  return buffer;
}

void ValueBuffers::Alias(int value, int source, const Strides& strides) {
  PlaceFloats(value, ReadFloats(source));
  strides_[value] = strides;
}

Strides ValueBuffers::strides(int value) const {
  const auto found = strides_.find(value);
  return found != strides_.end() ? found->second : MemoryStrides(plan_.values[Index(value)]);
}

Output ValueBuffers::MakeOutput(int value, int residual, int replaced) {
  Output output;
  output.shape = ShapeOf(value);
  if (residual >= 0) output.residual = ReadFloats(residual);
  std::vector<BitRequest>& requests = requests_[Index(value)];
  const bool extra_bits = requests.size() > (fuse_ ? 1u : 0u);
  if (reads_[Index(value)] > 0 || extra_bits || !fuse_) {
    output.z = NewFloats(value);
    if (fuse_ && replaced >= 0 && buffer_reads_[Index(floats(replaced))] == 0 &&
        ShapeOf(replaced).size() == output.shape.size()) {
      buffers_.back().in_place_of = floats_[Index(replaced)];
    }
  }
  if (fuse_ && !requests.empty()) WriteBits(&requests[0], &output);
  return output;
}

void ValueBuffers::WriteBits(BitRequest* request, Output* output) {
  request->layout = LayoutBits(output->shape, request->padding);
  request->buffer = New(request->layout.bytes(), true);
  output->bits = request->buffer;
  output->target.layout = request->layout;
  output->target.compare = request->compare;
  output->target.threshold = request->threshold;
}

}  // namespace adabin::schedule
