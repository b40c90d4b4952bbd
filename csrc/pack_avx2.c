/* Packing of pixels and emission of runs with AVX2. */
#include "pack_loops.h"

#if FSEG_X86

#define VERSION FSEG_AVX2
#define COLUMNS 32

typedef __m256 nan_flags;

FSEG_AVX2 static inline __m256 no_nan(void)
{
    return _mm256_setzero_ps();
}

FSEG_AVX2 static inline int any_nan(__m256 nan)
{
    return _mm256_movemask_ps(nan) != 0;
}

FSEG_AVX2 static inline void fetch(const uint8_t *pixels, ptrdiff_t ahead)
{
    _mm_prefetch((const char *)((uintptr_t)pixels + (uintptr_t)ahead), _MM_HINT_T0);
}

FSEG_AVX2 static inline __m256i load(const uint8_t *bytes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

/* --- the tests of 32 pixels: 0xff in the byte of each that is foreground, in the order that is
 * easiest, which ordered_<test> undoes. ------------------------------------------------------- */

FSEG_AVX2 static inline __m256i test_nonzero_u8(const uint8_t *pixels, const fseg_limit *limit,
                                                __m256 *nan)
{
    (void)limit;
    (void)nan;
    __m256i zero = _mm256_setzero_si256();
    return _mm256_xor_si256(_mm256_cmpeq_epi8(load(pixels), zero), _mm256_cmpeq_epi8(zero, zero));
}

FSEG_AVX2 static inline __m256i test_equal_u8(const uint8_t *pixels, const fseg_limit *limit,
                                              __m256 *nan)
{
    (void)nan;
    return _mm256_cmpeq_epi8(load(pixels), _mm256_set1_epi8((char)limit->label));
}

FSEG_AVX2 static inline __m256i ordered_nonzero_u8(__m256i bytes)
{
    return bytes;
}

FSEG_AVX2 static inline __m256i ordered_equal_u8(__m256i bytes)
{
    return bytes;
}

/* 16 floats to words: 0-3, 8-11, 4-7, 12-15. */
FSEG_AVX2 static inline __m256i test_16_f32(const uint8_t *pixels, __m256 above, __m256 *nan)
{
    __m256 low = _mm256_loadu_ps((const float *)(const void *)pixels);
    __m256 high = _mm256_loadu_ps((const float *)(const void *)(pixels + 32));
    *nan = _mm256_or_ps(*nan, _mm256_cmp_ps(low, high, _CMP_UNORD_Q));
    low = _mm256_cmp_ps(low, above, _CMP_GT_OQ);
    high = _mm256_cmp_ps(high, above, _CMP_GT_OQ);
    return _mm256_packs_epi32(_mm256_castps_si256(low), _mm256_castps_si256(high));
}

FSEG_AVX2 static inline __m256i test_above_f32(const uint8_t *pixels, const fseg_limit *limit,
                                               __m256 *nan)
{
    __m256 above = _mm256_set1_ps(limit->above_f32);
    __m256i low = test_16_f32(pixels, above, nan);
    return _mm256_packs_epi16(low, test_16_f32(pixels + 64, above, nan));
}

/* Packing keeps the halves of vectors: fours of bytes are to be taken from both by turns. */
FSEG_AVX2 static inline __m256i ordered_above_f32(__m256i bytes)
{
    return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* Eight doubles to double words: 0, 1, 4, 5, 2, 3, 6, 7. */
FSEG_AVX2 static inline __m256i test_8_f64(const uint8_t *pixels, __m256d above, __m256 *nan)
{
    __m256d low = _mm256_loadu_pd((const double *)(const void *)pixels);
    __m256d high = _mm256_loadu_pd((const double *)(const void *)(pixels + 32));
    *nan = _mm256_or_ps(*nan, _mm256_castpd_ps(_mm256_cmp_pd(low, high, _CMP_UNORD_Q)));
    __m256 low_above = _mm256_castpd_ps(_mm256_cmp_pd(low, above, _CMP_GT_OQ));
    __m256 high_above = _mm256_castpd_ps(_mm256_cmp_pd(high, above, _CMP_GT_OQ));
    return _mm256_castps_si256(_mm256_shuffle_ps(low_above, high_above, 0x88));
}

FSEG_AVX2 static inline __m256i test_above_f64(const uint8_t *pixels, const fseg_limit *limit,
                                               __m256 *nan)
{
    __m256d above = _mm256_set1_pd(limit->above_f64);
    __m256i a = test_8_f64(pixels, above, nan);
    __m256i b = test_8_f64(pixels + 64, above, nan);
    __m256i c = test_8_f64(pixels + 128, above, nan);
    __m256i d = test_8_f64(pixels + 192, above, nan);
    return _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
}

/* As above, but pairs. */
FSEG_AVX2 static inline __m256i ordered_above_f64(__m256i bytes)
{
    bytes = _mm256_permute4x64_epi64(bytes, 0xd8);
    return _mm256_unpacklo_epi16(bytes, _mm256_bsrli_epi128(bytes, 8));
}

#define PACK_BITS(test, size)                                                                    \
    FSEG_AVX2 static inline uint64_t word_##test(const uint8_t *pixels, const fseg_limit *limit, \
                                                 __m256 *nan)                                    \
    {                                                                                            \
        __m256i low = ordered_##test(test_##test(pixels, limit, nan));                           \
        __m256i high = ordered_##test(test_##test(pixels + 32 * (size), limit, nan));            \
        return (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32                              \
               | (uint32_t)_mm256_movemask_epi8(low);                                            \
    }                                                                                            \
                                                                                                 \
    FSEG_AVX2 static inline void bytes_##test(const uint8_t *pixels, size_t rows,                \
                                              ptrdiff_t stride, const fseg_limit *limit,         \
                                              __m256 *nan, uint8_t *bytes)                       \
    {                                                                                            \
        __m256i found = _mm256_setzero_si256();                                                  \
        for (size_t r = 0; r < rows; r++) {                                                      \
            const uint8_t *row = pixels + (ptrdiff_t)r * stride;                                 \
            for (ptrdiff_t i = 0; i < 32 * (ptrdiff_t)(size); i += 64)                           \
                fetch(row, 8 * stride + i);                                                      \
            __m256i bit = _mm256_set1_epi8((char)(1u << r));                                     \
            found = _mm256_or_si256(found,                                                       \
                                    _mm256_and_si256(test_##test(row, limit, nan), bit));        \
        }                                                                                        \
        _mm256_storeu_si256((__m256i *)(void *)bytes, ordered_##test(found));                    \
    }

PACK_BITS(nonzero_u8, 1)
PACK_BITS(equal_u8, 1)
PACK_BITS(above_f32, sizeof(float))
PACK_BITS(above_f64, sizeof(double))

/* --- the other parts of pack_vectors.h --------------------------------------------------------- */

FSEG_AVX2 static inline void store_pair(__m128i pair, uint64_t *bits, size_t words)
{
    _mm_storel_epi64((__m128i *)(void *)bits, pair);
    _mm_storeh_pi((__m64 *)(void *)(bits + words), _mm_castsi128_ps(pair));
}

FSEG_AVX2 static inline void turn_columns(const uint8_t *bytes, size_t pitch, uint64_t *bits,
                                          size_t words)
{
    __m256i pairs[8], fours[8];
    for (size_t i = 0; i < 8; i += 2) {
        __m256i even = load(bytes + i * pitch), odd = load(bytes + (i + 1) * pitch);
        pairs[i] = _mm256_unpacklo_epi8(even, odd);
        pairs[i + 1] = _mm256_unpackhi_epi8(even, odd);
    }
    for (size_t i = 0; i < 8; i += 4)
        for (size_t j = 0; j < 2; j++) {
            fours[i + 2 * j] = _mm256_unpacklo_epi16(pairs[i + j], pairs[i + 2 + j]);
            fours[i + 2 * j + 1] = _mm256_unpackhi_epi16(pairs[i + j], pairs[i + 2 + j]);
        }
    for (size_t j = 0; j < 8; j++) {
        __m256i eights = j & 1 ? _mm256_unpackhi_epi32(fours[j / 2], fours[4 + j / 2])
                               : _mm256_unpacklo_epi32(fours[j / 2], fours[4 + j / 2]);
        uint64_t *to = bits + 2 * j * words;
        store_pair(_mm256_castsi256_si128(eights), to, words);
        store_pair(_mm256_extracti128_si256(eights, 1), to + 16 * words, words);
    }
}

FSEG_AVX2 static inline void widen(uint64_t bytes, uint32_t first, uint32_t *positions)
{
    __m256i wide = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)bytes));
    wide = _mm256_add_epi32(wide, _mm256_set1_epi32((int)first));
    _mm256_storeu_si256((__m256i *)(void *)positions, wide);
}

FSEG_AVX2 static inline unsigned changed_words(const uint64_t *changes)
{
    __m256i zero = _mm256_setzero_si256();
    __m256i low = _mm256_cmpeq_epi64(load((const uint8_t *)changes), zero);
    __m256i high = _mm256_cmpeq_epi64(load((const uint8_t *)(changes + 4)), zero);
    unsigned none = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(high)) << 4
                    | (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(low));
    return none ^ 0xff;
}

#include "pack_vectors.h"

FSEG_AVX2 static size_t changes_avx2(const fseg_plane *plane)
{
    size_t words = plane->lines * plane->words, changes = 0;
    uint64_t before = 0;
    for (size_t i = 0; i < words; i++) {
        uint64_t word = plane->bits[i];
        changes += (size_t)_mm_popcnt_u64(word ^ (word << 1 | before >> 63));
        before = word;
    }
    return changes - fseg_padding_changes(plane);
}

const fseg_pack_loops fseg_pack_avx2 = {
    {rows_nonzero_u8, rows_equal_u8, rows_above_f32, rows_above_f64},
    {group_nonzero_u8, group_equal_u8, group_above_f32, group_above_f64},
    turn,
    changes_avx2,
    emit,
    fseg_tile_scalar,
};

#endif
