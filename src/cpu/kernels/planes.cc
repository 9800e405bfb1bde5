// SPDX-License-Identifier: Apache-2.0
#include "planes.h"

#include <algorithm>

#include "simd.h"

namespace adabin_cpu {
namespace {

/// Adds a tap that reads grid row gy at image row gy * row_stride + row, likewise for columns.
void AddTap(int64_t ky, int64_t kx, int64_t row_stride, int64_t row, int64_t column_stride, int64_t column,
            Sampling* sampling) {
  const int64_t rest = row - DivideDown(row, row_stride) * row_stride;
  auto& planes = sampling->planes;
  for (size_t i = 0; i < planes.size(); ++i) {
    // Taps come in rising or in falling order of rows: the plane grows to hold them all.
    const int64_t start = planes[i].row_start;
    if (planes[i].column_start != column || start - DivideDown(start, row_stride) * row_stride != rest) continue;
    int64_t steps = (row - start) / row_stride;
    if (steps < 0) {
      planes[i].row_start = row;
      planes[i].extra_rows -= steps;
      for (Tap& tap : sampling->taps) {
        if (tap.plane == static_cast<int64_t>(i)) tap.row -= steps;
      }
      steps = 0;
    }
    planes[i].extra_rows = std::max(planes[i].extra_rows, steps);
    sampling->taps.push_back({ky, kx, static_cast<int64_t>(i), steps});
    return;
  }
  sampling->taps.push_back({ky, kx, static_cast<int64_t>(planes.size()), 0});
  planes.push_back({row_stride, row, column_stride, column, 0});
}

/// to[i] = from[i * stride + start] for i in [0, count), 0 outside [0, w); `from` may be null: zeros.
void CopyRow(const uint32_t* from, int64_t w, int64_t stride, int64_t start, int64_t count, uint32_t* to) {
  int64_t first = count, last = count;  // columns inside the image
  if (from != nullptr) {
    first = std::min(count, start >= 0 ? 0 : DivideUp(-start, stride));
    last = std::max(first, std::min(count, DivideUp(w - start, stride)));
  }
#if defined(__AVX512F__)
  if (stride == 1 && from != nullptr) {
    for (int64_t i = 0; i < count; i += 16) {
      const uint32_t inside = static_cast<uint32_t>(((uint64_t{1} << std::clamp<int64_t>(last - i, 0, 16)) - 1) &
                                                    ~((uint64_t{1} << std::clamp<int64_t>(first - i, 0, 16)) - 1));
      const uint32_t room = (1u << std::min<int64_t>(count - i, 16)) - 1;
      const __m512i v = _mm512_maskz_loadu_epi32(static_cast<__mmask16>(inside), from + start + i);
      _mm512_mask_storeu_epi32(to + i, static_cast<__mmask16>(room), v);
    }
    return;
  }
#endif
  std::fill(to, to + first, 0u);
  if (stride == 1 && first < last) {
    std::copy(from + start + first, from + start + last, to + first);
  } else {
    for (int64_t i = first; i < last; ++i) to[i] = from[i * stride + start];
  }
  std::fill(to + last, to + count, 0u);
}

}  // namespace

int64_t Sampling::PlaneElements(int64_t rows) const {
  int64_t sum = 0;
  for (const Plane& plane : planes) sum += (rows + plane.extra_rows) * gw;
  return sum;
}

std::vector<int32_t> Sampling::Offsets(int64_t channels, int64_t rows) const {
  std::vector<int64_t> starts;
  int64_t start = 0;
  for (const Plane& plane : planes) {
    starts.push_back(start);
    start += channels * (rows + plane.extra_rows) * gw;
  }
  std::vector<int32_t> offsets;
  offsets.reserve(channels * taps.size());
  for (int64_t channel = 0; channel < channels; ++channel) {
    for (const Tap& tap : taps) {
      const int64_t row = channel * (rows + planes[tap.plane].extra_rows) + tap.row;
      offsets.push_back(static_cast<int32_t>(starts[tap.plane] + row * gw));
    }
  }
  return offsets;
}

Sampling ForwardSampling(const ConvShape& s) {
  Sampling sampling{s.oh, s.ow, {}, {}};
  for (int64_t ky = 0; ky < s.kh; ++ky) {
    for (int64_t kx = 0; kx < s.kw; ++kx) {
      AddTap(ky, kx, s.stride_h, ky - s.pad_top, s.stride_w, kx - s.pad_left, &sampling);
    }
  }
  return sampling;
}

Sampling GradientSampling(const ConvShape& s, int64_t phase_h, int64_t phase_w) {
  Sampling sampling{DivideUp(s.h - phase_h, s.stride_h), DivideUp(s.w - phase_w, s.stride_w), {}, {}};
  for (int64_t ky = 0; ky < s.kh; ++ky) {
    const int64_t row = phase_h + s.pad_top - ky;
    if (row % s.stride_h != 0) continue;
    for (int64_t kx = 0; kx < s.kw; ++kx) {
      const int64_t column = phase_w + s.pad_left - kx;
      if (column % s.stride_w == 0) AddTap(ky, kx, 1, row / s.stride_h, 1, column / s.stride_w, &sampling);
    }
  }
  return sampling;
}

void FillPlanes(const Sampling& sampling, const uint32_t* image, int64_t channels, int64_t h, int64_t w, int64_t first,
                int64_t rows, int64_t band, uint32_t* planes) {
  for (const Plane& plane : sampling.planes) {
    for (int64_t channel = 0; channel < channels; ++channel) {
      const uint32_t* from = image + channel * h * w;
      for (int64_t i = 0; i < rows + plane.extra_rows; ++i) {
        const int64_t y = (first + i) * plane.row_stride + plane.row_start;
        const bool inside = y >= 0 && y < h;
        CopyRow(inside ? from + y * w : nullptr, w, plane.column_stride, plane.column_start, sampling.gw,
                planes + i * sampling.gw);
      }
      planes += (band + plane.extra_rows) * sampling.gw;
    }
  }
}

}  // namespace adabin_cpu
