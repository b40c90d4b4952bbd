/* Merging of runs with AVX2. */
#include "merge_loops.h"
#include "pack_loops.h"

#if FSEG_X86
#include <string.h>

#define MERGE_TARGET FSEG_AVX2
#define T FSEG_AVX2

#include "merge_bits.h"

T static inline __m256i load(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

T static inline void store(void *to, __m256i x)
{
    _mm256_storeu_si256((__m256i *)to, x);
}

T static inline uint64_t sum_of_lanes(__m256i x)
{
    __m128i y = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return (uint64_t)_mm_cvtsi128_si64(y) + (uint64_t)_mm_extract_epi64(y, 1);
}

/* The first n of 8 elements, then zeros. */
T static inline __m256i load_some(const uint32_t *from, size_t n)
{
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(n < 8 ? (int)n : 8), index);
    return _mm256_maskload_epi32((const int *)from, mask);
}

T static uint64_t area(const uint32_t *counts, size_t runs)
{
    __m256i total = _mm256_setzero_si256(), other = total;
    size_t i = 0;
    for (; i + 16 <= runs; i += 16) {
        total = _mm256_add_epi64(total, _mm256_srli_epi64(load(counts + i), 32));
        other = _mm256_add_epi64(other, _mm256_srli_epi64(load(counts + i + 8), 32));
    }
    for (; i < runs; i += 8)
        total = _mm256_add_epi64(total, _mm256_srli_epi64(load_some(counts + i, runs - i), 32));
    return sum_of_lanes(_mm256_add_epi64(total, other));
}

T static uint64_t sum(const uint32_t *counts, size_t n, int *empty)
{
    const __m256i zero = _mm256_setzero_si256(), low = _mm256_set1_epi64x(UINT32_MAX);
    __m256i even = zero, odd = zero, zeros = zero;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i x = load(counts + i);
        even = _mm256_add_epi64(even, _mm256_and_si256(x, low));
        odd = _mm256_add_epi64(odd, _mm256_srli_epi64(x, 32));
        zeros = _mm256_or_si256(zeros, _mm256_cmpeq_epi32(x, zero));
    }
    uint64_t total = sum_of_lanes(_mm256_add_epi64(even, odd));
    *empty = !_mm256_testz_si256(zeros, zeros);
    for (; i < n; i++) {
        total += counts[i];
        *empty |= counts[i] == 0;
    }
    return total;
}

T static inline __m256i prefix_sum(__m256i x)
{
    x = _mm256_add_epi32(x, _mm256_slli_si256(x, 4));
    x = _mm256_add_epi32(x, _mm256_slli_si256(x, 8));
    /* The sum of the low half, to the high half. */
    return _mm256_add_epi32(x, _mm256_shuffle_epi32(_mm256_permute2x128_si256(x, x, 0x08), 0xff));
}

/* Write n keys, rounded up to 8; return the position of the last one. */
T static uint32_t expand_runs(const uint32_t *runs, size_t n, uint32_t at, uint32_t tag,
                              uint32_t *keys)
{
    const __m256i tags = _mm256_set1_epi32((int)tag), last = _mm256_set1_epi32(7);
    __m256i before = _mm256_set1_epi32((int)at);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i x = prefix_sum(load(runs + i)), position = _mm256_add_epi32(x, before);
        before = _mm256_add_epi32(before, _mm256_permutevar8x32_epi32(x, last));
        store(keys + i, _mm256_add_epi32(_mm256_add_epi32(position, position), tags));
    }
    if (i < n) {
        __m256i x = _mm256_add_epi32(prefix_sum(load_some(runs + i, n - i)), before);
        before = _mm256_permutevar8x32_epi32(x, last);
        store(keys + i, _mm256_add_epi32(_mm256_add_epi32(x, x), tags));
    }
    return (uint32_t)_mm256_cvtsi256_si32(before);
}

/* The same of n positions. */
T static uint32_t expand_positions(const uint32_t *positions, size_t n, uint32_t tag,
                                   uint32_t *keys)
{
    const __m256i tags = _mm256_set1_epi32((int)tag);
    for (size_t i = 0; i < n; i += 8) {
        __m256i x = i + 8 <= n ? load(positions + i) : load_some(positions + i, n - i);
        store(keys + i, _mm256_add_epi32(_mm256_add_epi32(x, x), tags));
    }
    return positions[n - 1];
}

/* The sign bits of 8 lanes. */
T static inline unsigned signs(__m256i x)
{
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(x));
}

/* The next 8 keys of two ascending lists are the lesser ones of a[0..7] against b[7..0]. */
#define STEP(l)                                                                                    \
    __m256i x##l = load(a##l);                                                                     \
    __m256i y##l = _mm256_permutevar8x32_epi32(load(b##l), reverse);                               \
    y##l = _mm256_min_epu32(x##l, y##l);                                                           \
    x##l = _mm256_cmpeq_epi32(x##l, y##l);                                                         \
    size_t n##l = (size_t)_mm_popcnt_u32(signs(x##l));                                             \
    a##l += n##l;                                                                                  \
    b##l += 8 - n##l

/* Sort two vectors that ascend and then descend, or the other way round. Each step brings the pairs
 * that are 4, 2, 1 apart into the same lanes. */
T static inline void sort_two(__m256i x, __m256i y, uint32_t *to_x, uint32_t *to_y)
{
    __m256i v = _mm256_permute2x128_si256(x, y, 0x20), w = _mm256_permute2x128_si256(x, y, 0x31);
    x = _mm256_min_epu32(v, w);
    y = _mm256_max_epu32(v, w);
    v = _mm256_unpacklo_epi64(x, y); /* 0 1 4 5 */
    w = _mm256_unpackhi_epi64(x, y); /* 2 3 6 7 */
    x = _mm256_min_epu32(v, w);
    y = _mm256_max_epu32(v, w);
    __m256 s = _mm256_castsi256_ps(x), t = _mm256_castsi256_ps(y);
    v = _mm256_castps_si256(_mm256_shuffle_ps(s, t, 0x88)); /* 0 4 2 6 */
    w = _mm256_castps_si256(_mm256_shuffle_ps(s, t, 0xdd)); /* 1 5 3 7 */
    x = _mm256_min_epu32(v, w);
    y = _mm256_max_epu32(v, w);
    v = _mm256_unpacklo_epi32(x, y); /* 0 1 4 5 */
    w = _mm256_unpackhi_epi32(x, y); /* 2 3 6 7 */
    x = _mm256_unpacklo_epi64(v, w);
    y = _mm256_unpackhi_epi64(v, w);
    _mm_storeu_si128((__m128i *)(void *)to_x, _mm256_castsi256_si128(x));
    _mm_storeu_si128((__m128i *)(void *)(to_x + 4), _mm256_castsi256_si128(y));
    _mm_storeu_si128((__m128i *)(void *)to_y, _mm256_extracti128_si256(x, 1));
    _mm_storeu_si128((__m128i *)(void *)(to_y + 4), _mm256_extracti128_si256(y, 1));
}

T static void merge_keys(const uint32_t *a, size_t a_n, const uint32_t *b, size_t b_n,
                         uint32_t *keys)
{
    enum { LANES = 8, PATHS = 4 };
    const __m256i reverse = _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    size_t vectors = (a_n + b_n + LANES - 1) / LANES, each = vectors / PATHS, of_a[PATHS];
    const uint32_t *a0 = a, *b0 = b;
    uint32_t *to = keys;
    if (each > 1) {
        fseg_split(a, a_n, b, b_n, each * LANES, of_a);
        const uint32_t *a1 = a + of_a[1], *b1 = b + (1 * each * LANES - of_a[1]);
        const uint32_t *a2 = a + of_a[2], *b2 = b + (2 * each * LANES - of_a[2]);
        const uint32_t *a3 = a + of_a[3], *b3 = b + (3 * each * LANES - of_a[3]);
        for (size_t i = 0; i < each; i++, to += LANES) {
            STEP(0);
            STEP(1);
            STEP(2);
            STEP(3);
            sort_two(y0, y1, to, to + each * LANES);
            sort_two(y2, y3, to + 2 * each * LANES, to + 3 * each * LANES);
        }
        a0 = a3;
        b0 = b3;
        vectors -= each * PATHS;
        to = keys + each * PATHS * LANES;
    }
    for (size_t i = 0; i < vectors; i++, to += LANES) {
        STEP(0);
        sort_two(y0, y0, to, to);
    }
}

/* Write the positions of the result's changes; return how many they are. */
T static size_t filter_keys(fseg_operation operation, const uint32_t *keys, size_t n, pixels *now,
                            uint32_t *positions)
{
    const __m256i one = _mm256_set1_epi32(1);
    uint32_t *next = positions;
    for (size_t i = 0; i < n; i += 64) {
        uint64_t of_b = 0, doubled = 0;
#pragma GCC unroll 8
        for (size_t q = 0; q < 64; q += 8) {
            __m256i x = load(keys + i + q), y = load(keys + i + q + 1);
            y = _mm256_cmpeq_epi32(_mm256_xor_si256(x, y), one);
            x = _mm256_slli_epi32(x, 31);
            of_b |= (uint64_t)signs(x) << q;
            doubled |= (uint64_t)signs(y) << q;
        }
        uint64_t result, changed = fseg_follow(operation, of_b, doubled, n - i, now, &result);
#pragma GCC unroll 8
        for (size_t q = 0; q < 64; q += 8, changed >>= 8) {
            __m256i x = _mm256_srli_epi32(load(keys + i + q), 1);
            __m128i places = _mm_loadl_epi64((const __m128i *)(fseg_ones + (changed & 0xff)));
            store(next, _mm256_permutevar8x32_epi32(x, _mm256_cvtepu8_epi32(places)));
            next += _mm_popcnt_u32((unsigned)changed & 0xff);
        }
    }
    return (size_t)(next - positions);
}

/* Replace positions by their differences, the first one's from `before`. */
T static void to_runs(uint32_t *positions, size_t n, uint32_t before)
{
    const __m256i up = _mm256_setr_epi32(7, 0, 1, 2, 3, 4, 5, 6);
    __m256i last = _mm256_set1_epi32((int)before);
    for (size_t i = 0; i < n; i += 8) {
        __m256i x = load(positions + i), shifted = _mm256_permutevar8x32_epi32(x, up);
        store(positions + i, _mm256_sub_epi32(x, _mm256_blend_epi32(shifted, last, 1)));
        last = shifted;
    }
}

/* Pixels that are foreground in both; those after the last key are added, with the position of the
 * next one, if there is a next one. All modulo 2^32. */
T static uint32_t sum_keys(const uint32_t *keys, size_t n, pixels *now)
{
    const __m256i to_sign = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
    __m256i total = _mm256_setzero_si256();
    uint32_t rest = now->result ? keys[0] >> 1 : 0;
    for (size_t i = 0; i < n; i += 64) {
        uint64_t of_b = 0, inside;
#pragma GCC unroll 8
        for (size_t q = 0; q < 64; q += 8) {
            of_b |= (uint64_t)signs(_mm256_slli_epi32(load(keys + i + q), 31)) << q;
        }
        fseg_follow(FSEG_AND, of_b, 0, n - i, now, &inside);
        if (n - i <= 64)
            inside &= (UINT64_C(1) << (n - i - 1)) - 1;
#pragma GCC unroll 8
        for (size_t q = 0; q < 64; q += 8) {
            __m256i x = _mm256_srli_epi32(load(keys + i + q), 1);
            __m256i y = _mm256_srli_epi32(load(keys + i + q + 1), 1);
            __m256i bits = _mm256_set1_epi32((int)(inside >> q & 0xff));
            bits = _mm256_srai_epi32(_mm256_sllv_epi32(bits, to_sign), 31);
            total = _mm256_add_epi32(total, _mm256_and_si256(_mm256_sub_epi32(y, x), bits));
        }
    }
    if (now->result)
        rest -= keys[n - 1] >> 1;
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(total), _mm256_extracti128_si256(total, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return rest + (uint32_t)_mm_cvtsi128_si32(sum);
}

#include "merge_chunks.h"

/* The words of a tile hold toggled bits, each word for itself: its last bit tells whether the words
 * after it are to be inverted. */
T static void fill(fseg_cursor *cursor, uint64_t start, uint64_t area, uint64_t *words)
{
    const __m256i to_sign = _mm256_setr_epi64x(63, 62, 61, 60), zero = _mm256_setzero_si256();
    uint64_t inside = cursor->inside, odd = 0;
    memset(words, inside ? 0xff : 0, FSEG_TILE_WORDS * sizeof *words);
    if (!fseg_toggle(cursor, start, area, words))
        return;
    for (size_t i = 0; i < FSEG_TILE_WORDS; i += 64) {
        uint64_t last = 0;
        for (size_t q = 0; q < 64; q += 4) {
            __m256d x = _mm256_castsi256_pd(load(words + i + q));
            last |= (uint64_t)(unsigned)_mm256_movemask_pd(x) << q;
        }
        uint64_t parities = fseg_parities(last ^ inside) ^ odd;
        __m256i inverted = _mm256_set1_epi64x((long long)(parities << 1 | (odd & 1)));
        for (size_t q = 0; q < 64; q += 4) {
            __m256i mask = _mm256_cmpgt_epi64(zero, _mm256_sllv_epi64(inverted, to_sign));
            store(words + i + q, _mm256_xor_si256(load(words + i + q), mask));
            inverted = _mm256_srli_epi64(inverted, 4);
        }
        odd = 0 - (parities >> 63);
    }
}

/* Add three bits, 256 times: the low bits of the sums to `*low`, the high ones are returned. */
T static inline __m256i add_bits(__m256i *low, __m256i x, __m256i y)
{
    __m256i differ = _mm256_xor_si256(x, y);
    __m256i high = _mm256_or_si256(_mm256_and_si256(x, y), _mm256_and_si256(differ, *low));
    *low = _mm256_xor_si256(*low, differ);
    return high;
}

/* Number of bits set in each 64. */
T static inline __m256i count_bits(__m256i x)
{
    const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                            2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i lower = _mm256_shuffle_epi8(counts, _mm256_and_si256(x, low));
    __m256i upper = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(x, 4), low));
    return _mm256_sad_epu8(_mm256_add_epi8(lower, upper), _mm256_setzero_si256());
}

T static uint64_t intersection_of_words(const uint64_t *a, const uint64_t *b, size_t n)
{
    __m256i ones = _mm256_setzero_si256(), twos = ones, fours = ones, eights = ones, rest = ones;
    size_t i = 0;
    /* Bits are added up before they are counted, so that one vector of eight is counted. */
    for (; i + 32 <= n; i += 32) {
        __m256i x[8];
#pragma GCC unroll 8
        for (size_t q = 0; q < 8; q++)
            x[q] = _mm256_and_si256(load(a + i + 4 * q), load(b + i + 4 * q));
        __m256i two = add_bits(&ones, x[0], x[1]);
        __m256i four = add_bits(&twos, two, add_bits(&ones, x[2], x[3]));
        two = add_bits(&ones, x[4], x[5]);
        __m256i other = add_bits(&twos, two, add_bits(&ones, x[6], x[7]));
        eights = _mm256_add_epi64(eights, count_bits(add_bits(&fours, four, other)));
    }
    for (; i < n; i += 4)
        rest = _mm256_add_epi64(rest, count_bits(_mm256_and_si256(load(a + i), load(b + i))));
    /* 8 * eights + 4 * fours + 2 * twos + ones */
    eights = _mm256_add_epi64(_mm256_slli_epi64(eights, 1), count_bits(fours));
    eights = _mm256_add_epi64(_mm256_slli_epi64(eights, 1), count_bits(twos));
    eights = _mm256_add_epi64(_mm256_slli_epi64(eights, 1), count_bits(ones));
    return sum_of_lanes(_mm256_add_epi64(eights, rest));
}

const fseg_merge_loops fseg_merge_avx2 = {
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
    .merge_cost = 1000,
    .word_cost = 250,
    .fill_change_cost = 1300,
    .fill_word_cost = 500,
};
#endif
