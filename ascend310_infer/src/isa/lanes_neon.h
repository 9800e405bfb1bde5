// SPDX-License-Identifier: Apache-2.0
//
// Sixteen floats at a time, as four NEON registers. See lanes_avx512.h. Every 64-bit ARM has NEON.
#ifndef ADABIN_ISA_LANES_NEON_H_
#define ADABIN_ISA_LANES_NEON_H_

#include <arm_neon.h>

#include <cstdint>

#define ADABIN_SIMD_NAMESPACE neon
#define ADABIN_SIMD
#define ADABIN_SIMD_INLINE [[gnu::always_inline]] inline

namespace adabin::neon {

struct Lanes {
  float32x4_t part[4];
};
struct Masks {
  uint32x4_t part[4];
};
constexpr int kTileVectors = 1;
constexpr int kTilePixels = 6;  // 24 sums, 4 weights and an input: 29 of 32 registers
constexpr int kWinogradVectors = 1;
constexpr int kWinogradTiles = 6;
constexpr int kFinishVectors = 1;

// `function` of the parts of its arguments.
template <typename Result = Lanes, typename Function, typename... Args>
ADABIN_SIMD_INLINE Result Parts(Function function, const Args&... args) {
  return {{function(args.part[0]...), function(args.part[1]...), function(args.part[2]...),
           function(args.part[3]...)}};
}

ADABIN_SIMD_INLINE Lanes Set(float x) {
  const float32x4_t all = vdupq_n_f32(x);
  return {{all, all, all, all}};
}
ADABIN_SIMD_INLINE Lanes Zero() { return Set(0.0f); }
ADABIN_SIMD_INLINE Lanes Load(const float* p) {
  return {{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
}
ADABIN_SIMD_INLINE Lanes Load(const int32_t* p) {
  return {{vcvtq_f32_s32(vld1q_s32(p)), vcvtq_f32_s32(vld1q_s32(p + 4)),
           vcvtq_f32_s32(vld1q_s32(p + 8)), vcvtq_f32_s32(vld1q_s32(p + 12))}};
}
ADABIN_SIMD_INLINE void Store(float* p, const Lanes& x) {
  for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, x.part[i]);
}
ADABIN_SIMD_INLINE Lanes LoadSome(const float* p, int n) {
  float all[16] = {};
  for (int i = 0; i < n; ++i) all[i] = p[i];
  return Load(static_cast<const float*>(all));
}
ADABIN_SIMD_INLINE void StoreSome(float* p, const Lanes& x, int n) {
  float all[16];
  Store(all, x);
  for (int i = 0; i < n; ++i) p[i] = all[i];
}
ADABIN_SIMD_INLINE Lanes Add(const Lanes& x, const Lanes& y) {
  return Parts([](float32x4_t a, float32x4_t b) { return vaddq_f32(a, b); }, x, y);
}
ADABIN_SIMD_INLINE Lanes Sub(const Lanes& x, const Lanes& y) {
  return Parts([](float32x4_t a, float32x4_t b) { return vsubq_f32(a, b); }, x, y);
}
ADABIN_SIMD_INLINE Lanes Mul(const Lanes& x, const Lanes& y) {
  return Parts([](float32x4_t a, float32x4_t b) { return vmulq_f32(a, b); }, x, y);
}
ADABIN_SIMD_INLINE Lanes Div(const Lanes& x, const Lanes& y) {
  return Parts([](float32x4_t a, float32x4_t b) { return vdivq_f32(a, b); }, x, y);
}
ADABIN_SIMD_INLINE Lanes MulAdd(const Lanes& x, const Lanes& y, const Lanes& z) {
  return Parts([](float32x4_t a, float32x4_t b, float32x4_t c) { return vfmaq_f32(c, a, b); }, x, y,
               z);
}
ADABIN_SIMD_INLINE Lanes SelectSlope(const Lanes& x, const Lanes& positive, const Lanes& negative) {
  return Parts(
      [](float32x4_t a, float32x4_t p, float32x4_t n) { return vbslq_f32(vcgtzq_f32(a), p, n); }, x,
      positive, negative);
}
ADABIN_SIMD_INLINE Lanes Relu(const Lanes& x) {
  return Parts([](float32x4_t a) { return vbslq_f32(vcgtzq_f32(a), a, vdupq_n_f32(0.0f)); }, x);
}
// NaN if one of them is; y where they are equal.
ADABIN_SIMD_INLINE Lanes Max(const Lanes& x, const Lanes& y) {
  return Parts(
      [](float32x4_t a, float32x4_t b) {
        const uint32x4_t take = vornq_u32(vcgtq_f32(a, b), vceqq_f32(a, a));
        return vbslq_f32(take, a, b);
      },
      x, y);
}
// Sixteen masks of all ones or zeros -> sixteen bits.
ADABIN_SIMD_INLINE unsigned Bits(const Masks& m) {
  const uint16x8_t low = vcombine_u16(vmovn_u32(m.part[0]), vmovn_u32(m.part[1]));
  const uint16x8_t high = vcombine_u16(vmovn_u32(m.part[2]), vmovn_u32(m.part[3]));
  const uint8x16_t bytes = vcombine_u8(vmovn_u16(low), vmovn_u16(high));
  const uint8x16_t places = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t bits = vandq_u8(bytes, places);
  return unsigned{vaddv_u8(vget_low_u8(bits))} | unsigned{vaddv_u8(vget_high_u8(bits))} << 8;
}
ADABIN_SIMD_INLINE unsigned AtLeast(const Lanes& x, const Lanes& y) {
  return Bits(Parts<Masks>([](float32x4_t a, float32x4_t b) { return vcgeq_f32(a, b); }, x, y));
}
ADABIN_SIMD_INLINE unsigned NotAtMost(const Lanes& x, const Lanes& y) {
  return Bits(
      Parts<Masks>([](float32x4_t a, float32x4_t b) { return vmvnq_u32(vcleq_f32(a, b)); }, x, y));
}

}  // namespace adabin::neon

#endif  // ADABIN_ISA_LANES_NEON_H_
