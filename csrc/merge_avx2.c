/* Merging of runs with AVX2. */
#include "merge_loops.h"

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

/* Write n keys, rounded up to 8; return the position of the last one. */
T static uint32_t expand_runs(const uint32_t *runs, size_t n, uint32_t at, uint32_t tag,
                              uint32_t *keys)
{
    const __m256i tags = _mm256_set1_epi32((int)tag), last = _mm256_set1_epi32(7);
    __m256i before = _mm256_set1_epi32((int)at);
    for (size_t i = 0; i < n; i += 8) {
        __m256i x = i + 8 <= n ? load(runs + i) : load_some(runs + i, n - i);
        x = _mm256_add_epi32(x, _mm256_slli_si256(x, 4));
        x = _mm256_add_epi32(x, _mm256_slli_si256(x, 8));
        /* The sum of the low half, in the high half. */
        __m256i half = _mm256_permute2x128_si256(x, x, 0x08);
        x = _mm256_add_epi32(x, _mm256_add_epi32(_mm256_shuffle_epi32(half, 0xff), before));
        before = _mm256_permutevar8x32_epi32(x, last);
        store(keys + i, _mm256_add_epi32(_mm256_add_epi32(x, x), tags));
    }
    return (uint32_t)_mm256_cvtsi256_si32(before);
}

/* The same of n positions. */
T static uint32_t expand_positions(const uint32_t *positions, size_t n, uint32_t tag, uint32_t *keys)
{
    const __m256i tags = _mm256_set1_epi32((int)tag);
    for (size_t i = 0; i < n; i += 8) {
        __m256i x = i + 8 <= n ? load(positions + i) : load_some(positions + i, n - i);
        store(keys + i, _mm256_add_epi32(_mm256_add_epi32(x, x), tags));
    }
    return positions[n - 1];
}

/* The next 8 keys of two ascending lists are the lesser ones of a[0..7] against b[7..0]. */
#define STEP(l)                                                                                    \
    __m256i x##l = load(a##l);                                                                     \
    __m256i y##l = _mm256_permutevar8x32_epi32(load(b##l), reverse);                               \
    y##l = _mm256_min_epu32(x##l, y##l);                                                           \
    x##l = _mm256_cmpeq_epi32(x##l, y##l);                                                         \
    size_t n##l = (size_t)_mm_popcnt_u32((unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(x##l)));  \
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

/* For each set of 8 bits the places of its ones, a byte each, from the lowest. A row has the sets
 * with the same upper four bits, whose places are `upper`. */
#define PLACES(upper, lower, ones) ((lower) | UINT64_C(upper) << 8 * (ones))
#define ROW(u)                                                                                     \
    PLACES(u, 0, 0), PLACES(u, 0, 1), PLACES(u, 1, 1), PLACES(u, 0x100, 2), PLACES(u, 2, 1),       \
        PLACES(u, 0x200, 2), PLACES(u, 0x201, 2), PLACES(u, 0x20100, 3), PLACES(u, 3, 1),          \
        PLACES(u, 0x300, 2), PLACES(u, 0x301, 2), PLACES(u, 0x30100, 3), PLACES(u, 0x302, 2),      \
        PLACES(u, 0x30200, 3), PLACES(u, 0x30201, 3), PLACES(u, 0x3020100, 4)
static const uint64_t PLACES_OF[256] = {
    ROW(0),     ROW(4),     ROW(5),     ROW(0x504),   ROW(6),     ROW(0x604),
    ROW(0x605), ROW(0x60504), ROW(7),   ROW(0x704),   ROW(0x705), ROW(0x70504),
    ROW(0x706), ROW(0x70604), ROW(0x70605), ROW(0x7060504)};

/* Write the positions of the result's changes; return how many they are. */
T static size_t filter_keys(fseg_operation operation, const uint32_t *keys, size_t n, pixels *now,
                            uint32_t *positions)
{
    const __m256i one = _mm256_set1_epi32(1);
    uint32_t *next = positions;
    for (size_t i = 0; i < n; i += 64) {
        uint64_t of_b = 0, doubled = 0;
        for (size_t q = 0; q < 64; q += 8) {
            __m256i x = load(keys + i + q), y = load(keys + i + q + 1);
            y = _mm256_cmpeq_epi32(_mm256_xor_si256(x, y), one);
            x = _mm256_slli_epi32(x, 31);
            of_b |= (uint64_t)(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(x)) << q;
            doubled |= (uint64_t)(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(y)) << q;
        }
        uint64_t result, changed = fseg_follow(operation, of_b, doubled, n - i, now, &result);
        for (size_t q = 0; q < 64; q += 8, changed >>= 8) {
            __m256i x = _mm256_srli_epi32(load(keys + i + q), 1);
            __m128i places = _mm_loadl_epi64((const __m128i *)(PLACES_OF + (changed & 0xff)));
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
 * next one, if there is a next one. */
T static uint32_t sum_keys(const uint32_t *keys, size_t n, pixels *now)
{
    const __m256i to_sign = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
    __m256i total = _mm256_setzero_si256();
    uint32_t rest = now->result ? keys[0] >> 1 : 0;
    for (size_t i = 0; i < n; i += 64) {
        uint64_t of_b = 0, inside;
        for (size_t q = 0; q < 64; q += 8) {
            __m256i x = _mm256_slli_epi32(load(keys + i + q), 31);
            of_b |= (uint64_t)(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(x)) << q;
        }
        fseg_follow(FSEG_AND, of_b, 0, n - i, now, &inside);
        if (n - i <= 64)
            inside &= (UINT64_C(1) << (n - i - 1)) - 1;
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

/* A tile's words hold toggled bits, each word for itself: its last bit tells whether the following
 * ones are to be inverted. */
T static void fill(fseg_cursor *cursor, uint64_t start, uint64_t area, uint64_t *words)
{
    uint64_t inverted = cursor->inside;
    memset(words, inverted ? 0xff : 0, FSEG_TILE_WORDS * sizeof *words);
    if (!fseg_toggle(cursor, start, area, words))
        return;
    const __m256i to_sign = _mm256_setr_epi64x(63, 62, 61, 60);
    uint64_t before = inverted, flip = 0;
    for (size_t i = 0; i < FSEG_TILE_WORDS; i += 64) {
        uint64_t last = 0;
        for (size_t q = 0; q < 64; q += 4)
            last |= (uint64_t)(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(load(words + i + q)))
                    << q;
        uint64_t parities = fseg_parities(last ^ before) ^ flip;
        __m256i bits = _mm256_set1_epi64x((long long)(parities << 1 | (flip & 1)));
        for (size_t q = 0; q < 64; q += 4) {
            /* All ones where the sign is set: what is greater than it is none. */
            __m256i invert = _mm256_sllv_epi64(bits, to_sign);
            invert = _mm256_cmpgt_epi64(_mm256_setzero_si256(), invert);
            store(words + i + q, _mm256_xor_si256(load(words + i + q), invert));
            bits = _mm256_srli_epi64(bits, 4);
        }
        flip = 0 - (parities >> 63);
    }
}

/* Sums of three bits: 256 in `*low`, `*high`. */
#define ADD_BITS(high, low, x, y, z)                                                               \
    do {                                                                                           \
        __m256i differ = _mm256_xor_si256(x, y), third = (z);                                      \
        high = _mm256_or_si256(_mm256_and_si256(x, y), _mm256_and_si256(differ, third));           \
        low = _mm256_xor_si256(differ, third);                                                     \
    } while (0)

/* Bits set in each of 32 bytes. */
T static inline __m256i count_bits(__m256i x)
{
    const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                            2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i lower = _mm256_shuffle_epi8(counts, _mm256_and_si256(x, low));
    __m256i upper = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(x, 4), low));
    return _mm256_add_epi8(lower, upper);
}

#define COMMON(i)                                                                                  \
    _mm256_and_si256(_mm256_load_si256((const __m256i *)(const void *)(a + (i))),                  \
                     _mm256_load_si256((const __m256i *)(const void *)(b + (i))))

T static uint64_t intersection_of_words(const uint64_t *a, const uint64_t *b, size_t n)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i ones = zero, twos = zero, fours = zero;
    __m256i total = zero, total_of_eights = zero;
    size_t i = 0;
    /* Adders take sixteen times as few look-ups of counts as there are words. */
    for (; i + 32 <= n; i += 32) {
        __m256i x, y, u, v, e;
        ADD_BITS(x, ones, COMMON(i), COMMON(i + 4), ones);
        ADD_BITS(y, ones, COMMON(i + 8), COMMON(i + 12), ones);
        ADD_BITS(u, twos, x, y, twos);
        ADD_BITS(x, ones, COMMON(i + 16), COMMON(i + 20), ones);
        ADD_BITS(y, ones, COMMON(i + 24), COMMON(i + 28), ones);
        ADD_BITS(v, twos, x, y, twos);
        ADD_BITS(e, fours, u, v, fours);
        total_of_eights = _mm256_add_epi64(total_of_eights, _mm256_sad_epu8(count_bits(e), zero));
    }
    for (; i < n; i += 4)
        total = _mm256_add_epi64(total, _mm256_sad_epu8(count_bits(COMMON(i)), zero));
    __m256i rest = _mm256_add_epi64(_mm256_sad_epu8(count_bits(ones), zero),
                                    _mm256_slli_epi64(_mm256_sad_epu8(count_bits(twos), zero), 1));
    rest = _mm256_add_epi64(rest,
                            _mm256_slli_epi64(_mm256_sad_epu8(count_bits(fours), zero), 2));
    total = _mm256_add_epi64(total, _mm256_slli_epi64(total_of_eights, 3));
    return sum_of_lanes(_mm256_add_epi64(total, rest));
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
    .intersection_of_words = intersection_of_words,
    .merge_cost = 550,
    .word_cost = 200,
    .fill_change_cost = 1000,
    .fill_word_cost = 400,
};
#endif
