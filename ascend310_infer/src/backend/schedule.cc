// SPDX-License-Identifier: Apache-2.0
#include "backend/schedule.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "kernels/select_kernel.h"
#include "ops/feature_map.h"

namespace adabin::backend {
namespace {

using ir::Step;
using ir::StepKind;
using kernels::BitPadding;

std::string Text(const Shape& s) {
  return std::to_string(s.c) + "x" + std::to_string(s.h) + "x" + std::to_string(s.w);
}

std::string Text(const ConvGeometry& g) {
  std::string text = std::to_string(g.kernel_h) + "x" + std::to_string(g.kernel_w);
  if (g.stride_h != 1 || g.stride_w != 1) text.append("/").append(std::to_string(g.stride_h));
  return text;
}

const char* Text(kernels::Activation act) {
  switch (act) {
    case kernels::Activation::kNone:
      return "";
    case kernels::Activation::kRelu:
      return " ReLU";
    case kernels::Activation::kTwoSlope:
      return " Maxout";
  }
  return "";
}

// Bits of a value that binary layers want.
struct Request {
  kernels::Compare compare;
  float threshold;
  BitPadding padding;
  int buffer = kNoBuffer;
  kernels::BitLayout layout;

  bool Is(kernels::Compare c, float t) const {
    return compare == c && std::bit_cast<uint32_t>(threshold) == std::bit_cast<uint32_t>(t);
  }
};

// What follows a convolution and runs with it.
struct PoolChain {
  const Step* pool = nullptr;
  const Step* affine = nullptr;
  const Step* activation = nullptr;
  int value = -1;  // the last one's
};

class Scheduler {
 public:
  Scheduler(const ir::Plan& plan, const ScheduleOptions& options)
      : plan_(plan),
        fuse_(options.fuse),
        float_binary_(options.kernel == "float"),
        kernel_(kernels::SelectKernel(float_binary_ ? "auto" : options.kernel)),
        simd_(simd::Select(kernel_.simd)),
        readers_(plan.values.size()),
        float_reads_(plan.values.size(), 0),
        requests_(plan.values.size()),
        buffer_(plan.values.size(), kNoBuffer),
        done_(plan.steps.size(), false) {}

  Schedule Run() {
    FindReaders();
    MakeBinaryConvs();
    EmitInput();
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      if (!done_[i]) EmitStep(i);
    }
    EmitOutputs();
    for (const CpuStepPtr& step : schedule_.steps) {
      schedule_.scratch_bytes = std::max(schedule_.scratch_bytes, step->scratch_bytes());
    }
    schedule_.memory = PlanMemory(buffers_);
    return std::move(schedule_);
  }

 private:
  static size_t Index(int value) { return static_cast<size_t>(value); }
  const Shape& ShapeOf(int value) const { return plan_.values[Index(value)]; }
  int StepNumber() const { return static_cast<int>(schedule_.steps.size()); }
  bool RunsOnBits(const Step& step) const {
    return step.kind == StepKind::kBinaryConv && !float_binary_;
  }

  void FindReaders() {
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      const Step& step = plan_.steps[i];
      readers_[Index(step.input)].push_back(static_cast<int>(i));
      if (!RunsOnBits(step)) ++float_reads_[Index(step.input)];
      if (step.second >= 0) {
        readers_[Index(step.second)].push_back(static_cast<int>(i));
        ++float_reads_[Index(step.second)];
      }
    }
    for (const int output : plan_.outputs) {
      ++float_reads_[Index(output)];
      readers_[Index(output)].push_back(-1);
    }
  }

  // The kernels say which padding they want before anything writes their bits.
  void MakeBinaryConvs() {
    binary_convs_.resize(plan_.steps.size());
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      const Step& step = plan_.steps[i];
      if (!RunsOnBits(step)) continue;
      binary_convs_[i] = kernel_.create(BinaryParams(step));
      Request& request = RequestFor(step);
      const BitPadding pad = binary_convs_[i]->padding();
      BitPadding& all = request.padding;
      all = {std::max(all.top, pad.top), std::max(all.bottom, pad.bottom),
             std::max(all.left, pad.left), std::max(all.right, pad.right)};
    }
  }

  Request& RequestFor(const Step& step) {
    std::vector<Request>& requests = requests_[Index(step.input)];
    for (Request& request : requests) {
      if (request.Is(step.compare, step.threshold)) return request;
    }
    requests.push_back({step.compare, step.threshold, {}, kNoBuffer, {}});
    return requests.back();
  }

  int NewBuffer(size_t bytes, bool keeps = false) {
    buffers_.push_back({bytes, StepNumber(), StepNumber(), -1, keeps});
    return static_cast<int>(buffers_.size()) - 1;
  }

  // The buffer of a value that the step about to be emitted reads as floats.
  int ReadFloats(int value) {
    --float_reads_[Index(value)];
    const int buffer = buffer_[Index(value)];
    buffers_[static_cast<size_t>(buffer)].last_use = StepNumber();
    return buffer;
  }

  void Emit(CpuStepPtr step, std::string description) {
    step->description = std::move(description);
    schedule_.steps.push_back(std::move(step));
  }

  // Where a step writes `value`. It may do so in place of `replaced`, a buffer's value that it
  // reads no later than it writes, if no one reads it afterwards.
  Output MakeOutput(int value, int residual, int replaced) {
    Output output;
    output.shape = ShapeOf(value);
    if (residual >= 0) output.residual = ReadFloats(residual);
    std::vector<Request>& requests = requests_[Index(value)];
    const bool extra_bits = requests.size() > (fuse_ ? 1u : 0u);
    if (float_reads_[Index(value)] > 0 || extra_bits || !fuse_) {
      output.z = NewBuffer(output.shape.size() * sizeof(float));
      if (fuse_ && replaced >= 0 && float_reads_[Index(replaced)] == 0 &&
          ShapeOf(replaced).size() == output.shape.size()) {
        buffers_.back().in_place_of = buffer_[Index(replaced)];
      }
      buffer_[Index(value)] = output.z;
    }
    if (fuse_ && !requests.empty()) WriteBits(&requests[0], &output);
    return output;
  }

  void WriteBits(Request* request, Output* output) {
    request->layout = kernels::LayoutBits(output->shape, request->padding);
    request->buffer = NewBuffer(request->layout.bytes(), true);
    output->bits = request->buffer;
    output->layout = request->layout;
    output->compare = request->compare;
    output->threshold = request->threshold;
  }

  // Bits of `value` that its own step has not written.
  void EmitRemainingBits(int value) {
    for (Request& request : requests_[Index(value)]) {
      if (request.buffer != kNoBuffer) continue;
      Output output;
      output.shape = ShapeOf(value);
      WriteBits(&request, &output);
      const int input = buffer_[Index(value)];
      buffers_[static_cast<size_t>(input)].last_use = StepNumber();
      Tail tail = MakeTail(output.shape.c, {}, {}, kernels::Activation::kNone, {}, {});
      Emit(MakeMap(input, std::move(tail), output, simd_), "Binarize " + Text(output.shape));
    }
  }

  static std::string Results(const Output& output, bool in_place) {
    std::string text = output.residual >= 0 ? " +residual" : "";
    text += " -> ";
    if (output.z >= 0) text += in_place ? "float in place" : "float";
    if (output.z >= 0 && output.bits >= 0) text += ", ";
    if (output.bits >= 0) text += "bits";
    return text;
  }
  std::string Results(const Output& output) const {
    return Results(output,
                   output.z >= 0 && buffers_[static_cast<size_t>(output.z)].in_place_of >= 0);
  }

  void EmitInput() {
    const bool all_nchw = std::all_of(readers_[0].begin(), readers_[0].end(), [&](int reader) {
      return reader >= 0 && ReadsNchw(plan_.steps[static_cast<size_t>(reader)]);
    });
    if (all_nchw) return;
    const int buffer = NewBuffer(plan_.input.size() * sizeof(float));
    buffer_[0] = buffer;
    const Shape shape = plan_.input;
    Emit(MakeWhole([shape, buffer](const Frame& frame) {
           ops::ChwToHwc(shape, frame.input, frame.Floats(buffer));
         }),
         "Input " + Text(shape) + " NCHW -> NHWC");
    EmitRemainingBits(0);
  }

  void EmitOutputs() {
    std::string text = "Output";
    std::vector<int> buffers;
    std::vector<Shape> shapes;
    for (const int value : plan_.outputs) {
      shapes.push_back(ShapeOf(value));
      text.append(" ").append(Text(shapes.back()));
      buffers.push_back(ReadFloats(value));
    }
    Emit(MakeWhole([shapes, buffers](const Frame& frame) {
           for (size_t i = 0; i < buffers.size(); ++i) {
             ops::HwcToChw(shapes[i], frame.Floats(buffers[i]), frame.outputs[i]);
           }
         }),
         text);
  }

  ops::Conv2DParams FloatParams(const Step& step, std::span<const float> weights) const {
    ops::Conv2DParams params;
    params.geometry = step.geometry;
    if (step.kind == StepKind::kDense) {
      params.geometry.in = ShapeOf(step.input);
      params.geometry.out = {step.out_channels, 1, 1};
    }
    params.weights = weights;
    params.scale = step.scale;
    params.shift = step.shift;
    params.act = step.act;
    params.positive = step.positive;
    params.negative = step.negative;
    return params;
  }

  bool ReadsNchw(const Step& step) const {
    return step.kind == StepKind::kConv && step.input == 0 && step.second != 0 &&
           ops::FitsRows(FloatParams(step, step.weights));
  }

  // The only reader of `value`, if that is a step of kind `kind` which reads it as its input.
  const Step* OnlyReader(int value, StepKind kind) const {
    const std::vector<int>& readers = readers_[Index(value)];
    if (readers.size() != 1 || readers[0] < 0) return nullptr;
    const Step& step = plan_.steps[static_cast<size_t>(readers[0])];
    return step.kind == kind && step.input == value ? &step : nullptr;
  }

  int Number(const Step* step) const { return static_cast<int>(step - plan_.steps.data()); }
  void MarkDone(const Step* step) { done_[static_cast<size_t>(Number(step))] = true; }

  // Affine and activation that only this chain reads, behind `value`; moves `value` on.
  void FollowTail(PoolChain* chain) {
    if (!fuse_) return;
    if (const Step* affine = OnlyReader(chain->value, StepKind::kAffine)) {
      chain->affine = affine;
      chain->value = Number(affine) + 1;
      MarkDone(affine);
    }
    if (const Step* activation = OnlyReader(chain->value, StepKind::kActivation)) {
      chain->activation = activation;
      chain->value = Number(activation) + 1;
      MarkDone(activation);
    }
  }

  static Tail TailOf(const PoolChain& chain, int channels) {
    const Step none;
    const Step& affine = chain.affine != nullptr ? *chain.affine : none;
    const Step& act = chain.activation != nullptr ? *chain.activation : none;
    return MakeTail(channels, affine.scale, affine.shift, act.act, act.positive, act.negative);
  }

  static std::string TailText(const PoolChain& chain) {
    std::string text = chain.affine != nullptr ? " BatchNorm" : "";
    if (chain.activation != nullptr) text += Text(chain.activation->act);
    return text;
  }

  void EmitStep(size_t i) {
    const Step& step = plan_.steps[i];
    const int value = static_cast<int>(i) + 1;
    switch (step.kind) {
      case StepKind::kBinaryConv:
        return float_binary_ ? EmitFloatBinary(step, value) : EmitBinary(i, value);
      case StepKind::kConv:
      case StepKind::kDense:
        return EmitFloat(step, value);
      case StepKind::kAvgPool:
      case StepKind::kMean:
        if (fuse_ && FusesAverage(value)) return;  // the convolution averages by itself
        if (fuse_ && EmitShortcut(step, value)) return;
        return EmitPool(step, value);
      case StepKind::kMaxPool:
        return EmitPool(step, value);
      case StepKind::kAffine:
      case StepKind::kActivation:
      case StepKind::kAdd:
        return EmitMap(step, value);
      default:
        return EmitWhole(step, value);
    }
  }

  PoolChain FindPoolChain(const Step& step, int value) {
    PoolChain chain;
    if (!fuse_ || step.second >= 0) return chain;
    chain.pool = OnlyReader(value, StepKind::kMaxPool);
    if (chain.pool == nullptr) return chain;
    MarkDone(chain.pool);
    chain.value = Number(chain.pool) + 1;
    FollowTail(&chain);
    return chain;
  }

  void EmitBinary(size_t i, int value) {
    const Step& step = plan_.steps[i];
    const Request& request = RequestFor(step);
    const std::string name = "BinaryConv " + Text(step.geometry) + " " + Text(step.geometry.in) +
                             " -> " + Text(step.geometry.out);
    const PoolChain chain = FindPoolChain(step, value);
    if (chain.pool != nullptr) {
      const ConvGeometry& pool = chain.pool->geometry;
      const Output output = MakeOutput(chain.value, -1, -1);
      Emit(MakePooled(std::move(binary_convs_[i]), request.buffer, request.layout, pool,
                      TailOf(chain, pool.in.c), output, simd_),
           name + Text(step.act) + " MaxPool " + Text(pool) + TailText(chain) + Results(output));
      return EmitRemainingBits(chain.value);
    }
    const Output output = MakeOutput(value, step.second, step.second);
    Emit(MakeConv(std::move(binary_convs_[i]), request.buffer, request.layout, output),
         name + Text(step.act) + Results(output));
    EmitRemainingBits(value);
  }

  // A binary layer as the float convolution that it stands for.
  void EmitFloatBinary(const Step& step, int value) {
    const int binarized = NewBuffer(step.geometry.in.size() * sizeof(float));
    const int input = ReadFloats(step.input);
    const Step* s = &step;
    Emit(MakeWhole([s, input, binarized](const Frame& frame) {
           ops::Threshold(s->geometry.in.size(), frame.Floats(input), s->compare, s->threshold,
                          s->high, s->low, frame.Floats(binarized));
         }),
         "Threshold " + Text(step.geometry.in));
    buffers_[static_cast<size_t>(binarized)].last_use = StepNumber();
    const Output output = MakeOutput(value, step.second, step.second);
    const std::vector<float> weights = FloatWeights(step);
    Emit(MakeConv(ops::CreateConv2D(FloatParams(step, weights), simd_), binarized, output),
         "Conv " + Text(step.geometry) + " " + Text(step.geometry.in) + " -> " +
             Text(step.geometry.out) + Text(step.act) + Results(output));
  }

  // Whether the only reader of an average is a layer that takes it over.
  bool FusesAverage(int value) const {
    for (const StepKind kind : {StepKind::kConv, StepKind::kDense}) {
      const Step* reader = OnlyReader(value, kind);
      if (reader == nullptr) continue;
      const ConvGeometry& g = reader->geometry;
      const bool pixelwise = g.taps() == 1 && g.stride_h == 1 && g.stride_w == 1 &&
                             g.pad_top + g.pad_bottom + g.pad_left + g.pad_right == 0;
      if (pixelwise && ops::FitsRows(FloatParams(*reader, reader->weights))) return true;
    }
    return false;
  }

  ConvGeometry AverageGeometry(const Step& step) const {
    if (step.kind == StepKind::kAvgPool) return step.geometry;
    ConvGeometry whole;
    whole.in = ShapeOf(step.input);
    whole.out = {whole.in.c, 1, 1};
    whole.kernel_h = whole.in.h;
    whole.kernel_w = whole.in.w;
    return whole;
  }

  void EmitFloat(const Step& step, int value) {
    ops::Conv2DParams params = FloatParams(step, step.weights);
    std::string name;
    int source = step.input;
    ConvGeometry average;
    if (source > 0) {
      const Step& before = plan_.steps[Index(source) - 1];
      const bool averages = before.kind == StepKind::kAvgPool || before.kind == StepKind::kMean;
      if (fuse_ && averages && buffer_[Index(source)] == kNoBuffer) {
        average = AverageGeometry(before);
        params.average = &average;
        name = before.kind == StepKind::kMean ? "Mean " : "AvgPool " + Text(average) + " ";
        source = before.input;
      }
    }
    params.reads_nchw = ReadsNchw(step);
    name += step.kind == StepKind::kDense ? "Dense " : "Conv " + Text(params.geometry) + " ";
    name += Text(params.average != nullptr ? average.in : params.geometry.in) + " -> " +
            Text(params.geometry.out) + Text(step.act);
    int input = kNetworkInput;
    if (params.reads_nchw) {
      --float_reads_[0];
    } else {
      input = ReadFloats(source);
    }
    auto conv = ops::CreateConv2D(params, simd_);
    const PoolChain chain = FindPoolChain(step, value);
    if (chain.pool != nullptr) {
      const ConvGeometry& pool = chain.pool->geometry;
      const Output output = MakeOutput(chain.value, -1, -1);
      Emit(MakePooled(std::move(conv), input, pool, TailOf(chain, pool.in.c), output, simd_),
           name + " MaxPool " + Text(pool) + TailText(chain) + Results(output));
      return EmitRemainingBits(chain.value);
    }
    // A convolution still reads pixels around the one that it writes.
    const Output output = MakeOutput(value, step.second, step.second == source ? -1 : step.second);
    Emit(MakeConv(std::move(conv), input, output), name + Results(output));
    EmitRemainingBits(value);
  }

  void EmitPool(const Step& step, int value) {
    const int input = ReadFloats(step.input);
    const bool maximum = step.kind == StepKind::kMaxPool;
    const ConvGeometry g = AverageGeometryOrPool(step);
    PoolChain chain;
    chain.value = value;
    FollowTail(&chain);
    const Output output = MakeOutput(chain.value, -1, -1);
    Emit(MakePool(maximum, g, input, TailOf(chain, g.in.c), output, simd_),
         std::string(ir::StepName(step.kind)) + " " + Text(g) + " " + Text(g.in) + " -> " +
             Text(g.out) + TailText(chain) + Results(output));
    EmitRemainingBits(chain.value);
  }

  ConvGeometry AverageGeometryOrPool(const Step& step) const {
    return step.kind == StepKind::kMaxPool ? step.geometry : AverageGeometry(step);
  }

  void EmitMap(const Step& step, int value) {
    PoolChain chain;
    chain.value = value;
    int residual = -1;
    if (step.kind == StepKind::kAffine) {
      chain.affine = &step;
    } else if (step.kind == StepKind::kActivation) {
      chain.activation = &step;
    } else {
      residual = step.second;
    }
    if (fuse_ && step.kind != StepKind::kActivation) {
      if (const Step* activation = OnlyReader(value, StepKind::kActivation)) {
        chain.activation = activation;
        chain.value = Number(activation) + 1;
        MarkDone(activation);
      }
    }
    const int input = ReadFloats(step.input);
    const Output output = MakeOutput(chain.value, residual, step.input);
    Emit(MakeMap(input, TailOf(chain, output.shape.c), output, simd_),
         std::string(ir::StepName(step.kind)) + " " + Text(output.shape) +
             (step.kind == StepKind::kActivation ? "" : TailText(chain)) + Results(output));
    EmitRemainingBits(chain.value);
  }

  // Every n-th pixel with zero channels around it: the parameter-free shortcut.
  bool EmitShortcut(const Step& step, int value) {
    const ConvGeometry& g = step.geometry;
    const Step* pad = OnlyReader(value, StepKind::kPad);
    if (step.kind != StepKind::kAvgPool || g.taps() != 1 || pad == nullptr) return false;
    const int padded = Number(pad) + 1;
    const std::span<const int> pads(pad->pads);
    if (std::any_of(pads.begin() + 2, pads.end(), [](int p) { return p != 0; }) ||
        !requests_[Index(padded)].empty() || float_reads_[Index(padded)] == 0) {
      return false;
    }
    MarkDone(pad);
    const int input = ReadFloats(step.input);
    const Output output = MakeOutput(padded, -1, -1);
    const int first = pads[0];
    const ConvGeometry geometry = g;
    const Shape out = output.shape;
    Emit(
        MakeWhole([geometry, out, first, input, z = output.z](const Frame& frame) {
          ops::SubsampleAndPad(geometry, out, first, frame.Floats(input), frame.Floats(z));
        }),
        "Subsample /" + std::to_string(g.stride_h) + " and pad " + Text(g.in) + " -> " + Text(out));
    return true;
  }

  void EmitWhole(const Step& step, int value) {
    const int input = ReadFloats(step.input);
    const Shape in = ShapeOf(step.input);
    const Shape out = ShapeOf(value);
    const int z = NewBuffer(out.size() * sizeof(float));
    buffer_[Index(value)] = z;
    const Step* s = &step;
    CpuStepPtr whole;
    if (step.kind == StepKind::kPad) {
      whole = MakeWhole([s, in, out, input, z](const Frame& frame) {
        ops::PadZeros(in, out, s->pads, frame.Floats(input), frame.Floats(z));
      });
    } else if (step.kind == StepKind::kReshape) {
      whole = MakeWhole([in, out, input, z](const Frame& frame) {
        ops::Reshape(in, out, frame.Floats(input), frame.Floats(z));
      });
    } else {
      whole = MakeWhole([s, in, input, z](const Frame& frame) {
        ops::Threshold(in.size(), frame.Floats(input), s->compare, s->threshold, s->high, s->low,
                       frame.Floats(z));
      });
    }
    Emit(std::move(whole),
         std::string(ir::StepName(step.kind)) + " " + Text(in) + " -> " + Text(out));
    EmitRemainingBits(value);
  }

  const ir::Plan& plan_;
  const bool fuse_;
  const bool float_binary_;
  const kernels::Kernel& kernel_;
  const simd::Simd& simd_;
  std::vector<std::vector<int>> readers_;  // steps by value; -1: the network's output
  std::vector<int> float_reads_;           // of those, reads as floats not yet emitted
  std::vector<std::vector<Request>> requests_;
  std::vector<std::unique_ptr<kernels::BConv2D>> binary_convs_;
  std::vector<int> buffer_;  // floats of each value
  std::vector<bool> done_;   // emitted together with an earlier step
  std::vector<Buffer> buffers_;
  Schedule schedule_;
};

}  // namespace

Schedule MakeSchedule(const ir::Plan& plan, const ScheduleOptions& options) {
  return Scheduler(plan, options).Run();
}

}  // namespace adabin::backend
