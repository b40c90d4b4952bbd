/* Counting of pairs, for one instruction set: whoever includes this defines
 *
 *     TARGET                      the attribute of its functions, or nothing
 *     equal_bits(bytes, value)    a bit for each of 64 bytes that is `value`
 *     ones(word)                  the number of ones
 *     over_bits(first, second, nan)
 *                                 a bit for each of 64 floats that is over the first's; sets *nan if
 *                                 any is NaN; if it is not defined, plain C does it
 *     fetch(bytes)                fetches the line of the cache that holds an address, which may lie
 *                                 outside the array
 *     count_scattered(prediction, target, n, classes, ignore, matrix)
 *                                 the pairs of n pixels of few classes, a multiple of
 *                                 SCATTERED_PIXELS up to SPAN; if tables are no slower, none of
 *                                 these is defined
 *     place_vector(values, ladder, places)
 *                                 place_of each of PLACES values and whether one is NaN; if gathering
 *                                 is no faster, neither is defined
 *
 * The loops over floats are plain C, of which compilers make vectors. */
#include "pack_loops.h"

#include <math.h>
#include <string.h>

/* Different pairs among 64 pixels, up to which each is looked for in all of them; and pixels that
 * are counted one by one after there were more. */
enum { FEW_PAIRS = 6, SCATTERED = 1024 };

/* Pixels after which the tables of few classes are added up. */
enum { MOST_PIXELS = 1 << 24 };

/* Bytes that are fetched ahead of floats. */
enum { AHEAD = 2048 };

TARGET static void count(const uint64_t *prediction, const uint64_t *target, size_t n,
                         uint64_t sums[3])
{
    uint64_t both = 0, predicted = 0, truth = 0;
    for (size_t i = 0; i < n; i++) {
        both += ones(prediction[i] & target[i]);
        predicted += ones(prediction[i]);
        truth += ones(target[i]);
    }
    sums[0] += both;
    sums[1] += predicted;
    sums[2] += truth;
}

/* --- pairs of labels -------------------------------------------------------------------------- */

/* Few classes have four tables of 32-bit counters, so that no addition waits for the one before. */
typedef struct {
    uint32_t counts[4][FEW_CLASSES * FEW_CLASSES];
    unsigned pending; /* pixels in them */
} pair_tables;

static void add_tables(pair_tables *tables, unsigned classes, int64_t *matrix)
{
    for (unsigned t = 0; t < classes; t++)
        for (unsigned p = 0; p < classes; p++)
            for (unsigned i = 0; i < 4; i++)
                matrix[t * classes + p] += tables->counts[i][t * FEW_CLASSES + p];
    memset(tables, 0, sizeof *tables);
}

/* Count n pixels one by one; whether their labels are in range. */
TARGET static inline int count_each(const uint8_t *prediction, const uint8_t *target, size_t n,
                                    unsigned classes, int ignore, int64_t *matrix)
{
    int valid = 1;
    for (size_t i = 0; i < n; i++) {
        unsigned p = prediction[i], t = target[i];
        if ((int)t == ignore)
            continue;
        if (FSEG_UNLIKELY(p >= classes || t >= classes))
            valid = 0;
        else
            matrix[t * classes + p]++;
    }
    return valid;
}

/* The same of 64 pixels of few classes, nothing ignored. A label out of range counts in some
 * element. */
TARGET static inline int count_few(const uint8_t *prediction, const uint8_t *target,
                                   unsigned classes, pair_tables *tables)
{
    uint8_t pairs[64], wrong = 0;
    for (size_t i = 0; i < 64; i++) {
        wrong |= (uint8_t)(prediction[i] >= classes) | (uint8_t)(target[i] >= classes);
        pairs[i] = (uint8_t)(target[i] * FEW_CLASSES + prediction[i]);
    }
    for (size_t i = 0; i < 64; i += 8) {
        uint64_t eight;
        memcpy(&eight, pairs + i, sizeof eight);
        tables->counts[0][eight & 0xff]++;
        tables->counts[1][eight >> 8 & 0xff]++;
        tables->counts[2][eight >> 16 & 0xff]++;
        tables->counts[3][eight >> 24 & 0xff]++;
        tables->counts[0][eight >> 32 & 0xff]++;
        tables->counts[1][eight >> 40 & 0xff]++;
        tables->counts[2][eight >> 48 & 0xff]++;
        tables->counts[3][eight >> 56]++;
    }
    tables->pending += 64;
    return !wrong;
}

/* Count the pixels of 64 whose bit is set, if they are of few pairs: take those of each out at once.
 * The bits that are left are returned. */
TARGET static inline uint64_t count_patches(const uint8_t *prediction, const uint8_t *target,
                                            uint64_t left, unsigned classes, int64_t *matrix,
                                            int *valid)
{
    for (unsigned i = 0; left && i < FEW_PAIRS; i++) {
        unsigned first = fseg_ctz(left), p = prediction[first], t = target[first];
        uint64_t same = equal_bits(prediction, (uint8_t)p) & equal_bits(target, (uint8_t)t) & left;
        if (FSEG_UNLIKELY(p >= classes || t >= classes || !same)) {
            *valid = 0;
            return 0;
        }
        matrix[t * classes + p] += (int64_t)ones(same);
        left &= ~same;
    }
    return left;
}

/* Count the pairs of two classes of n pixels, a multiple of 64; whether all labels are 0 or 1. */
TARGET static inline int count_two(const uint8_t *prediction, const uint8_t *target, size_t n,
                                   int ignore, int64_t *matrix)
{
    uint64_t both = 0, predicted = 0, truth = 0, pixels = 0, wrong = 0;
    for (size_t i = 0; i < n; i += 64) {
        uint64_t p = equal_bits(prediction + i, 1), t = equal_bits(target + i, 1);
        uint64_t left = ~UINT64_C(0);
        if (ignore != FSEG_NO_IGNORE)
            left = ~equal_bits(target + i, (uint8_t)ignore);
        wrong |= left & ~((p | equal_bits(prediction + i, 0)) & (t | equal_bits(target + i, 0)));
        both += ones(p & t & left);
        predicted += ones(p & left);
        truth += ones(t & left);
        pixels += ones(left);
    }
    matrix[0] += (int64_t)(pixels - predicted - truth + both);
    matrix[1] += (int64_t)(predicted - both);
    matrix[2] += (int64_t)(truth - both);
    matrix[3] += (int64_t)both;
    return !wrong;
}

TARGET static int pairs(const uint8_t *prediction, const uint8_t *target, size_t n,
                        unsigned classes, int ignore, int64_t *matrix)
{
    pair_tables tables;
    int valid = 1, few = classes <= FEW_CLASSES && ignore == FSEG_NO_IGNORE;
    size_t i = 0, scattered = 0;
    if (few)
        memset(&tables, 0, sizeof tables);
    if (classes == 2) {
        i = n - n % 64;
        valid = count_two(prediction, target, i, ignore, matrix);
    }
    for (; i + 64 <= n && valid; i += 64) {
        const uint8_t *p = prediction + i, *t = target + i;
#ifdef SCATTERED_PIXELS
        if (scattered && classes <= FEW_CLASSES && n - i >= SCATTERED_PIXELS) {
            size_t some = least(n - i, SPAN) / SCATTERED_PIXELS * SCATTERED_PIXELS;
            valid = count_scattered(p, t, some, classes, ignore, matrix);
            i += some - 64;
            scattered = 0;
            continue;
        }
#endif
        if (scattered) {
            scattered -= 64;
            valid = few ? count_few(p, t, classes, &tables)
                        : count_each(p, t, 64, classes, ignore, matrix);
            if (few && tables.pending >= MOST_PIXELS)
                add_tables(&tables, classes, matrix);
            continue;
        }
        uint64_t left = ignore == FSEG_NO_IGNORE ? ~UINT64_C(0) : ~equal_bits(t, (uint8_t)ignore);
        left = count_patches(p, t, left, classes, matrix, &valid);
        if (left)
            scattered = SCATTERED;
        for (; left; left &= left - 1)
            valid &= count_each(p + fseg_ctz(left), t + fseg_ctz(left), 1, classes, ignore, matrix);
    }
    if (valid)
        valid = count_each(prediction + i, target + i, n - i, classes, ignore, matrix);
    if (few)
        add_tables(&tables, classes, matrix);
    return valid;
}

TARGET static int narrow(const int64_t *FSEG_RESTRICT labels, size_t n,
                         uint8_t *FSEG_RESTRICT bytes)
{
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t label = (uint64_t)labels[i];
        bytes[i] = label < UINT8_MAX ? (uint8_t)label : UINT8_MAX;
        all |= label;
    }
    return all <= UINT8_MAX;
}

TARGET static int narrow_some(const int64_t *FSEG_RESTRICT labels, size_t n, int64_t ignore,
                              uint8_t *FSEG_RESTRICT bytes)
{
    uint64_t wrong = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t label = (uint64_t)labels[i], ignored = 0 - (uint64_t)(labels[i] == ignore);
        label |= ignored;
        bytes[i] = label < UINT8_MAX ? (uint8_t)label : UINT8_MAX;
        wrong |= (0 - (uint64_t)(label >= UINT8_MAX)) & ~ignored;
    }
    return !wrong;
}

/* --- floats ----------------------------------------------------------------------------------- */

/* Fetch what lies AHEAD of n bytes. */
TARGET static inline void fetch_ahead(const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        fetch((const void *)((uintptr_t)bytes + AHEAD + i));
}

static inline float as_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Moved to a float's place, the exponent lacks 112; infinities and NaN lack as much again. Small
 * numbers are multiples of 2^-24; as floats in between they would be denormal, which is slow. */
static inline float float_of_f16(uint16_t half)
{
    int32_t rest = half & 0x7fff;
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, bits;
    uint32_t small = 0 - (uint32_t)(rest < 0x400), large = 0 - (uint32_t)(rest >= 0x7c00);
    float multiple = (float)rest * 5.9604644775390625e-8f;
    memcpy(&bits, &multiple, sizeof bits);
    uint32_t normal = ((uint32_t)rest << 13) + (112u << 23) + (large & 112u << 23);
    return as_float((bits & small) | (normal & ~small) | sign);
}

static inline float float_of_bf16(uint16_t half)
{
    return as_float((uint32_t)half << 16);
}

#define WIDEN(type)                                                                              \
    TARGET static void widen_##type(const uint16_t *FSEG_RESTRICT values, ptrdiff_t step,        \
                                    size_t n, float *FSEG_RESTRICT floats)                       \
    {                                                                                            \
        if (step == 1)                                                                           \
            for (size_t i = 0; i < n; i++)                                                       \
                floats[i] = float_of_##type(values[i]);                                          \
        else                                                                                     \
            for (size_t i = 0; i < n; i++)                                                       \
                floats[i] = float_of_##type(values[(ptrdiff_t)i * step]);                        \
    }
WIDEN(f16)
WIDEN(bf16)

#define COPY(name, type)                                                                         \
    TARGET static void copy_##name(const type *FSEG_RESTRICT values, ptrdiff_t step, size_t n,   \
                                   type *FSEG_RESTRICT copies)                                   \
    {                                                                                            \
        if (step == 2)                                                                           \
            for (size_t i = 0; i < n; i++)                                                       \
                copies[i] = values[2 * i];                                                       \
        else                                                                                     \
            for (size_t i = 0; i < n; i++)                                                       \
                copies[i] = values[(ptrdiff_t)i * step];                                         \
    }
COPY(f32, float)
COPY(f64, double)

/* Several classes at once: what is kept of the pixels so far is read and written once for all. */
#define RAISE(name, type, integer)                                                               \
    TARGET static inline int raise_some_##name(const type *FSEG_RESTRICT values, ptrdiff_t step, \
                                               size_t n, unsigned first, unsigned classes,       \
                                               type *FSEG_RESTRICT highest,                      \
                                               integer *FSEG_RESTRICT labels)                    \
    {                                                                                            \
        integer nan = 0;                                                                         \
        for (size_t i = 0; i < n; i++) {                                                         \
            type high = highest[i];                                                              \
            integer label = labels[i];                                                           \
            for (unsigned c = 0; c < classes; c++) {                                             \
                type value = values[(ptrdiff_t)i + (ptrdiff_t)c * step];                         \
                integer over = 0 - (integer)(value > high);                                      \
                label ^= (label ^ (first + c)) & over;                                           \
                high = value > high ? value : high;                                              \
                nan |= 0 - (integer)(value != value);                                            \
            }                                                                                    \
            highest[i] = high;                                                                   \
            labels[i] = label;                                                                   \
        }                                                                                        \
        return nan != 0;                                                                         \
    }                                                                                            \
                                                                                                 \
    TARGET static int raise_##name(const type *FSEG_RESTRICT values, ptrdiff_t step, size_t n,   \
                                   unsigned first, unsigned classes,                             \
                                   type *FSEG_RESTRICT highest, integer *FSEG_RESTRICT labels)   \
    {                                                                                            \
        if (first == 0) {                                                                        \
            memset(labels, 0, n * sizeof *labels);                                               \
            for (size_t i = 0; i < n; i++)                                                       \
                highest[i] = -(type)INFINITY;                                                    \
        }                                                                                        \
        for (unsigned c = 0; c < classes; c++)                                                   \
            fetch_ahead(values + (ptrdiff_t)c * step, n * sizeof *values);                       \
        switch (classes) {                                                                       \
        case 1:                                                                                  \
            return raise_some_##name(values, step, n, first, 1, highest, labels);                \
        case 2:                                                                                  \
            return raise_some_##name(values, step, n, first, 2, highest, labels);                \
        case 3:                                                                                  \
            return raise_some_##name(values, step, n, first, 3, highest, labels);                \
        default:                                                                                 \
            return raise_some_##name(values, step, n, first, SOME_CLASSES, highest, labels);     \
        }                                                                                        \
    }                                                                                            \
                                                                                                 \
    TARGET static void bytes_##name(const integer *FSEG_RESTRICT labels, size_t n,               \
                                    uint8_t *FSEG_RESTRICT bytes)                                \
    {                                                                                            \
        for (size_t i = 0; i < n; i++)                                                           \
            bytes[i] = (uint8_t)labels[i];                                                       \
    }
RAISE(f32, float, uint32_t)
RAISE(f64, double, uint64_t)

#ifndef over_bits
TARGET static inline uint64_t over_bits(const float *first, const float *second, int *nan)
{
    uint8_t bytes[64];
    uint32_t unordered = 0;
    for (size_t i = 0; i < 64; i++) {
        bytes[i] = second[i] > first[i];
        unordered |= (uint32_t)(first[i] != first[i]) | (uint32_t)(second[i] != second[i]);
    }
    *nan |= (int)unordered;
    return equal_bits(bytes, 1);
}
#endif

TARGET static int over(const float *first, const float *second, size_t n, uint64_t *bits)
{
    size_t pixels = sizeof(uint64_t) * 8, page = PAGE / sizeof *first, at = 0;
    int nan = 0;
    for (; at + PAGES * page <= n; at += PAGES * page)
        for (size_t i = at; i < at + page; i += pixels)
            for (size_t j = i; j < i + PAGES * page; j += page)
                bits[j / pixels] = over_bits(first + j, second + j, &nan);
    for (; at + pixels <= n; at += pixels)
        bits[at / pixels] = over_bits(first + at, second + at, &nan);
    if (at < n)
        bits[at / pixels] = 0;
    for (; at < n; at++) {
        bits[at / pixels] |= (uint64_t)(second[at] > first[at]) << at % pixels;
        nan |= first[at] != first[at] || second[at] != second[at];
    }
    return nan;
}

/* The number of thresholds that a value is over: those under all values of its rank, and then up to
 * `steps` more, which are compared with. */
static inline uint32_t place_of(float value, const fseg_ladder *ladder)
{
    uint32_t rank = fseg_rank(value, ladder), place = ladder->scale > 0 ? rank : ladder->lowest[rank];
    for (unsigned k = 0; k < ladder->steps; k++)
        place += value > ladder->thresholds[place];
    return place;
}

/* The same of each of n values; whether there was a NaN. */
TARGET static int place(const float *FSEG_RESTRICT values, size_t n, const fseg_ladder *ladder,
                        uint32_t *FSEG_RESTRICT places)
{
    int nan = 0;
    size_t i = 0;
    fetch_ahead(values, n * sizeof *values);
#ifdef PLACES
    for (; i + PLACES <= n; i += PLACES)
        nan |= place_vector(values + i, ladder, places + i);
#endif
    for (; i < n; i++) {
        places[i] = place_of(values[i], ladder);
        nan |= values[i] != values[i];
    }
    return nan;
}

TARGET static void second_row(const uint8_t *FSEG_RESTRICT labels, size_t n, uint32_t columns,
                              uint32_t *FSEG_RESTRICT places)
{
    for (size_t i = 0; i < n; i++)
        places[i] += labels[i] ? columns : 0;
}
