// SPDX-License-Identifier: Apache-2.0
#include "ops/pool_node.h"

#include <algorithm>
#include <string>

#include "ops/window.h"

namespace adabin::ops {
namespace {

using graph::Graph;
using graph::Node;
using graph::NodeView;
using graph::Value;

bool IsOneOf(const Node& node, std::initializer_list<const char*> names) {
  return std::ranges::any_of(names, [&](const char* name) { return node.op == name; });
}

bool HasDepth(const Node& node) {
  return IsOneOf(node, {"MaxPool3DWithArgmax", "MaxPool3D", "AvgPool3D"});
}

// The axis of ExpandDims or Squeeze is the depth, the third one.
bool IsOfDepth(const Graph& graph, const Node& node) {
  const NodeView view(graph, node);
  if (view.attribute("axis") == nullptr && !view.has_input(1)) return false;
  const Value& value = view.argument("axis", 1);
  const bool list = value.kind == Value::Kind::kList && value.list.size() == 1;
  const Value& axis = list ? value.list[0] : value;
  return axis.kind == Value::Kind::kInt && axis.i == 2;
}

// What an attribute says of rows and columns, and of the axes before these, which have to be 1.
std::vector<int> OfMap(const NodeView& view, const Value& value, const char* what, bool check) {
  const size_t count = value.kind == Value::Kind::kList ? value.list.size() : 2;
  std::vector<int> all = view.ints(value, std::max<size_t>(count, 2), what);
  if (check && std::any_of(all.begin(), all.end() - 2, [](int size) { return size != 1; })) {
    view.Fail(std::string(what) + " reaches beyond rows and columns, which is not supported");
  }
  return {all[all.size() - 2], all[all.size() - 1]};
}

bool IsSet(const Value* value) {
  return value != nullptr && value->kind == Value::Kind::kInt && value->i != 0;
}

// Explicit padding of rows and columns: before and after each.
std::vector<int> Pads(const NodeView& view) {
  const char* name = view.op() == "AvgPool3D"   ? "pad"
                     : view.op() == "MaxPool3D" ? "pad_list"
                                                : "pads";
  const Value* value = view.attribute(name);
  if (value == nullptr) view.Fail("has no padding sizes");
  if (value->kind == Value::Kind::kList && value->list.size() == 6) {
    const std::vector<int> all = view.ints(*value, 6, name);
    if (all[0] != 0 || all[1] != 0) view.Fail("pads more than rows and columns");
    return {all.begin() + 2, all.end()};
  }
  const std::vector<int> both = OfMap(view, *value, name, false);
  return {both[0], both[0], both[1], both[1]};
}

NodeView::PadMode Mode(const NodeView& view) {
  const bool has_mode = view.op() == "MaxPool" || view.op() == "AvgPool";
  if (has_mode) return view.pad_mode(view.argument("pad_mode", 3));
  const Value* mode = view.attribute("pad_mode");
  return mode == nullptr ? NodeView::PadMode::kPad : view.pad_mode(*mode);
}

// Padding behind the map with which as many windows fit as ceil_mode has.
int CeilPadding(int in, int before, int after, int kernel, int stride, int dilation) {
  if (stride < 1 || kernel < 1 || dilation < 1) return after;  // refused later, with all sizes
  const int64_t extent = int64_t{kernel - 1} * dilation + 1;
  const int64_t rest = int64_t{in} + before + after - extent;
  int64_t windows = (rest >= 0 ? (rest + stride - 1) / stride : -(-rest / stride)) + 1;
  if ((windows - 1) * stride >= int64_t{in} + before) --windows;
  const int64_t needed = (windows - 1) * stride + extent - in - before;
  return static_cast<int>(std::clamp<int64_t>(needed, 0, 1 << 30));
}

// To a map of so many pixels, all of which have windows of one size.
ConvGeometry AdaptiveGeometry(const NodeView& view, const Shape& in) {
  const std::vector<int> out = view.ints(view.argument("output_size", 1), 2, "output_size");
  if (out[0] < 1 || out[1] < 1 || in.h % out[0] != 0 || in.w % out[1] != 0) {
    view.Fail("to a size that does not divide its map's is not supported");
  }
  ConvGeometry g;
  g.kernel_h = g.stride_h = in.h / out[0];
  g.kernel_w = g.stride_w = in.w / out[1];
  return g;
}

}  // namespace

std::optional<PoolNode> MatchPoolNode(const Graph& graph, int v) {
  const Node* node = graph::Producer(graph, v);
  if (node == nullptr || node->inputs.empty()) return std::nullopt;
  if (IsOneOf(*node, {"MaxPool", "MaxPoolWithArgmaxV2", "AdaptiveMaxPool2D"})) {
    return PoolNode{node, node->inputs[0], true};
  }
  if (IsOneOf(*node, {"AvgPool", "AdaptiveAvgPool2D"})) {
    return PoolNode{node, node->inputs[0], false};
  }
  if (node->op != "Squeeze" || !IsOfDepth(graph, *node)) return std::nullopt;
  const Node* pool = graph::Producer(graph, node->inputs[0]);
  if (pool == nullptr || !HasDepth(*pool) || pool->inputs.empty()) return std::nullopt;
  const Node* expand = graph::Producer(graph, pool->inputs[0], "ExpandDims");
  if (expand == nullptr || expand->inputs.empty() || !IsOfDepth(graph, *expand)) {
    return std::nullopt;
  }
  return PoolNode{pool, expand->inputs[0], pool->op != "AvgPool3D"};
}

bool CountsPadding(const Graph& graph, const PoolNode& pool) {
  const NodeView view(graph, *pool.node);
  if (view.op() != "AvgPool3D") return false;
  if (IsSet(view.attribute("divisor_override"))) return true;
  const std::vector<int> pads = Pads(view);
  return IsSet(view.attribute("count_include_pad")) &&
         std::any_of(pads.begin(), pads.end(), [](int pad) { return pad != 0; });
}

std::vector<int> PoolKernel(const NodeView& view) {
  const char* name = view.op() == "MaxPool3DWithArgmax" ? "ksize" : "kernel_size";
  return OfMap(view, view.argument(name, 1), name, true);
}

std::vector<int> PoolStride(const NodeView& view) {
  return OfMap(view, view.argument("strides", 2), "strides", false);
}

ConvGeometry PoolGeometry(const Graph& graph, const PoolNode& pool, const Shape& in) {
  const NodeView view(graph, *pool.node);
  if (view.op().starts_with("Adaptive")) return AdaptiveGeometry(view, in);
  if (!HasDepth(*pool.node)) CheckFormat(view);
  ConvGeometry g;
  const std::vector<int> kernel = PoolKernel(view), stride = PoolStride(view);
  g.kernel_h = kernel[0];
  g.kernel_w = kernel[1];
  g.stride_h = stride[0];
  g.stride_w = stride[1];
  if (const Value* dilation = view.attribute("dilation")) {
    const std::vector<int> both = OfMap(view, *dilation, "dilation", false);
    g.dilation_h = both[0];
    g.dilation_w = both[1];
  }
  const NodeView::PadMode mode = Mode(view);
  if (mode != NodeView::PadMode::kPad) {
    if (HasDepth(*pool.node))
      view.Fail("of three dimensions is supported with pad_mode 'pad' only");
    SetPadding(view, mode, nullptr, in, &g);
    return g;
  }
  const std::vector<int> pads = Pads(view);
  g.pad_top = pads[0];
  g.pad_bottom = pads[1];
  g.pad_left = pads[2];
  g.pad_right = pads[3];
  if (IsSet(view.attribute("ceil_mode"))) {
    g.pad_bottom = CeilPadding(in.h, g.pad_top, g.pad_bottom, g.kernel_h, g.stride_h, g.dilation_h);
    g.pad_right = CeilPadding(in.w, g.pad_left, g.pad_right, g.kernel_w, g.stride_w, g.dilation_w);
  }
  return g;
}

PoolDivisor ReadDivisor(const Graph& graph, const PoolNode& pool) {
  const NodeView view(graph, *pool.node);
  PoolDivisor divisor;
  const Value* fixed = view.attribute("divisor_override");
  if (IsSet(fixed)) {
    divisor.fixed = view.ints(*fixed, 1, "divisor_override")[0];
    return divisor;
  }
  const std::vector<int> pads = Pads(view);
  divisor.top = pads[0];
  divisor.bottom = pads[1];
  divisor.left = pads[2];
  divisor.right = pads[3];
  return divisor;
}

}  // namespace adabin::ops
