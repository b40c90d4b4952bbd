/* Counting of pairs with SSE2. */
#include "confusion_loops.h"

#if FSEG_X86

#define TARGET FSEG_SSE2
#define ones fseg_popcount

FSEG_SSE2 static inline void fetch(const void *bytes)
{
    _mm_prefetch((const char *)bytes, _MM_HINT_T0);
}

FSEG_SSE2 static inline uint64_t equal_bits(const uint8_t *bytes, uint8_t value)
{
    const __m128i all = _mm_set1_epi8((char)value);
    uint64_t found = 0;
    for (size_t i = 0; i < 64; i += 16) {
        __m128i part = _mm_loadu_si128((const __m128i *)(const void *)(bytes + i));
        found |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(part, all)) << i;
    }
    return found;
}

#define over_bits over_bits
FSEG_SSE2 static inline uint64_t over_bits(const float *first, const float *second, int *nan)
{
    uint64_t bits = 0;
    __m128 unordered = _mm_setzero_ps();
    for (size_t i = 0; i < 64; i += 4) {
        __m128 a = _mm_loadu_ps(first + i), b = _mm_loadu_ps(second + i);
        bits |= (uint64_t)(unsigned)_mm_movemask_ps(_mm_cmpgt_ps(b, a)) << i;
        unordered = _mm_or_ps(unordered, _mm_cmpunord_ps(a, b));
    }
    *nan |= _mm_movemask_ps(unordered);
    return bits;
}

#include "confusion_body.h"

const fseg_confusion_loops fseg_confusion_sse2 = {
    count,    pairs,     narrow,    narrow_some, widen_f16, widen_bf16, copy_f32,   copy_f64,
    raise_f32, raise_f64, bytes_f32, bytes_f64,   over,      place,      second_row,
};
#else
typedef int fseg_confusion_sse2_is_for_x86;
#endif
