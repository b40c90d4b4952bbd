/* Packing of pixels and emission of runs with SSE2. */
#include "pack_loops.h"

#if FSEG_X86

#define VERSION FSEG_SSE2
#define COLUMNS 16

typedef __m128 nan_flags;

FSEG_SSE2 static inline __m128 no_nan(void)
{
    return _mm_setzero_ps();
}

FSEG_SSE2 static inline int any_nan(__m128 nan)
{
    return _mm_movemask_ps(nan) != 0;
}

FSEG_SSE2 static inline void fetch(const uint8_t *pixels, ptrdiff_t ahead)
{
    _mm_prefetch((const char *)((uintptr_t)pixels + (uintptr_t)ahead), _MM_HINT_T0);
}

FSEG_SSE2 static inline __m128i load(const uint8_t *bytes)
{
    return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

/* --- the tests ----------------------------------------------------------------------------------
 * Of 16 pixels: 0xff in the byte of each that is foreground (or, test_nonzero_u8, is not). */

FSEG_SSE2 static inline __m128i test_nonzero_u8(const uint8_t *pixels, const fseg_limit *limit,
                                                __m128 *nan)
{
    (void)limit;
    (void)nan;
    return _mm_cmpeq_epi8(load(pixels), _mm_setzero_si128());
}

FSEG_SSE2 static inline __m128i test_equal_u8(const uint8_t *pixels, const fseg_limit *limit,
                                              __m128 *nan)
{
    (void)nan;
    return _mm_cmpeq_epi8(load(pixels), _mm_set1_epi8((char)limit->label));
}

FSEG_SSE2 static inline __m128i test_8_f32(const uint8_t *pixels, __m128 above, __m128 *nan)
{
    __m128 low = _mm_loadu_ps((const float *)(const void *)pixels);
    __m128 high = _mm_loadu_ps((const float *)(const void *)(pixels + 16));
    *nan = _mm_or_ps(*nan, _mm_cmpunord_ps(low, high));
    return _mm_packs_epi32(_mm_castps_si128(_mm_cmpgt_ps(low, above)),
                           _mm_castps_si128(_mm_cmpgt_ps(high, above)));
}

FSEG_SSE2 static inline __m128i test_above_f32(const uint8_t *pixels, const fseg_limit *limit,
                                               __m128 *nan)
{
    __m128 above = _mm_set1_ps(limit->above_f32);
    __m128i low = test_8_f32(pixels, above, nan);
    return _mm_packs_epi16(low, test_8_f32(pixels + 32, above, nan));
}

FSEG_SSE2 static inline __m128i test_4_f64(const uint8_t *pixels, __m128d above, __m128 *nan)
{
    __m128d low = _mm_loadu_pd((const double *)(const void *)pixels);
    __m128d high = _mm_loadu_pd((const double *)(const void *)(pixels + 16));
    *nan = _mm_or_ps(*nan, _mm_castpd_ps(_mm_cmpunord_pd(low, high)));
    __m128 low_above = _mm_castpd_ps(_mm_cmpgt_pd(low, above));
    __m128 high_above = _mm_castpd_ps(_mm_cmpgt_pd(high, above));
    return _mm_castps_si128(_mm_shuffle_ps(low_above, high_above, 0x88));
}

FSEG_SSE2 static inline __m128i test_above_f64(const uint8_t *pixels, const fseg_limit *limit,
                                               __m128 *nan)
{
    __m128d above = _mm_set1_pd(limit->above_f64);
    __m128i a = test_4_f64(pixels, above, nan);
    __m128i b = test_4_f64(pixels + 32, above, nan);
    __m128i c = test_4_f64(pixels + 64, above, nan);
    __m128i d = test_4_f64(pixels + 96, above, nan);
    return _mm_packs_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d));
}

#define PACK_BITS(test, size, inverted)                                                          \
    FSEG_SSE2 static inline uint64_t word_##test(const uint8_t *pixels, const fseg_limit *limit, \
                                                 __m128 *nan)                                    \
    {                                                                                            \
        uint64_t word = 0;                                                                       \
        for (size_t i = 0; i < 64; i += 16) {                                                    \
            __m128i tested = test_##test(pixels + i * (size), limit, nan);                       \
            word |= (uint64_t)(unsigned)_mm_movemask_epi8(tested) << i;                          \
        }                                                                                        \
        return (inverted) ? ~word : word;                                                        \
    }                                                                                            \
                                                                                                 \
    FSEG_SSE2 static inline void bytes_##test(const uint8_t *pixels, size_t rows,                \
                                              ptrdiff_t stride, const fseg_limit *limit,         \
                                              __m128 *nan, uint8_t *bytes)                       \
    {                                                                                            \
        __m128i found = _mm_setzero_si128();                                                     \
        for (size_t r = 0; r < rows; r++) {                                                      \
            const uint8_t *row = pixels + (ptrdiff_t)r * stride;                                 \
            for (ptrdiff_t i = 0; i < 16 * (ptrdiff_t)(size); i += 64)                           \
                fetch(row, 8 * stride + i);                                                      \
            __m128i bit = _mm_set1_epi8((char)(1u << r));                                        \
            __m128i tested = test_##test(row, limit, nan);                                       \
            tested = (inverted) ? _mm_andnot_si128(tested, bit) : _mm_and_si128(tested, bit);    \
            found = _mm_or_si128(found, tested);                                                 \
        }                                                                                        \
        _mm_storeu_si128((__m128i *)(void *)bytes, found);                                       \
    }

PACK_BITS(nonzero_u8, 1, 1)
PACK_BITS(equal_u8, 1, 0)
PACK_BITS(above_f32, sizeof(float), 0)
PACK_BITS(above_f64, sizeof(double), 0)

/* --- the other parts of pack_vectors.h -------------------------------------------------------- */

FSEG_SSE2 static inline void store_pair(__m128i pair, uint64_t *bits, size_t words)
{
    _mm_storel_epi64((__m128i *)(void *)bits, pair);
    _mm_storeh_pi((__m64 *)(void *)(bits + words), _mm_castsi128_ps(pair));
}

FSEG_SSE2 static inline void turn_columns(const uint8_t *bytes, size_t pitch, uint64_t *bits,
                                          size_t words)
{
    __m128i pairs[8], fours[8];
    for (size_t i = 0; i < 8; i += 2) {
        __m128i even = load(bytes + i * pitch), odd = load(bytes + (i + 1) * pitch);
        pairs[i] = _mm_unpacklo_epi8(even, odd);
        pairs[i + 1] = _mm_unpackhi_epi8(even, odd);
    }
    for (size_t i = 0; i < 8; i += 4)
        for (size_t j = 0; j < 2; j++) {
            fours[i + 2 * j] = _mm_unpacklo_epi16(pairs[i + j], pairs[i + 2 + j]);
            fours[i + 2 * j + 1] = _mm_unpackhi_epi16(pairs[i + j], pairs[i + 2 + j]);
        }
    for (size_t j = 0; j < 4; j++) {
        uint64_t *to = bits + 4 * j * words;
        store_pair(_mm_unpacklo_epi32(fours[j], fours[4 + j]), to, words);
        store_pair(_mm_unpackhi_epi32(fours[j], fours[4 + j]), to + 2 * words, words);
    }
}

FSEG_SSE2 static inline void widen(uint64_t bytes, uint32_t first, uint32_t *numbers)
{
    const __m128i zero = _mm_setzero_si128(), base = _mm_set1_epi32((int)first);
    __m128i wide = _mm_unpacklo_epi8(_mm_cvtsi64_si128((long long)bytes), zero);
    __m128i low = _mm_add_epi32(_mm_unpacklo_epi16(wide, zero), base);
    __m128i high = _mm_add_epi32(_mm_unpackhi_epi16(wide, zero), base);
    _mm_storeu_si128((__m128i *)(void *)numbers, low);
    _mm_storeu_si128((__m128i *)(void *)(numbers + 4), high);
}

FSEG_SSE2 static inline size_t count_ones(unsigned byte)
{
    return fseg_one_counts[byte];
}

FSEG_SSE2 static inline unsigned nonzero_bytes(uint64_t word)
{
    __m128i bytes = _mm_cvtsi64_si128((long long)word);
    return ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())) & 0xff;
}

/* A bit for each of four words that is zero. */
FSEG_SSE2 static inline unsigned zero_words(const uint64_t *words)
{
    __m128 low = _mm_castsi128_ps(load((const uint8_t *)words));
    __m128 high = _mm_castsi128_ps(load((const uint8_t *)(words + 2)));
    __m128 both = _mm_or_ps(_mm_shuffle_ps(low, high, 0x88), _mm_shuffle_ps(low, high, 0xdd));
    __m128i zero = _mm_cmpeq_epi32(_mm_castps_si128(both), _mm_setzero_si128());
    return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(zero));
}

FSEG_SSE2 static inline unsigned nonzero_words(const uint64_t *words)
{
    return (zero_words(words + 4) << 4 | zero_words(words)) ^ 0xff;
}

#include "pack_vectors.h"

/* Number of ones in each of two words. */
FSEG_SSE2 static inline __m128i popcounts(__m128i words)
{
    const __m128i ones = _mm_set1_epi8(0x55), pairs = _mm_set1_epi8(0x33);
    words = _mm_sub_epi8(words, _mm_and_si128(_mm_srli_epi64(words, 1), ones));
    words = _mm_add_epi8(_mm_and_si128(words, pairs),
                         _mm_and_si128(_mm_srli_epi64(words, 2), pairs));
    words = _mm_and_si128(_mm_add_epi8(words, _mm_srli_epi64(words, 4)), _mm_set1_epi8(15));
    return _mm_sad_epu8(words, _mm_setzero_si128());
}

FSEG_SSE2 static size_t changes_sse2(const fseg_plane *plane)
{
    const uint64_t *bits = plane->bits;
    size_t words = plane->lines * plane->words, i = 1;
    __m128i sums = _mm_setzero_si128();
    for (; i + 2 <= words; i += 2) {
        __m128i two = load((const uint8_t *)(bits + i));
        __m128i before = load((const uint8_t *)(bits + i - 1));
        before = _mm_or_si128(_mm_add_epi64(two, two), _mm_srli_epi64(before, 63));
        sums = _mm_add_epi64(sums, popcounts(_mm_xor_si128(two, before)));
    }
    uint64_t parts[2];
    _mm_storeu_si128((__m128i *)(void *)parts, sums);
    size_t changes = (size_t)(parts[0] + parts[1]) + fseg_popcount(bits[0] ^ bits[0] << 1);
    for (; i < words; i++)
        changes += fseg_popcount(bits[i] ^ (bits[i] << 1 | bits[i - 1] >> 63));
    return changes - fseg_padding_changes(plane);
}

FSEG_SSE2 static void transpose_sse2(uint64_t tile[64])
{
    fseg_transpose(tile);
}

const fseg_pack_loops fseg_pack_sse2 = {
    {rows_nonzero_u8, rows_equal_u8, rows_above_f32, rows_above_f64},
    {group_nonzero_u8, group_equal_u8, group_above_f32, group_above_f64},
    turn,
    changes_sse2,
    emit,
    transpose_sse2,
};

#endif
