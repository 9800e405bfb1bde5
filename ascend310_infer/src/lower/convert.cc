// SPDX-License-Identifier: Apache-2.0
#include "lower/convert.h"

#include <algorithm>

#include "base/error.h"

namespace adabin::lower {
namespace {

using ir::Graph;
using ir::Node;
using ir::Step;
using ir::StepKind;
using ir::Tensor;
using ir::Value;

constexpr const char* kSupported =
    "supported are Select with GreaterEqual, Conv2D, BatchNorm, BiasAdd, MatMul, Dense, Add, ReLU, "
    "PReLU, Maxout, MaxPool, AvgPool, Pad, ReduceMean, Reshape, Flatten";

// The last two of {n, c, h, w}, or of {h, w}.
std::vector<int> Spatial(const NodeView& view, const Value& value, const char* what) {
  const bool four = value.kind == Value::Kind::kList && value.list.size() == 4;
  std::vector<int> all = view.ints(value, four ? 4 : 2, what);
  return {all[all.size() - 2], all[all.size() - 1]};
}

// "same": as many outputs as strides fit, the odd row of padding below and to the right.
void PadSame(int in, int kernel, int stride, int dilation, int* before, int* after) {
  if (stride < 1) return;  // refused later, with the other sizes
  const int64_t out = (int64_t{in} + stride - 1) / stride;
  const int64_t span = (out - 1) * stride + int64_t{kernel - 1} * dilation + 1;
  const int64_t total = std::max<int64_t>(span - in, 0);
  constexpr int64_t kLimit = 1 << 30;
  *before = static_cast<int>(std::min(total / 2, kLimit));
  *after = static_cast<int>(std::min(total - total / 2, kLimit));
}

void SetPadding(const NodeView& view, NodeView::PadMode mode, const Value* pads, const Shape& in,
                ConvGeometry* g) {
  if (mode == NodeView::PadMode::kSame) {
    PadSame(in.h, g->kernel_h, g->stride_h, g->dilation_h, &g->pad_top, &g->pad_bottom);
    PadSame(in.w, g->kernel_w, g->stride_w, g->dilation_w, &g->pad_left, &g->pad_right);
  } else if (mode == NodeView::PadMode::kPad) {
    if (pads == nullptr) view.Fail("has no padding sizes");
    const std::vector<int> pad = view.ints(*pads, 4, "pad");
    g->pad_top = pad[0];
    g->pad_bottom = pad[1];
    g->pad_left = pad[2];
    g->pad_right = pad[3];
  }
}

void CheckFormat(const NodeView& view) {
  const Value* format = view.attribute("format");
  if (format == nullptr) format = view.attribute("data_format");
  if (format != nullptr && format->kind == Value::Kind::kString && format->s != "NCHW") {
    view.Fail("format " + Printable(format->s) + " is not supported; use NCHW");
  }
}

bool IsPool(const Node& node) { return node.op == "MaxPool" || node.op == "AvgPool"; }

std::vector<int> PoolKernel(const NodeView& view) {
  return Spatial(view, view.argument("kernel_size", 1), "kernel_size");
}

std::vector<int> PoolStride(const NodeView& view) {
  return Spatial(view, view.argument("strides", 2), "strides");
}

Step ConvertPool(const NodeView& view, const Shape& in) {
  CheckFormat(view);
  Step step;
  step.kind = view.op() == "MaxPool" ? StepKind::kMaxPool : StepKind::kAvgPool;
  ConvGeometry& g = step.geometry;
  const std::vector<int> kernel = PoolKernel(view);
  const std::vector<int> stride = PoolStride(view);
  g.kernel_h = kernel[0];
  g.kernel_w = kernel[1];
  g.stride_h = stride[0];
  g.stride_w = stride[1];
  const auto mode = view.pad_mode(view.argument("pad_mode", 3));
  if (mode == NodeView::PadMode::kPad) view.Fail("explicit padding is not supported");
  SetPadding(view, mode, nullptr, in, &g);
  return step;
}

Step ConvertPad(const NodeView& view) {
  Step step;
  step.kind = StepKind::kPad;
  const Value& pads = view.argument("paddings", 1);
  if (pads.kind != Value::Kind::kList || pads.list.size() != 4) {
    view.Fail("only rank-4 paddings are supported");
  }
  for (size_t axis = 0; axis < 4; ++axis) {
    const std::vector<int> pair = view.ints(pads.list[axis], 2, "paddings");
    if (axis == 0) {
      if (pair[0] != 0 || pair[1] != 0) view.Fail("padding of the batch is not supported");
      continue;
    }
    step.pads[2 * axis - 2] = pair[0];
    step.pads[2 * axis - 1] = pair[1];
  }
  return step;
}

Step ConvertMean(const NodeView& view) {
  Step step;
  step.kind = StepKind::kMean;
  const Value& value = view.argument("axis", 1);
  std::vector<int> axes;
  if (value.kind == Value::Kind::kList) axes = view.ints(value, value.list.size(), "axis");
  for (int& axis : axes) axis += axis < 0 ? 4 : 0;
  std::sort(axes.begin(), axes.end());
  if (axes != std::vector<int>{2, 3}) view.Fail("only the mean over axes (2, 3) is supported");
  return step;
}

Step ConvertReshape(const NodeView& view, const Shape& in, int64_t batch) {
  Step step;
  step.kind = StepKind::kReshape;
  const Value& value = view.argument("shape", 1);
  if (value.kind != Value::Kind::kList) view.Fail("its shape is not a constant");
  std::vector<int> dims = view.ints(value, value.list.size(), "shape");
  if (dims.size() != 2 && dims.size() != 4) {
    view.Fail("to rank " + std::to_string(dims.size()) + " is not supported");
  }
  // One size may be left open; all are per batch in the graph and per sample in the plan.
  int64_t known = 1;
  int* open = nullptr;
  for (int& dim : dims) {
    if (dim == -1 && open == nullptr) {
      open = &dim;
    } else if (dim < 1 || known > (int64_t{1} << 40) / dim) {
      view.Fail("its shape is impossible");
    } else {
      known *= dim;
    }
  }
  const int64_t elements = batch * static_cast<int64_t>(in.size());
  if (open != nullptr) *open = static_cast<int>(std::min<int64_t>(elements / known, 1 << 30));
  if (dims[0] != batch) view.Fail("mixes samples of a batch, which is not supported");
  step.shape = {dims[1], dims.size() == 4 ? dims[2] : 1, dims.size() == 4 ? dims[3] : 1};
  return step;
}

Step ConvertDense(const Graph& graph, const Node& node, const Shape& in) {
  const NodeView view(graph, node);
  Step step;
  step.kind = StepKind::kDense;
  const Tensor* weights = ConstantTensor(graph, view.input(1));
  if (weights == nullptr || weights->shape.size() != 2) {
    view.Fail("its second operand is not a constant matrix");
  }
  bool transposed = true;  // [out][in]
  if (node.op == "MatMul") {
    if (view.argument("transpose_a", 2).i != 0) view.Fail("transpose_a is not supported");
    transposed = view.argument("transpose_b", 3).i != 0;
  } else if (view.has_input(2)) {
    const Value& bias = view.constant(2, "its bias");
    if (bias.kind == Value::Kind::kTensor) {
      step.shift.assign(bias.tensor.data.begin(), bias.tensor.data.end());
    } else if (bias.kind != Value::Kind::kNone) {
      view.Fail("its bias is not a float32 tensor");
    }
  }
  const auto rows = static_cast<size_t>(weights->shape[0]);
  const auto columns = static_cast<size_t>(weights->shape[1]);
  if (static_cast<int64_t>(transposed ? columns : rows) != in.c) {
    view.Fail("its weights do not fit an input of " + std::to_string(in.c) + " channels");
  }
  step.out_channels = static_cast<int>(transposed ? rows : columns);
  if (transposed) {
    step.weights = weights->data;
  } else {
    step.weights.resize(weights->data.size());
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        step.weights[c * rows + r] = weights->data[r * columns + c];
      }
    }
  }
  return step;
}

template <typename T>
std::vector<T> PerChannel(std::vector<T> out, int channels) {
  if (out.size() == 1) out.resize(static_cast<size_t>(channels), out[0]);
  return out;
}

}  // namespace

Step ConvertConv2D(const Graph& graph, const Node& node, const Shape& in) {
  const NodeView view(graph, node);
  CheckFormat(view);
  const Tensor* weights = ConstantTensor(graph, view.input(1));
  if (weights == nullptr || weights->shape.size() != 4) view.Fail("its weights are not constant");
  const Value* stride = view.attribute("stride");
  const Value* dilation = view.attribute("dilation");
  const Value* group = view.attribute("group");
  const Value* mode = view.attribute("pad_mode");
  if (stride == nullptr || dilation == nullptr || group == nullptr || mode == nullptr) {
    view.Fail("lacks stride, dilation, group or pad_mode");
  }
  const std::vector<int64_t>& shape = weights->shape;
  const bool fits = std::all_of(shape.begin(), shape.end(),
                                [](int64_t dim) { return dim >= 1 && dim < (1 << 28); });
  const int groups = view.ints(*group, 1, "group")[0];
  if (!fits || groups < 1 || shape[1] * groups != in.c) {
    view.Fail("its weights do not fit an input of " + std::to_string(in.c) + " channels");
  }
  Step step;
  step.kind = StepKind::kConv;
  step.out_channels = static_cast<int>(shape[0]);
  step.weights = weights->data;
  ConvGeometry& g = step.geometry;
  g.groups = groups;
  g.kernel_h = static_cast<int>(shape[2]);
  g.kernel_w = static_cast<int>(shape[3]);
  const std::vector<int> strides = Spatial(view, *stride, "stride");
  const std::vector<int> dilations = Spatial(view, *dilation, "dilation");
  g.stride_h = strides[0];
  g.stride_w = strides[1];
  g.dilation_h = dilations[0];
  g.dilation_w = dilations[1];
  SetPadding(view, view.pad_mode(*mode), view.attribute("pad"), in, &g);
  return step;
}

Step ConvertOperator(const Graph& graph, const Node& node, const Shape& in, int64_t batch) {
  const NodeView view(graph, node);
  if (IsPool(node)) return ConvertPool(view, in);
  if (node.op == "Pad") return ConvertPad(view);
  if (node.op == "ReduceMean") return ConvertMean(view);
  if (node.op == "Reshape") return ConvertReshape(view, in, batch);
  if (node.op == "MatMul" || node.op == "Dense") return ConvertDense(graph, node, in);
  if (node.op == "Flatten") {
    Step step;
    step.kind = StepKind::kReshape;
    step.shape = {static_cast<int>(in.size()), 1, 1};
    return step;
  }
  view.Fail(std::string("not supported here; ") + kSupported);
}

bool OnlySubsamples(const Graph& graph, const Node& node) {
  return IsPool(node) && PoolKernel(NodeView(graph, node)) == std::vector<int>{1, 1};
}

bool PoolsEveryPixel(const Graph& graph, const Node& node) {
  return IsPool(node) && PoolStride(NodeView(graph, node)) == std::vector<int>{1, 1};
}

Step ConvertSubsampledPool(const Graph& graph, const Node& pool, const Node& subsampling,
                           const Shape& in) {
  Step step = ConvertPool(NodeView(graph, pool), in);
  const std::vector<int> stride = PoolStride(NodeView(graph, subsampling));
  step.geometry.stride_h = stride[0];
  step.geometry.stride_w = stride[1];
  return step;
}

void SetAffine(const std::vector<double>& scale, const std::vector<double>& shift, int channels,
               Step* step) {
  step->scale = PerChannel(scale, channels);
  step->shift = PerChannel(shift, channels);
}

void SetBinarizer(const Binarizer& binarizer, Step* step) {
  step->compare = binarizer.compare;
  step->threshold = binarizer.threshold;
  step->high = binarizer.high;
  step->low = binarizer.low;
}

void SetActivation(const ActivationMatch& activation, int channels, Step* step) {
  step->act = activation.act;
  step->positive = PerChannel(activation.positive, channels);
  step->negative = PerChannel(activation.negative, channels);
}

}  // namespace adabin::lower
