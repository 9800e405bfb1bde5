// SPDX-License-Identifier: Apache-2.0
//
// Convolutions whose map only a maximum pooling sees.
#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/channel_constants.h"
#include "kernels/pool.h"
#include "schedule/conv_source.h"

namespace adabin::schedule {
namespace {

using kernels::kAlign;
using kernels::RoundUp;

// Rows of a map of floats, and the maxima of their windows.
class FloatRows {
 public:
  using Value = float;

  FloatRows(const ConvGeometry& pool, const Epilogue& after, const Output& output,
            const isa::FloatLoops& simd)
      : pool_(pool), after_(after, output.shape.c), output_(output), simd_(simd) {}
  // Values of a row of the map, and of one of which the columns of each window are one pixel.
  size_t whole() const { return Values(pool_.in.w); }
  size_t shrunk() const { return Values(pool_.out.w); }
  // Where the convolution writes its rows from `h` on.
  Target At(int, float* rows) const {
    Target target;
    target.z = rows;
    return target;
  }
  void Shrink(const float* row, float* to) const { kernels::MaxPoolColumns(simd_, pool_, row, to); }
  // Row `h` of the result, from the shrunk rows of its windows; `room` is for one.
  void Finish(const Frame& frame, int h, const float* const* rows, int count, float* room) const {
    simd_.maximum_of_rows(rows, count, shrunk(), room);
    kernels::FinishRow(simd_, after_, output_.shape, h, room, output_.At(frame, h));
  }

 private:
  size_t Values(int width) const {
    return static_cast<size_t>(width) * static_cast<size_t>(pool_.in.c);
  }

  ConvGeometry pool_;
  kernels::ChannelConstants after_;
  Output output_;
  const isa::FloatLoops& simd_;
};

// The same of bits, of which nothing else is wanted.
class BitRows {
 public:
  using Value = std::byte;

  BitRows(const ConvGeometry& pool, kernels::MaximumBits bits, const Output& output)
      : layout_(LayoutBits(pool.in, {})),
        tap_bytes_(static_cast<size_t>(pool.dilation_w) * layout_.pixel_bytes),
        thresholds_(std::move(bits.thresholds)),
        output_(output) {
    for (int w = 0; w < pool.out.w; ++w) {
      const int left = w * pool.stride_w - pool.pad_left;
      const TapRange taps = ValidTaps(left, pool.kernel_w, pool.dilation_w, pool.in.w);
      const auto first = static_cast<size_t>(left + taps.begin * pool.dilation_w);
      columns_.push_back({first * layout_.pixel_bytes, taps.end - taps.begin});
      inverted_.insert(inverted_.end(), bits.inverted.begin(), bits.inverted.end());
    }
  }
  size_t whole() const { return layout_.row_bytes; }
  size_t shrunk() const { return inverted_.size(); }
  Target At(int h, std::byte* rows) const {
    Target target;
    target.bits = rows;
    target.layout = layout_;
    target.layout.pad.top = -h;
    target.thresholds = thresholds_.data();
    return target;
  }
  void Shrink(const std::byte* row, std::byte* to) const {
    if (layout_.pixel_bytes % sizeof(uint64_t) == 0) return ShrinkWords<uint64_t>(row, to);
    ShrinkWords<uint16_t>(row, to);
  }
  void Finish(const Frame& frame, int h, const std::byte* const* rows, int count,
              std::byte* room) const {
    const size_t size = shrunk();
    const std::byte* inverted = inverted_.data();
    std::memcpy(room, rows[0], size);
    for (int r = 1; r < count; ++r) {
      for (size_t i = 0; i < size; ++i) room[i] |= rows[r][i];
    }
    std::byte* out = frame.Bytes(output_.bits) + output_.target.layout.Offset(h, 0);
    for (size_t i = 0; i < size; ++i) out[i] = room[i] ^ inverted[i];
  }

 private:
  // The pixels of a row that a window sees.
  struct Column {
    size_t offset = 0;  // bytes
    int count = 0;
  };

  template <typename Word>
  void ShrinkWords(const std::byte* row, std::byte* to) const {
    const size_t pixel = layout_.pixel_bytes, step = tap_bytes_;
    for (const Column& column : columns_) {
      const std::byte* from = row + column.offset;
      for (size_t i = 0; i < pixel; i += sizeof(Word), from += sizeof(Word), to += sizeof(Word)) {
        Word any = 0;
        for (int k = 0; k < column.count; ++k) {
          Word word;
          std::memcpy(&word, from + static_cast<size_t>(k) * step, sizeof(word));
          any |= word;
        }
        std::memcpy(to, &any, sizeof(any));
      }
    }
  }

  BitLayout layout_;  // of the convolution's map
  size_t tap_bytes_;  // from pixel to pixel of a window
  AlignedVector<float> thresholds_;
  std::vector<std::byte> inverted_;  // of a row
  std::vector<Column> columns_;
  Output output_;
};

// The maximum of a window is that of its columns' maxima: the rows that the convolution adds to a
// window shrink as soon as they are there, and a ring holds as many shrunk rows as the window is
// high.
template <typename Source, typename Rows>
class PooledStep : public CpuStep {
 public:
  PooledStep(Source source, const ConvGeometry& pool, Rows rows)
      : source_(std::move(source)), pool_(pool), rows_(std::move(rows)) {
    packed = Source::kPacked;
  }
  int rows() const override { return pool_.out.h; }
  size_t scratch_bytes() const override {
    const auto ring = static_cast<size_t>(pool_.kernel_h);
    return RoundUp(source_.scratch_bytes(), kAlign) + NewBytes() + (ring + 1) * RowBytes() +
           RoundUp(ring * sizeof(Value*), kAlign);
  }
  void Run(const Frame& frame, const Work& work, std::byte* scratch) const override {
    std::byte* at = scratch + RoundUp(source_.scratch_bytes(), kAlign);
    auto* fresh = reinterpret_cast<Value*>(at);
    if constexpr (sizeof(Value) == 1) std::memset(at, 0, NewBytes());  // tails of words stay so
    at += NewBytes();
    std::byte* ring = at;
    at += static_cast<size_t>(pool_.kernel_h) * RowBytes();
    auto* room = reinterpret_cast<Value*>(at);
    auto** seen = reinterpret_cast<const Value**>(at + RowBytes());
    const auto slot = [&](int h) {
      return reinterpret_cast<Value*>(ring + static_cast<size_t>(h % pool_.kernel_h) * RowBytes());
    };
    source_.Start(scratch);
    int done = -1;  // the last row of the convolution in the ring
    for (int oh = work.row_begin; oh < work.row_end; ++oh) {
      const int top = oh * pool_.stride_h - pool_.pad_top;
      const TapRange taps = ValidTaps(top, pool_.kernel_h, 1, pool_.in.h);
      const int begin = std::max(top + taps.begin, done + 1);
      if (begin < top + taps.end) {
        const Work new_rows{begin, top + taps.end, 0, source_.blocks()};
        source_.Run(frame, new_rows, rows_.At(begin, fresh), scratch);
        for (int h = begin; h < top + taps.end; ++h) {
          rows_.Shrink(fresh + static_cast<size_t>(h - begin) * rows_.whole(), slot(h));
        }
        done = top + taps.end - 1;
      }
      for (int k = taps.begin; k < taps.end; ++k) seen[k - taps.begin] = slot(top + k);
      rows_.Finish(frame, oh, seen, taps.end - taps.begin, room);
    }
  }

 private:
  using Value = typename Rows::Value;

  size_t NewBytes() const {
    const auto rows = static_cast<size_t>(std::min(pool_.kernel_h, pool_.in.h));
    return RoundUp(rows * rows_.whole() * sizeof(Value), kAlign);
  }
  size_t RowBytes() const { return RoundUp(rows_.shrunk() * sizeof(Value), kAlign); }

  Source source_;
  ConvGeometry pool_;
  Rows rows_;
};

}  // namespace

CpuStepPtr MakePooled(std::unique_ptr<kernels::BConv2D> conv, int bits, const BitLayout& layout,
                      const ConvGeometry& pool, const Epilogue& after, const Output& output,
                      const isa::FloatLoops& simd) {
  return std::make_unique<PooledStep<BinarySource, FloatRows>>(
      BinarySource(std::move(conv), bits, layout), pool, FloatRows(pool, after, output, simd));
}

CpuStepPtr MakePooled(std::unique_ptr<kernels::BConv2D> conv, int bits, const BitLayout& layout,
                      const ConvGeometry& pool, kernels::MaximumBits wanted, const Output& output) {
  return std::make_unique<PooledStep<BinarySource, BitRows>>(
      BinarySource(std::move(conv), bits, layout), pool, BitRows(pool, std::move(wanted), output));
}

CpuStepPtr MakePooled(std::unique_ptr<kernels::Conv2D> conv, int input, const ConvGeometry& pool,
                      const Epilogue& after, const Output& output, const isa::FloatLoops& simd) {
  return std::make_unique<PooledStep<FloatSource, FloatRows>>(
      FloatSource(std::move(conv), input), pool, FloatRows(pool, after, output, simd));
}

}  // namespace adabin::schedule
