/* Masks of up to 2^32 - 1 pixels with each other, in every version, against a plain merge. */
#include "fuzz.h"

#include <string.h>

enum { MOST_MASKS = 40 };

static int combine(fseg_operation operation, int a, int b)
{
    switch (operation) {
    case FSEG_AND:
        return a & b;
    case FSEG_OR:
        return a | b;
    case FSEG_XOR:
        return a ^ b;
    default:
        return a & !b;
    }
}

/* Step from end of run to end of run of either. */
static fuzz_runs merge(fseg_operation operation, fuzz_runs a, fuzz_runs b, uint32_t area)
{
    fuzz_runs result = {fuzz_room((a.n + b.n + 1) * sizeof(uint32_t)), 0};
    uint64_t a_end = a.counts[0], b_end = b.counts[0], at = 0, from = 0;
    size_t i = 0, j = 0;
    int colour = 0;
    while (at < area) {
        while (a_end <= at)
            a_end += a.counts[++i];
        while (b_end <= at)
            b_end += b.counts[++j];
        int now = combine(operation, (int)(i & 1), (int)(j & 1));
        if (now != colour) {
            result.counts[result.n++] = (uint32_t)(at - from);
            from = at;
            colour = now;
        }
        at = a_end < b_end ? a_end : b_end;
    }
    result.counts[result.n++] = (uint32_t)(at - from);
    return result;
}

static uint64_t count(fuzz_runs mask)
{
    uint64_t sum = 0;
    for (size_t i = 1; i < mask.n; i += 2)
        sum += mask.counts[i];
    return sum;
}

static void check_pair(fuzz_runs a, fuzz_runs b, uint32_t area)
{
    for (fseg_operation operation = FSEG_AND; operation <= FSEG_MINUS; operation++) {
        size_t mark = fuzz_mark();
        fuzz_runs expected = merge(operation, a, b, area);
        uint32_t *result = fuzz_counts_room(a.n + b.n);
        size_t n = fseg_merge(operation, a.counts, a.n, b.counts, b.n, result);
        REQUIRE(fuzz_same_runs(result, n, expected));
        if (operation == FSEG_AND)
            REQUIRE(fseg_intersection(a.counts, a.n, b.counts, b.n) == count(expected));
        fuzz_release(mark);
    }
}

static void check_many(fseg_operation operation, const fuzz_runs *masks, size_t n, uint32_t area)
{
    const uint32_t **counts = fuzz_room(n * sizeof *counts);
    size_t *runs = fuzz_room(n * sizeof *runs), sum = 0;
    fuzz_runs expected = masks[0];
    for (size_t i = 0; i < n; i++) {
        counts[i] = masks[i].counts;
        runs[i] = masks[i].n;
        sum += runs[i];
        if (i)
            expected = merge(operation, expected, masks[i], area);
    }
    uint32_t *result = fuzz_counts_room(sum), *scratch = fuzz_counts_room(sum);
    size_t found = fseg_merge_many(operation, counts, runs, n, result, scratch);
    REQUIRE(fuzz_same_runs(result, found, expected));
}

static void check_table(const fuzz_runs *masks, size_t m, size_t n, uint32_t area)
{
    const uint32_t **counts = fuzz_room((m + n) * sizeof *counts);
    size_t *runs = fuzz_room((m + n) * sizeof *runs);
    uint64_t *expected = fuzz_room(m * n * sizeof *expected);
    for (size_t i = 0; i < m + n; i++) {
        counts[i] = masks[i].counts;
        runs[i] = masks[i].n;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            size_t mark = fuzz_mark();
            expected[i * n + j] = count(merge(FSEG_AND, masks[i], masks[m + j], area));
            fuzz_release(mark);
        }
    size_t bytes = fseg_intersections_scratch(counts, runs, m, counts + m, runs + m, n, area);
    void *scratch = fuzz_room_aligned(bytes, 64);
    uint64_t *table = fuzz_room(m * n * sizeof *table);
    fseg_intersections(counts, runs, m, counts + m, runs + m, n, area, table, scratch);
    REQUIRE(memcmp(table, expected, m * n * sizeof *table) == 0);
}

static void check_runs(fuzz_input input, uint32_t area)
{
    /* Any numbers; most are no mask. */
    size_t n = input.size / 2;
    uint32_t *counts = fuzz_room(n * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        unsigned number = fuzz_pair(&input);
        counts[i] = number >> 15 ? UINT32_MAX - (number & 0x7fff) : number;
    }
    fseg_fault first = {0, 0, 0};
    fseg_status expected = FSEG_OK;
    FOR_EACH_VERSION {
        fseg_fault fault = {0, 0, 0};
        fseg_status status = fseg_check_runs(counts, n, area, &fault);
        if (!version) {
            expected = status;
            first = fault;
        }
        REQUIRE(status == expected);
        REQUIRE(status == FSEG_OK || (fault.position == first.position && fault.found == first.found
                                      && fault.expected == first.expected));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    fuzz_begin();
    unsigned what = fuzz_byte(&input), unit = fuzz_byte(&input);
    uint32_t area = fuzz_pair(&input);
    if (what & 32)
        area = UINT32_MAX - area;
    if (what & 64)
        unit *= 12345;
    if ((what & 7) == 7) {
        check_runs(input, area);
        fuzz_end();
        return 0;
    }
    fuzz_runs masks[MOST_MASKS];
    unsigned more = fuzz_byte(&input);
    size_t n = (what & 7) < 3 ? 2 : 1 + (more & 63) % MOST_MASKS;
    size_t share = input.size / n + 1;
    for (size_t i = 0; i < n; i++)
        masks[i] = fuzz_mask(fuzz_take(&input, share), area, unit);
    fuzz_use_version(more >> 6);
    fseg_fault fault;
    REQUIRE(fseg_area(masks[0].counts, masks[0].n) == count(masks[0]));
    REQUIRE(fseg_check_runs(masks[0].counts, masks[0].n, area, &fault) == FSEG_OK);
    if ((what & 7) < 3)
        check_pair(masks[0], masks[1], area);
    else if ((what & 7) < 5)
        check_many((fseg_operation)(what >> 3 & 3), masks, n, area);
    else
        check_table(masks, n - n / 2, n / 2, area);
    fuzz_end();
    return 0;
}
