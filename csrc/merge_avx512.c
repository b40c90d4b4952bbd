/* Merging of runs with AVX-512. */
#include "merge_loops.h"

#if FSEG_X86
#include <string.h>

#define MERGE_TARGET FSEG_AVX512
#define T FSEG_AVX512

#include "merge_bits.h"

/* The lowest n of 16 lanes. */
T static inline __mmask16 lanes(size_t n)
{
    return n < 16 ? (__mmask16)((1u << n) - 1) : 0xffff;
}

T static uint64_t area(const uint32_t *counts, size_t runs)
{
    __m512i total = _mm512_setzero_si512();
    size_t i = 0;
    for (; i + 16 <= runs; i += 16)
        total = _mm512_add_epi64(total, _mm512_srli_epi64(_mm512_loadu_si512(counts + i), 32));
    __m512i x = _mm512_maskz_loadu_epi32(lanes(runs - i), counts + i);
    total = _mm512_add_epi64(total, _mm512_srli_epi64(x, 32));
    return (uint64_t)_mm512_reduce_add_epi64(total);
}

T static uint64_t sum(const uint32_t *counts, size_t n, int *empty)
{
    __m512i odd = _mm512_setzero_si512(), even = odd, shortest = _mm512_set1_epi32(-1);
    const __m512i low = _mm512_set1_epi64(UINT32_MAX);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m512i x = _mm512_loadu_si512(counts + i);
        even = _mm512_add_epi64(even, _mm512_and_si512(x, low));
        odd = _mm512_add_epi64(odd, _mm512_srli_epi64(x, 32));
        shortest = _mm512_min_epu32(shortest, x);
    }
    __m512i x = _mm512_maskz_loadu_epi32(lanes(n - i), counts + i);
    even = _mm512_add_epi64(even, _mm512_and_si512(x, low));
    odd = _mm512_add_epi64(odd, _mm512_srli_epi64(x, 32));
    shortest = _mm512_mask_min_epu32(shortest, lanes(n - i), shortest, x);
    *empty = _mm512_testn_epi32_mask(shortest, shortest) != 0;
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(even, odd));
}

T static inline __m512i prefix_sum(__m512i x)
{
    const __m512i of_4 = _mm512_set_epi32(11, 11, 11, 11, 0, 0, 0, 0, 3, 3, 3, 3, 0, 0, 0, 0);
    const __m512i of_8 = _mm512_set1_epi32(7);
    x = _mm512_add_epi32(x, _mm512_slli_epi64(x, 32));
    x = _mm512_add_epi32(x, _mm512_maskz_shuffle_epi32(0xcccc, x, _MM_PERM_BBBB));
    x = _mm512_add_epi32(x, _mm512_maskz_permutexvar_epi32(0xf0f0, of_4, x));
    return _mm512_add_epi32(x, _mm512_maskz_permutexvar_epi32(0xff00, of_8, x));
}

/* Write n keys, rounded up to 16; return the position of the last one. */
T static uint32_t expand_runs(const uint32_t *runs, size_t n, uint32_t at, uint32_t tag,
                              uint32_t *keys)
{
    const __m512i tags = _mm512_set1_epi32((int)tag), last = _mm512_set1_epi32(15);
    __m512i before = _mm512_set1_epi32((int)at), x;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        x = prefix_sum(_mm512_loadu_si512(runs + i));
        __m512i position = _mm512_add_epi32(x, before);
        before = _mm512_add_epi32(before, _mm512_permutexvar_epi32(last, x));
        _mm512_storeu_si512(keys + i, _mm512_add_epi32(_mm512_add_epi32(position, position), tags));
    }
    if (i < n) {
        x = _mm512_maskz_loadu_epi32(lanes(n - i), runs + i);
        x = _mm512_add_epi32(prefix_sum(x), before);
        before = _mm512_permutexvar_epi32(last, x);
        _mm512_storeu_si512(keys + i, _mm512_add_epi32(_mm512_add_epi32(x, x), tags));
    }
    return (uint32_t)_mm_cvtsi128_si32(_mm512_castsi512_si128(before));
}

/* The same of n positions. */
T static uint32_t expand_positions(const uint32_t *positions, size_t n, uint32_t tag,
                                   uint32_t *keys)
{
    const __m512i tags = _mm512_set1_epi32((int)tag);
    for (size_t i = 0; i < n; i += 16) {
        __m512i x = _mm512_maskz_loadu_epi32(lanes(n - i), positions + i);
        _mm512_storeu_si512(keys + i, _mm512_add_epi32(_mm512_add_epi32(x, x), tags));
    }
    return positions[n - 1];
}

/* Sort a vector that ascends and then descends, or the other way round. */
T static inline __m512i sort_bitonic(__m512i v)
{
    __m512i t = _mm512_shuffle_i64x2(v, v, 0x4e);
    v = _mm512_mask_max_epu32(_mm512_min_epu32(v, t), 0xff00, v, t);
    t = _mm512_shuffle_i64x2(v, v, 0xb1);
    v = _mm512_mask_max_epu32(_mm512_min_epu32(v, t), 0xf0f0, v, t);
    t = _mm512_shuffle_epi32(v, 0x4e);
    v = _mm512_mask_max_epu32(_mm512_min_epu32(v, t), 0xcccc, v, t);
    t = _mm512_shuffle_epi32(v, 0xb1);
    return _mm512_mask_max_epu32(_mm512_min_epu32(v, t), 0xaaaa, v, t);
}

/* The next 16 keys of two ascending lists are the lesser ones of a[0..15] against b[15..0]. */
#define STEP(l)                                                                                    \
    __m512i x##l = _mm512_loadu_si512(a##l);                                                       \
    __m512i y##l = _mm512_permutexvar_epi32(reverse, _mm512_loadu_si512(b##l));                    \
    size_t n##l = (size_t)_mm_popcnt_u32(_mm512_cmplt_epu32_mask(x##l, y##l));                     \
    x##l = _mm512_min_epu32(x##l, y##l);                                                           \
    a##l += n##l;                                                                                  \
    b##l += 16 - n##l

/* Sort two such vectors. Each step brings the elements that are 8, 4, 2, 1 apart, of both, to the
 * same lanes of two vectors: 18 instructions for what takes 24 one by one. */
T static inline void sort_two(__m512i x, __m512i y, uint32_t *to_x, uint32_t *to_y)
{
    const __m512i first =
        _mm512_set_epi32(27, 11, 25, 9, 26, 10, 24, 8, 19, 3, 17, 1, 18, 2, 16, 0);
    const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(4));
    __m512i v = _mm512_shuffle_i64x2(x, y, 0x44), w = _mm512_shuffle_i64x2(x, y, 0xee);
    x = _mm512_min_epu32(v, w); /* 0 to 7 of x, of y */
    y = _mm512_max_epu32(v, w); /* 8 to 15 */
    v = _mm512_shuffle_i64x2(x, y, 0x88);
    w = _mm512_shuffle_i64x2(x, y, 0xdd);
    x = _mm512_min_epu32(v, w); /* 0 to 3 of x, of y, 8 to 11 of x, of y */
    y = _mm512_max_epu32(v, w); /* 4 to 7, 12 to 15 */
    v = _mm512_unpacklo_epi64(x, y);
    w = _mm512_unpackhi_epi64(x, y);
    __m512 s = _mm512_castsi512_ps(_mm512_min_epu32(v, w)); /* 0 1 4 5 of x, of y, 8 9 12 13 ... */
    __m512 t = _mm512_castsi512_ps(_mm512_max_epu32(v, w)); /* 2 3 6 7, 10 11 14 15 */
    v = _mm512_castps_si512(_mm512_shuffle_ps(s, t, 0x88));
    w = _mm512_castps_si512(_mm512_shuffle_ps(s, t, 0xdd));
    x = _mm512_min_epu32(v, w); /* 0 4 2 6 of x, of y, 8 12 10 14 ... */
    y = _mm512_max_epu32(v, w); /* 1 5 3 7, 9 13 11 15 */
    _mm512_storeu_si512(to_x, _mm512_permutex2var_epi32(x, first, y));
    _mm512_storeu_si512(to_y, _mm512_permutex2var_epi32(x, second, y));
}

T static void merge_keys(const uint32_t *a, size_t a_n, const uint32_t *b, size_t b_n,
                         uint32_t *keys)
{
    enum { LANES = 16, PATHS = 4 };
    const __m512i reverse = _mm512_set_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t vectors = (a_n + b_n + LANES - 1) / LANES, each = vectors / PATHS, of_a[PATHS];
    const uint32_t *a0 = a, *b0 = b;
    uint32_t *to = keys;
    if (each > 1) {
        size_t step = each * LANES;
        fseg_split(a, a_n, b, b_n, step, of_a);
        const uint32_t *a1 = a + of_a[1], *b1 = b + (step - of_a[1]);
        const uint32_t *a2 = a + of_a[2], *b2 = b + (2 * step - of_a[2]);
        const uint32_t *a3 = a + of_a[3], *b3 = b + (3 * step - of_a[3]);
        for (size_t i = 0; i < each; i++, to += LANES) {
            STEP(0);
            STEP(1);
            STEP(2);
            STEP(3);
            sort_two(x0, x1, to, to + step);
            sort_two(x2, x3, to + 2 * step, to + 3 * step);
        }
        a0 = a3;
        b0 = b3;
        vectors -= each * PATHS;
        to = keys + step * PATHS;
    }
    for (size_t i = 0; i < vectors; i++, to += LANES) {
        STEP(0);
        _mm512_storeu_si512(to, sort_bitonic(x0));
    }
}

/* Write the positions of the result's changes; return how many they are. */
T static size_t filter_keys(fseg_operation operation, const uint32_t *keys, size_t n, pixels *now,
                            uint32_t *positions)
{
    const __m512i one = _mm512_set1_epi32(1);
    uint32_t *next = positions;
    for (size_t i = 0; i < n; i += 64) {
        __m512i x[4];
        uint64_t of_b = 0, doubled = 0, result;
#pragma GCC unroll 4
        for (size_t q = 0; q < 4; q++) {
            x[q] = _mm512_loadu_si512(keys + i + 16 * q);
            __m512i y = _mm512_xor_si512(x[q], _mm512_loadu_si512(keys + i + 16 * q + 1));
            of_b |= (uint64_t)_mm512_test_epi32_mask(x[q], one) << (16 * q);
            doubled |= (uint64_t)_mm512_cmpeq_epi32_mask(y, one) << (16 * q);
        }
        uint64_t changed = fseg_follow(operation, of_b, doubled, n - i, now, &result);
#pragma GCC unroll 4
        for (size_t q = 0; q < 4; q++) {
            __mmask16 kept = (__mmask16)(changed >> (16 * q));
            __m512i position = _mm512_srli_epi32(x[q], 1);
            _mm512_storeu_si512(next, _mm512_maskz_compress_epi32(kept, position));
            next += _mm_popcnt_u32(kept);
        }
    }
    return (size_t)(next - positions);
}

/* Replace positions by their differences, the first one's from `before`. */
T static void to_runs(uint32_t *positions, size_t n, uint32_t before)
{
    __m512i last = _mm512_set1_epi32((int)before);
    for (size_t i = 0; i < n; i += 16) {
        __m512i x = _mm512_loadu_si512(positions + i);
        _mm512_storeu_si512(positions + i, _mm512_sub_epi32(x, _mm512_alignr_epi32(x, last, 15)));
        last = x;
    }
}

/* Pixels that are foreground in both; those after the last key are added, with the position of the
 * next one, if there is a next one. All modulo 2^32. */
T static uint32_t sum_keys(const uint32_t *keys, size_t n, pixels *now)
{
    const __m512i one = _mm512_set1_epi32(1);
    __m512i total = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += 64) {
        __m512i x[4];
        uint64_t of_b = 0, inside;
#pragma GCC unroll 4
        for (size_t q = 0; q < 4; q++) {
            x[q] = _mm512_loadu_si512(keys + i + 16 * q);
            of_b |= (uint64_t)_mm512_test_epi32_mask(x[q], one) << (16 * q);
        }
        uint64_t changed = fseg_follow(FSEG_AND, of_b, 0, n - i, now, &inside);
#pragma GCC unroll 4
        for (size_t q = 0; q < 4; q++) {
            __mmask16 rises = (__mmask16)((changed & inside) >> (16 * q));
            __mmask16 falls = (__mmask16)((changed & ~inside) >> (16 * q));
            __m512i position = _mm512_srli_epi32(x[q], 1);
            total = _mm512_mask_sub_epi32(total, rises, total, position);
            total = _mm512_mask_add_epi32(total, falls, total, position);
        }
    }
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(total),
                                    _mm512_extracti64x4_epi64(total, 1));
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(sum);
}

#include "merge_chunks.h"

/* The words of a tile hold toggled bits, each word for itself: its last bit tells whether the words
 * after it are to be inverted. */
T static void fill(fseg_cursor *cursor, uint64_t start, uint64_t area, uint64_t *words)
{
    const __m512i ones = _mm512_set1_epi64(-1);
    uint64_t inside = cursor->inside, odd = 0;
    memset(words, inside ? 0xff : 0, FSEG_TILE_WORDS * sizeof *words);
    if (!fseg_toggle(cursor, start, area, words))
        return;
    for (size_t i = 0; i < FSEG_TILE_WORDS; i += 64) {
        uint64_t last = 0;
        for (size_t q = 0; q < 64; q += 8)
            last |= (uint64_t)_mm512_movepi64_mask(_mm512_loadu_si512(words + i + q)) << q;
        uint64_t parities = fseg_parities(last ^ inside) ^ odd;
        uint64_t inverted = parities << 1 | (odd & 1);
        for (size_t q = 0; q < 64; q += 8) {
            __m512i x = _mm512_loadu_si512(words + i + q);
            x = _mm512_mask_xor_epi64(x, (__mmask8)(inverted >> q), x, ones);
            _mm512_storeu_si512(words + i + q, x);
        }
        odd = 0 - (parities >> 63);
    }
}

T static uint64_t intersection_of_words(const uint64_t *a, const uint64_t *b, size_t n)
{
    __m512i total = _mm512_setzero_si512(), other = total;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m512i x = _mm512_and_si512(_mm512_load_si512(a + i), _mm512_load_si512(b + i));
        __m512i y = _mm512_and_si512(_mm512_load_si512(a + i + 8), _mm512_load_si512(b + i + 8));
        total = _mm512_add_epi64(total, _mm512_popcnt_epi64(x));
        other = _mm512_add_epi64(other, _mm512_popcnt_epi64(y));
    }
    if (i < n) {
        __m512i x = _mm512_and_si512(_mm512_load_si512(a + i), _mm512_load_si512(b + i));
        total = _mm512_add_epi64(total, _mm512_popcnt_epi64(x));
    }
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(total, other));
}

const fseg_merge_loops fseg_merge_avx512 = {
    .area = area,
    .sum = sum,
    .merge = merge,
    .between = FSEG_POSITIONS,
    .intersection = intersection,
    .keys = keys,
    .intersection_of_keys = intersection_of_keys,
    .fill = fill,
    .combine = combine,
    .intersection_of_words = intersection_of_words,
    .pair_cost = 170000,
    .merge_cost = 700,
    .word_cost = 90,
    .fill_change_cost = 1300,
    .fill_word_cost = 400,
};
#endif
