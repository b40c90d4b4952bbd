/* Counting of pairs with AVX-512. */
#include "confusion_loops.h"

#if FSEG_X86

#define TARGET FSEG_AVX512
#define ones (unsigned)_mm_popcnt_u64

FSEG_AVX512 static inline void fetch(const void *bytes)
{
    _mm_prefetch((const char *)bytes, _MM_HINT_T0);
}

FSEG_AVX512 static inline uint64_t equal_bits(const uint8_t *bytes, uint8_t value)
{
    return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(bytes), _mm512_set1_epi8((char)value));
}

#define over_bits over_bits
FSEG_AVX512 static inline uint64_t over_bits(const float *first, const float *second, int *nan)
{
    uint64_t bits = 0;
    __mmask16 unordered = 0;
    for (size_t i = 0; i < 64; i += 16) {
        __m512 a = _mm512_loadu_ps(first + i), b = _mm512_loadu_ps(second + i);
        bits |= (uint64_t)_mm512_cmp_ps_mask(b, a, _CMP_GT_OQ) << i;
        unordered |= _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q);
    }
    *nan |= unordered;
    return bits;
}

#define SCATTERED_PIXELS 512
enum { SPAN = 4096, SPAN_WORDS = SPAN / 64 };

/* The pixels of one label, of n. */
FSEG_AVX512 static inline void find_label(const uint8_t *labels, size_t n, uint8_t label,
                                          uint64_t *words)
{
    for (size_t i = 0; i < n; i += 64)
        words[i / 64] = equal_bits(labels + i, label);
}

/* The ones that two planes of n pixels share. */
FSEG_AVX512 static inline int64_t shared_ones(const uint64_t *a, const uint64_t *b, size_t n)
{
    __m512i sums = _mm512_setzero_si512();
    for (size_t i = 0; i < n / 64; i += 8) {
        __m512i both = _mm512_and_si512(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
        sums = _mm512_add_epi64(sums, _mm512_popcnt_epi64(both));
    }
    return _mm512_reduce_add_epi64(sums);
}

/* Add the pairs of n pixels of few classes, a multiple of SCATTERED_PIXELS up to SPAN, however the
 * labels are mixed: the ones of each two planes. What the last class has is what the others leave.
 * Whether all labels but those of ignored pixels are under `classes`. */
FSEG_AVX512 static int count_scattered(const uint8_t *prediction, const uint8_t *target, size_t n,
                                       unsigned classes, int ignore, int64_t *matrix)
{
    uint64_t predicted[FEW_CLASSES][SPAN_WORDS], truth[FEW_CLASSES][SPAN_WORDS], left[SPAN_WORDS];
    int64_t rest[FEW_CLASSES], known_p = 0, known_t = 0;
    unsigned last = classes - 1;
    memset(left, 0xff, n / 8);
    for (size_t i = 0; ignore != FSEG_NO_IGNORE && i < n; i += 64)
        left[i / 64] = ~equal_bits(target + i, (uint8_t)ignore);
    for (unsigned c = 0; c < classes; c++) {
        find_label(prediction, n, (uint8_t)c, predicted[c]);
        find_label(target, n, (uint8_t)c, truth[c]);
    }
    for (unsigned c = 0; c < classes; c++) {
        rest[c] = shared_ones(predicted[c], left, n);
        known_p += rest[c];
    }
    for (unsigned t = 0; t < classes; t++) {
        int64_t others = shared_ones(truth[t], left, n);
        known_t += others;
        for (unsigned p = 0; p < last && (int)t != ignore; p++) {
            int64_t both = t < last ? shared_ones(truth[t], predicted[p], n) : rest[p];
            matrix[t * classes + p] += both;
            rest[p] -= both;
            others -= both;
        }
        matrix[t * classes + last] += others;
    }
    int64_t pixels = shared_ones(left, left, n);
    return known_p == pixels && known_t == pixels;
}

#define PLACES 16

/* The places of the first values of the values' ranks. */
FSEG_AVX512 static inline __m512i lowest_places(__m512 value, const fseg_ladder *ladder)
{
    if (ladder->scale > 0) {
        /* Of a NaN and a number, max gives the second: the rank of NaN is 0. */
        __m512 rank = _mm512_sub_ps(value, _mm512_set1_ps(ladder->first));
        rank = _mm512_mul_ps(rank, _mm512_set1_ps(ladder->scale));
        rank = _mm512_max_ps(rank, _mm512_setzero_ps());
        return _mm512_cvttps_epi32(_mm512_min_ps(rank, _mm512_set1_ps((float)(ladder->n - 1))));
    }
    __m512i bits = _mm512_castps_si512(value);
    __m512i flip = _mm512_or_si512(_mm512_srai_epi32(bits, 31), _mm512_set1_epi32(INT32_MIN));
    __m512i rank = _mm512_srli_epi32(_mm512_xor_si512(bits, flip), 16);
    return _mm512_i32gather_epi32(rank, ladder->lowest, 4);
}

FSEG_AVX512 static inline int place_vector(const float *values, const fseg_ladder *ladder,
                                           uint32_t *places)
{
    __m512 value = _mm512_loadu_ps(values);
    __m512i place = lowest_places(value, ladder);
    for (unsigned k = 0; k < ladder->steps; k++) {
        __m512 threshold = _mm512_i32gather_ps(place, ladder->thresholds, 4);
        __mmask16 over = _mm512_cmp_ps_mask(value, threshold, _CMP_GT_OQ);
        place = _mm512_mask_sub_epi32(place, over, place, _mm512_set1_epi32(-1));
    }
    _mm512_storeu_si512(places, place);
    return _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q) != 0;
}

#include "confusion_body.h"

const fseg_confusion_loops fseg_confusion_avx512 = {
    count,    pairs,     narrow,    narrow_some, widen_f16, widen_bf16, copy_f32,   copy_f64,
    raise_f32, raise_f64, bytes_f32, bytes_f64,   over,      place,      second_row,
};
#else
typedef int fseg_confusion_avx512_is_for_x86;
#endif
