// SPDX-License-Identifier: Apache-2.0
//
// AVX-512 without VPOPCNTDQ (Skylake-X, Cascade Lake).
#if defined(__x86_64__)
#include "isa/isa.h"
#include "isa/lanes_avx512.h"
// after the lanes
#include "isa/count_windows.inc"
#include "isa/floats.inc"
// after those
#include "isa/nibble_registers.inc"
#include "isa/nibble_rows.inc"

namespace adabin::avx512 {
namespace {

struct Zmm {
  using Reg = __m512i;
  static constexpr int kBytes = 64;
  ADABIN_SIMD_INLINE static Reg Zero() { return _mm512_setzero_si512(); }
  ADABIN_SIMD_INLINE static Reg Set(char x) { return _mm512_set1_epi8(x); }
  ADABIN_SIMD_INLINE static Reg SetWords(int16_t x) { return _mm512_set1_epi16(x); }
  ADABIN_SIMD_INLINE static void Hold(Reg* x) { asm("" : "+v"(*x)); }
  ADABIN_SIMD_INLINE static Reg Load(const std::byte* p) { return _mm512_loadu_si512(p); }
  ADABIN_SIMD_INLINE static Reg Table(const uint8_t* p) {
    return _mm512_maskz_broadcast_i32x4(kAll, _mm_load_si128(reinterpret_cast<const __m128i*>(p)));
  }
  ADABIN_SIMD_INLINE static Reg LookUp(Reg table, Reg w) { return _mm512_shuffle_epi8(table, w); }
  ADABIN_SIMD_INLINE static Reg Add(Reg x, Reg y) { return _mm512_add_epi8(x, y); }
  ADABIN_SIMD_INLINE static Reg Sub(Reg x, Reg y) { return _mm512_sub_epi8(x, y); }
  ADABIN_SIMD_INLINE static Reg And(Reg x, Reg y) { return _mm512_and_si512(x, y); }
  ADABIN_SIMD_INLINE static Reg ShiftLeft(Reg x) { return _mm512_slli_epi16(x, 4); }
  ADABIN_SIMD_INLINE static Reg ShiftRight(Reg x) { return _mm512_srli_epi16(x, 4); }
  ADABIN_SIMD_INLINE static void Widen(uint16_t* to, Reg x) {
    Ymm::Widen(to, _mm512_maskz_extracti64x4_epi64(0xf, x, 0));
    Ymm::Widen(to + 32, _mm512_maskz_extracti64x4_epi64(0xf, x, 1));
  }
};

ADABIN_SIMD void RunRow(const BConvRow& row) {
  switch (row.vectors) {
    case 1:
      return LookUpRow<Xmm, 1>(row);
    case 2:
      return LookUpRow<Ymm, 1>(row);
    default:
      return LookUpRow<Zmm, 1>(row);
  }
}

constexpr isa::BConvRowKernel kBinary = {Encode, RunRow, CountPixels, SumWindows};

}  // namespace
}  // namespace adabin::avx512

namespace adabin::isa {

extern const FloatLoops kAvx512Floats = avx512::kFloats;
extern const Isa kAvx512 = {"avx512", "AVX-512 without it: table look-up of four bits",
                            avx512::Supported, &avx512::kBinary, &kAvx512Floats};

}  // namespace adabin::isa
#endif  // __x86_64__
