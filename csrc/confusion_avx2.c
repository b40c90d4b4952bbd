/* Counting of pairs with AVX2. */
#include "confusion_loops.h"

#if FSEG_X86

#define TARGET FSEG_AVX2
#define ones (unsigned)_mm_popcnt_u64

FSEG_AVX2 static inline void fetch(const void *bytes)
{
    _mm_prefetch((const char *)bytes, _MM_HINT_T0);
}

FSEG_AVX2 static inline uint64_t equal_bits(const uint8_t *bytes, uint8_t value)
{
    const __m256i all = _mm256_set1_epi8((char)value);
    const __m256i *parts = (const __m256i *)(const void *)bytes;
    __m256i low = _mm256_cmpeq_epi8(_mm256_loadu_si256(parts), all);
    __m256i high = _mm256_cmpeq_epi8(_mm256_loadu_si256(parts + 1), all);
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32
           | (uint32_t)_mm256_movemask_epi8(low);
}

#include "confusion_body.h"

const fseg_confusion_loops fseg_confusion_avx2 = {
    count,     pairs,     narrow,    widen_f16, widen_bf16,
    raise_f32, raise_f64, bytes_f32, bytes_f64,
};
#else
typedef int fseg_confusion_avx2_is_for_x86;
#endif
