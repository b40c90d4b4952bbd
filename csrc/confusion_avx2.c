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

#define over_bits over_bits
FSEG_AVX2 static inline uint64_t over_bits(const float *first, const float *second, int *nan)
{
    uint64_t bits = 0;
    __m256 unordered = _mm256_setzero_ps();
    for (size_t i = 0; i < 64; i += 8) {
        __m256 a = _mm256_loadu_ps(first + i), b = _mm256_loadu_ps(second + i);
        bits |= (uint64_t)(unsigned)_mm256_movemask_ps(_mm256_cmp_ps(b, a, _CMP_GT_OQ)) << i;
        unordered = _mm256_or_ps(unordered, _mm256_cmp_ps(a, b, _CMP_UNORD_Q));
    }
    *nan |= _mm256_movemask_ps(unordered);
    return bits;
}

#define PLACES 8

/* The places of the first values of the values' ranks. */
FSEG_AVX2 static inline __m256i lowest_places(__m256 value, const fseg_ladder *ladder)
{
    if (ladder->scale > 0) {
        /* Of a NaN and a number, max gives the second: the rank of NaN is 0. */
        __m256 rank = _mm256_sub_ps(value, _mm256_set1_ps(ladder->first));
        rank = _mm256_mul_ps(rank, _mm256_set1_ps(ladder->scale));
        rank = _mm256_max_ps(rank, _mm256_setzero_ps());
        return _mm256_cvttps_epi32(_mm256_min_ps(rank, _mm256_set1_ps((float)(ladder->n - 1))));
    }
    __m256i bits = _mm256_castps_si256(value);
    __m256i flip = _mm256_or_si256(_mm256_srai_epi32(bits, 31), _mm256_set1_epi32(INT32_MIN));
    __m256i rank = _mm256_srli_epi32(_mm256_xor_si256(bits, flip), 16);
    return _mm256_i32gather_epi32((const int *)(const void *)ladder->lowest, rank, 4);
}

FSEG_AVX2 static inline int place_vector(const float *values, const fseg_ladder *ladder,
                                         uint32_t *places)
{
    __m256 value = _mm256_loadu_ps(values);
    __m256i place = lowest_places(value, ladder);
    for (unsigned k = 0; k < ladder->steps; k++) {
        __m256 threshold = _mm256_i32gather_ps(ladder->thresholds, place, 4);
        __m256 over = _mm256_cmp_ps(value, threshold, _CMP_GT_OQ);
        place = _mm256_sub_epi32(place, _mm256_castps_si256(over));
    }
    _mm256_storeu_si256((__m256i *)(void *)places, place);
    return _mm256_movemask_ps(_mm256_cmp_ps(value, value, _CMP_UNORD_Q)) != 0;
}

#include "confusion_body.h"

const fseg_confusion_loops fseg_confusion_avx2 = {
    count,    pairs,     narrow,    narrow_some, widen_f16, widen_bf16, copy_f32,   copy_f64,
    raise_f32, raise_f64, bytes_f32, bytes_f64,   over,      place,      second_row,
};
#else
typedef int fseg_confusion_avx2_is_for_x86;
#endif
