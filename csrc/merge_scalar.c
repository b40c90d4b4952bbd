/* Merging of runs in plain C. */
#define MERGE_TARGET
#include "merge_bits.h"
#include "merge_loops.h"

#include <string.h>

static uint64_t area(const uint32_t *counts, size_t runs)
{
    uint64_t total = 0;
    for (size_t i = 1; i < runs; i += 2)
        total += counts[i];
    return total;
}

static uint64_t sum(const uint32_t *counts, size_t n, int *empty)
{
    uint64_t total = 0;
    uint32_t zeros = 0;
    for (size_t i = 0; i < n; i++) {
        total += counts[i];
        zeros |= counts[i] == 0;
    }
    *empty = zeros != 0;
    return total;
}

/* The stretches of one colour in a mask, one after the other. */
typedef struct {
    const uint32_t *next; /* run after the stretch */
    const uint32_t *end;
    uint64_t from;
    uint64_t to;
} stretches;

/* The first stretch of foreground, or of background (`inverted`), which may be empty. */
static inline stretches first_stretch(const uint32_t *counts, size_t runs, int inverted)
{
    stretches s = {counts + 1, counts + runs, 0, counts[0]};
    if (!inverted) {
        s.from = s.to;
        if (runs > 1)
            s.to += *s.next++;
    }
    return s;
}

/* Move on; 0 if there is no other one. */
static inline int next_stretch(stretches *s)
{
    if (s->end - s->next < 2)
        return 0;
    s->from = s->to + s->next[0];
    s->to = s->from + s->next[1];
    s->next += 2;
    return 1;
}

/* The runs of a & b, where a, b and the result may each be inverted. */
static size_t merge_both(const uint32_t *a, size_t a_runs, int a_inverted, const uint32_t *b,
                         size_t b_runs, int b_inverted, int inverted, uint32_t *result)
{
    stretches x = first_stretch(a, a_runs, a_inverted), y = first_stretch(b, b_runs, b_inverted);
    uint64_t last = 0;
    uint32_t *next = result;
    if (inverted && (x.from || y.from || !x.to || !y.to)) {
        *next++ = 0;
    } else if (inverted) {
        last = x.to < y.to ? x.to : y.to;
        *next++ = (uint32_t)last;
    }
    int more, a_first;
    do {
        uint64_t from = x.from > y.from ? x.from : y.from, to = x.to < y.to ? x.to : y.to;
        /* Written in any case, kept if there are pixels in common after the last ones. */
        next[0] = (uint32_t)(from - last);
        next[1] = (uint32_t)(to - from);
        next += from < to && to > last ? 2 : 0;
        last = from < to ? to : last;
        a_first = x.to < y.to;
        more = a_first ? next_stretch(&x) : next_stretch(&y);
    } while (more);
    const stretches *over = a_first ? &x : &y;
    uint64_t area = over->to + (over->next < over->end ? *over->next : 0);
    if (last < area || next == result)
        *next++ = (uint32_t)(area - last);
    return (size_t)(next - result);
}

/* The runs of a ^ b. */
static size_t merge_differing(const uint32_t *a, size_t a_runs, const uint32_t *b, size_t b_runs,
                              uint32_t *result)
{
    const uint32_t *a_end = a + a_runs, *b_end = b + b_runs;
    uint64_t a_change = *a++, b_change = *b++, last = 0;
    uint32_t *next = result;
    for (;;) {
        uint64_t change = a_change < b_change ? a_change : b_change;
        *next = (uint32_t)(change - last);
        if (a_change == b_change) {
            if (a == a_end || b == b_end)
                break;
            a_change += *a++;
            b_change += *b++;
            continue;
        }
        next++;
        last = change;
        if (a_change < b_change)
            a_change += *a++;
        else
            b_change += *b++;
    }
    return (size_t)(next + 1 - result);
}

static size_t merge(fseg_operation operation, fseg_changes a, fseg_changes b, fseg_form to,
                    uint32_t *result)
{
    (void)to;
    size_t a_runs = a.changes + 1, b_runs = b.changes + 1;
    int either = operation == FSEG_OR, b_inverted = either || operation == FSEG_MINUS;
    if (operation == FSEG_XOR)
        return merge_differing(a.values, a_runs, b.values, b_runs, result) - 1;
    return merge_both(a.values, a_runs, either, b.values, b_runs, b_inverted, either, result) - 1;
}

static uint64_t intersection(const uint32_t *a, size_t a_runs, const uint32_t *b, size_t b_runs)
{
    stretches x = first_stretch(a, a_runs, 0), y = first_stretch(b, b_runs, 0);
    uint64_t in_common = 0;
    int more;
    do {
        uint64_t from = x.from > y.from ? x.from : y.from, to = x.to < y.to ? x.to : y.to;
        in_common += from < to ? to - from : 0;
        more = x.to < y.to ? next_stretch(&x) : next_stretch(&y);
    } while (more);
    return in_common;
}

/* The words of a tile hold toggled bits, each word for itself: its last bit tells whether the words
 * after it are to be inverted. */
void fseg_merge_fill_scalar(fseg_cursor *cursor, uint64_t start, uint64_t area, uint64_t *words)
{
    uint64_t inverted = cursor->inside;
    memset(words, 0, FSEG_TILE_WORDS * sizeof *words);
    fseg_toggle(cursor, start, area, words);
    for (size_t i = 0; i < FSEG_TILE_WORDS; i++) {
        words[i] ^= inverted;
        inverted = 0 - (words[i] >> 63);
    }
}

/* Add three bits, 64 times: the low bits of the sums to `*low`, the high ones are returned. */
static inline uint64_t add_bits(uint64_t *low, uint64_t a, uint64_t b)
{
    uint64_t differ = a ^ b, high = (a & b) | (differ & *low);
    *low ^= differ;
    return high;
}

static uint64_t intersection_of_words(const uint64_t *a, const uint64_t *b, size_t n)
{
    uint64_t ones = 0, twos = 0, fours = 0, total = 0;
    for (size_t i = 0; i < n; i += 8) {
        uint64_t x[8];
        for (size_t q = 0; q < 8; q++)
            x[q] = a[i + q] & b[i + q];
        uint64_t two = add_bits(&ones, x[0], x[1]);
        uint64_t four = add_bits(&twos, two, add_bits(&ones, x[2], x[3]));
        two = add_bits(&ones, x[4], x[5]);
        total += fseg_popcount(
            add_bits(&fours, four, add_bits(&twos, two, add_bits(&ones, x[6], x[7]))));
    }
    return 8 * total + 4 * fseg_popcount(fours) + 2 * fseg_popcount(twos) + fseg_popcount(ones);
}

#define TABLE                                                                                      \
    {                                                                                              \
        .area = area, .sum = sum, .merge = merge, .between = FSEG_RUNS,                            \
        .intersection = intersection, .fill = fseg_merge_fill_scalar, .combine = combine,          \
        .intersection_of_words = intersection_of_words, .pair_cost = 20000, .merge_cost = 1800,    \
        .word_cost = 1200, .fill_change_cost = 2000, .fill_word_cost = 900,                        \
    }

const fseg_merge_loops fseg_merge_scalar = TABLE;
#if FSEG_X86
const fseg_merge_loops fseg_merge_sse2 = TABLE;
#endif
