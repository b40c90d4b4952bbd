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

/* --- the tests ----------------------------------------------------------------------------------
 * Of 32 pixels: 0xff in the byte of each that is foreground (or, test_nonzero_u8, is not), in the
 * order that is easiest, which ordered_<test> undoes. */

FSEG_AVX2 static inline __m256i test_nonzero_u8(const uint8_t *pixels, const fseg_limit *limit,
                                                __m256 *nan)
{
    (void)limit;
    (void)nan;
    return _mm256_cmpeq_epi8(load(pixels), _mm256_setzero_si256());
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

#define PACK_BITS(test, size, inverted)                                                          \
    FSEG_AVX2 static inline uint64_t word_##test(const uint8_t *pixels, const fseg_limit *limit, \
                                                 __m256 *nan)                                    \
    {                                                                                            \
        __m256i low = ordered_##test(test_##test(pixels, limit, nan));                           \
        __m256i high = ordered_##test(test_##test(pixels + 32 * (size), limit, nan));            \
        uint64_t word = (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32                     \
                        | (uint32_t)_mm256_movemask_epi8(low);                                   \
        return (inverted) ? ~word : word;                                                        \
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
            __m256i tested = test_##test(row, limit, nan);                                       \
            found = _mm256_or_si256(found, (inverted) ? _mm256_andnot_si256(tested, bit)         \
                                                      : _mm256_and_si256(tested, bit));          \
        }                                                                                        \
        _mm256_storeu_si256((__m256i *)(void *)bytes, ordered_##test(found));                    \
    }

PACK_BITS(nonzero_u8, 1, 1)
PACK_BITS(equal_u8, 1, 0)
PACK_BITS(above_f32, sizeof(float), 0)
PACK_BITS(above_f64, sizeof(double), 0)

/* --- the other parts of pack_vectors.h -------------------------------------------------------- */

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

FSEG_AVX2 static inline void widen(uint64_t bytes, uint32_t first, uint32_t *numbers)
{
    __m256i wide = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)bytes));
    wide = _mm256_add_epi32(wide, _mm256_set1_epi32((int)first));
    _mm256_storeu_si256((__m256i *)(void *)numbers, wide);
}

FSEG_AVX2 static inline size_t count_ones(unsigned byte)
{
    return (size_t)_mm_popcnt_u32(byte);
}

FSEG_AVX2 static inline unsigned nonzero_bytes(uint64_t word)
{
    __m128i bytes = _mm_cvtsi64_si128((long long)word);
    return ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())) & 0xff;
}

FSEG_AVX2 static inline unsigned nonzero_words(const uint64_t *words)
{
    __m256i zero = _mm256_setzero_si256();
    __m256i low = _mm256_cmpeq_epi64(load((const uint8_t *)words), zero);
    __m256i high = _mm256_cmpeq_epi64(load((const uint8_t *)(words + 4)), zero);
    unsigned none = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(high)) << 4
                    | (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(low));
    return none ^ 0xff;
}

#include "pack_vectors.h"

/* Number of ones in each of four words. */
FSEG_AVX2 static inline __m256i popcounts(__m256i words)
{
    const __m256i ones = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const __m256i fours = _mm256_set1_epi8(15);
    __m256i low = _mm256_shuffle_epi8(ones, _mm256_and_si256(words, fours));
    __m256i high = _mm256_shuffle_epi8(ones, _mm256_and_si256(_mm256_srli_epi16(words, 4), fours));
    return _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
}

FSEG_AVX2 static size_t changes_avx2(const fseg_plane *plane)
{
    const uint64_t *bits = plane->bits;
    size_t words = plane->lines * plane->words, i = 1;
    __m256i sums = _mm256_setzero_si256();
    for (; i + 4 <= words; i += 4) {
        __m256i four = load((const uint8_t *)(bits + i));
        __m256i before = load((const uint8_t *)(bits + i - 1));
        before = _mm256_or_si256(_mm256_add_epi64(four, four), _mm256_srli_epi64(before, 63));
        sums = _mm256_add_epi64(sums, popcounts(_mm256_xor_si256(four, before)));
    }
    uint64_t parts[4];
    _mm256_storeu_si256((__m256i *)(void *)parts, sums);
    size_t changes = (size_t)(parts[0] + parts[1] + parts[2] + parts[3]);
    changes += (size_t)_mm_popcnt_u64(bits[0] ^ bits[0] << 1);
    for (; i < words; i++)
        changes += (size_t)_mm_popcnt_u64(bits[i] ^ (bits[i] << 1 | bits[i - 1] >> 63));
    return changes - fseg_padding_changes(plane);
}

/* Swap squares of `size` beside the diagonal, as fseg_swap_squares, in vectors of four lines. */
FSEG_AVX2 static inline void swap_vectors(__m256i *lines, int size, long long mask)
{
    for (int i = 0; i < 16; i += size / 2)
        for (int j = i; j < i + size / 4; j++) {
            __m256i other = lines[j + size / 4];
            __m256i swapped = _mm256_xor_si256(_mm256_srli_epi64(lines[j], size), other);
            swapped = _mm256_and_si256(swapped, _mm256_set1_epi64x(mask));
            lines[j] = _mm256_xor_si256(lines[j], _mm256_slli_epi64(swapped, size));
            lines[j + size / 4] = _mm256_xor_si256(other, swapped);
        }
}

/* The same within a vector; `swapped` has its lines in the order in which they are swapped. */
FSEG_AVX2 static inline __m256i swap_lines(__m256i lines, __m256i swapped, __m256i left,
                                           __m256i right, __m256i kept)
{
    swapped = _mm256_srlv_epi64(_mm256_sllv_epi64(swapped, left), right);
    return _mm256_or_si256(_mm256_and_si256(lines, kept), _mm256_andnot_si256(kept, swapped));
}

FSEG_AVX2 static void transpose_avx2(uint64_t tile[64])
{
    const long long fours = 0x3333333333333333, pairs = 0x5555555555555555;
    __m256i lines[16];
    for (size_t i = 0; i < 16; i++)
        lines[i] = load((const uint8_t *)(tile + 4 * i));
    swap_vectors(lines, 32, 0x00000000ffffffff);
    swap_vectors(lines, 16, 0x0000ffff0000ffff);
    swap_vectors(lines, 8, 0x00ff00ff00ff00ff);
    swap_vectors(lines, 4, 0x0f0f0f0f0f0f0f0f);
    for (size_t i = 0; i < 16; i++) {
        __m256i line = swap_lines(lines[i], _mm256_permute4x64_epi64(lines[i], 0x4e),
                                  _mm256_setr_epi64x(2, 2, 0, 0), _mm256_setr_epi64x(0, 0, 2, 2),
                                  _mm256_setr_epi64x(fours, fours, ~fours, ~fours));
        line = swap_lines(line, _mm256_shuffle_epi32(line, 0x4e),
                          _mm256_setr_epi64x(1, 0, 1, 0), _mm256_setr_epi64x(0, 1, 0, 1),
                          _mm256_setr_epi64x(pairs, ~pairs, pairs, ~pairs));
        _mm256_storeu_si256((__m256i *)(void *)(tile + 4 * i), line);
    }
}

const fseg_pack_loops fseg_pack_avx2 = {
    {rows_nonzero_u8, rows_equal_u8, rows_above_f32, rows_above_f64},
    {group_nonzero_u8, group_equal_u8, group_above_f32, group_above_f64},
    turn,
    changes_avx2,
    emit,
    transpose_avx2,
};

#endif
