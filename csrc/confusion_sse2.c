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

#include "confusion_body.h"

const fseg_confusion_loops fseg_confusion_sse2 = {
    count,     pairs,     narrow,    widen_f16, widen_bf16,
    raise_f32, raise_f64, bytes_f32, bytes_f64, place,
};
#else
typedef int fseg_confusion_sse2_is_for_x86;
#endif
