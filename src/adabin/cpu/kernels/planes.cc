// SPDX-License-Identifier: Apache-2.0
#include "planes.h"

#include <algorithm>

#include "simd.h"

namespace adabin_cpu {
namespace {

/// Adds a tap that reads grid row gy at image row gy * row_stride + row, likewise for columns.
void AddTap(int64_t ky, int64_t kx, int64_t phase, int64_t row_stride, int64_t row, int64_t column_stride,
            int64_t column, Sampling* sampling) {
  const int64_t rest = row - DivideDown(row, row_stride) * row_stride;
  auto& planes = sampling->planes;
  for (size_t i = 0; i < planes.size(); ++i) {
    const int64_t start = planes[i].row_start;
    if (planes[i].column_start != column || start - DivideDown(start, row_stride) * row_stride != rest) continue;
    // Rows come in any order: the plane grows to hold them all.
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
    sampling->taps.push_back({ky, kx, static_cast<int64_t>(i), steps, phase});
    return;
  }
  sampling->taps.push_back({ky, kx, static_cast<int64_t>(planes.size()), 0, phase});
  planes.push_back({row_stride, row, column_stride, column, 0});
}

/// Rows or columns [first, last) of a plane: those inside the image.
struct Range {
  int64_t first, last;
};

/// i in [0, count) for which i * stride + start is in [0, length).
Range Inside(int64_t count, int64_t stride, int64_t start, int64_t length) {
  const int64_t first = std::min(count, start >= 0 ? 0 : DivideUp(-start, stride));
  return {first, start >= length ? first : std::clamp(DivideUp(length - start, stride), first, count)};
}

#if defined(__AVX512F__)
/// One bit per element of a plane, set inside the image, as masks of 16.
std::vector<__mmask16> InsideMasks(int64_t rows, int64_t columns, Range row_range, Range column_range) {
  std::vector<__mmask16> masks;
  masks.reserve(rows * columns / 16 + 1);
  uint64_t bits = 0;
  int64_t filled = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const bool inside = row >= row_range.first && row < row_range.last;
    for (int64_t column = 0; column < columns; column += 16) {
      const int64_t count = std::min<int64_t>(16, columns - column);
      const uint64_t below_last = (uint64_t{1} << std::clamp<int64_t>(column_range.last - column, 0, count)) - 1;
      const uint64_t below_first = (uint64_t{1} << std::clamp<int64_t>(column_range.first - column, 0, count)) - 1;
      if (inside) bits |= (below_last & ~below_first) << filled;
      for (filled += count; filled >= 16; filled -= 16, bits >>= 16) masks.push_back(static_cast<__mmask16>(bits));
    }
  }
  if (filled > 0) masks.push_back(static_cast<__mmask16>(bits));
  return masks;
}

/// A plane with the image's own row length is the image shifted, with zeros at the edges.
void FillShifted(const uint32_t* image, int64_t channels, int64_t pixels, int64_t shift,
                 const std::vector<__mmask16>& masks, int64_t plane_elements, uint32_t* plane) {
  const int64_t count = static_cast<int64_t>(masks.size());
  for (int64_t channel = 0; channel < channels; ++channel) {
    // A number: there is no pointer to before an image, where the lanes that are not loaded may lie.
    const uintptr_t from = reinterpret_cast<uintptr_t>(image + channel * pixels) + 4 * shift;
    uint32_t* to = plane + channel * plane_elements;
    // The last vector may reach into the next channel's plane, which is filled next, or into the slack.
    for (int64_t i = 0; i < count; ++i) {
      const auto* lanes = reinterpret_cast<const void*>(from + 64 * i);
      _mm512_storeu_si512(to + 16 * i, _mm512_maskz_loadu_epi32(masks[i], lanes));
    }
  }
}
#endif

void FillRows(const uint32_t* image, int64_t channels, int64_t pixels, int64_t w, const Plane& plane, int64_t top,
              Range rows, Range columns, int64_t height, int64_t width, int64_t plane_elements, uint32_t* to) {
  for (int64_t channel = 0; channel < channels; ++channel) {
    const uint32_t* from = image + channel * pixels;
    uint32_t* row = to + channel * plane_elements;
    for (int64_t i = 0; i < height; ++i, row += width) {
      if (i < rows.first || i >= rows.last || columns.first == columns.last) {
        std::fill_n(row, width, 0u);
        continue;
      }
      const int64_t start = (i * plane.row_stride + top) * w + plane.column_start;
      std::fill_n(row, columns.first, 0u);
      if (plane.column_stride == 1) {
        std::copy_n(from + (start + columns.first), columns.last - columns.first, row + columns.first);
      } else {
        for (int64_t x = columns.first; x < columns.last; ++x) row[x] = from[start + x * plane.column_stride];
      }
      std::fill(row + columns.last, row + width, 0u);
    }
  }
}

}  // namespace

int64_t Sampling::PlaneElements(int64_t rows) const {
  int64_t sum = 0;
  for (const Plane& plane : planes) sum += (rows + plane.extra_rows) * gw;
  return sum;
}

std::vector<int32_t> Sampling::Offsets(int64_t channels, int64_t rows, int64_t phase) const {
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
      if (tap.phase != phase) continue;
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
      AddTap(ky, kx, 0, s.stride_h, s.row(0, ky), s.stride_w, s.column(0, kx), &sampling);
    }
  }
  return sampling;
}

Sampling GradientSampling(const ConvShape& s) {
  Sampling sampling{DivideUp(s.h, s.stride_h), DivideUp(s.w, s.stride_w), {}, {}};
  for (int64_t ky = 0; ky < s.kh; ++ky) {
    // dx row = dy row * stride_h + this
    const int64_t shift_y = s.row(0, ky);
    const int64_t row = -DivideDown(shift_y, s.stride_h);
    const int64_t phase_y = shift_y + row * s.stride_h;
    for (int64_t kx = 0; kx < s.kw; ++kx) {
      const int64_t shift_x = s.column(0, kx);
      const int64_t column = -DivideDown(shift_x, s.stride_w);
      const int64_t phase_x = shift_x + column * s.stride_w;
      AddTap(ky, kx, phase_y * s.stride_w + phase_x, 1, row, 1, column, &sampling);
    }
  }
  return sampling;
}

void FillPlanes(const Sampling& sampling, const uint32_t* image, int64_t channels, int64_t h, int64_t w, int64_t first,
                int64_t rows, int64_t band, uint32_t* planes) {
  const int64_t width = sampling.gw;
  for (const Plane& plane : sampling.planes) {
    const int64_t height = rows + plane.extra_rows, plane_elements = (band + plane.extra_rows) * width;
    const int64_t top = first * plane.row_stride + plane.row_start;
    const Range inside_rows = Inside(height, plane.row_stride, top, h);
    const Range inside_columns = Inside(width, plane.column_stride, plane.column_start, w);
    bool filled = false;
#if defined(__AVX512F__)
    if (plane.row_stride == 1 && plane.column_stride == 1 && width == w) {
      FillShifted(image, channels, h * w, top * w + plane.column_start,
                  InsideMasks(height, width, inside_rows, inside_columns), plane_elements, planes);
      filled = true;
    }
#endif
    if (!filled) {
      FillRows(image, channels, h * w, w, plane, top, inside_rows, inside_columns, height, width, plane_elements,
               planes);
    }
    planes += channels * plane_elements;
  }
}

}  // namespace adabin_cpu
