/* Masks of one shape and order, as runs: checks, areas, sets, intersections. */
#include "dispatch.h"
#include "faceseg.h"
#include "status.h"

#include <string.h>

fseg_status fseg_check_runs(const uint32_t *counts, size_t runs, uint32_t area, fseg_fault *fault)
{
    if (!runs)
        return fail(fault, FSEG_NO_RUNS, 0, 0, area);
    uint64_t sum = counts[0];
    int empty = 0;
    for (size_t i = 1; i < runs; i++) {
        sum += counts[i];
        empty |= counts[i] == 0;
    }
    if (!empty && sum == area)
        return FSEG_OK;
    sum = 0;
    for (size_t i = 0; i < runs; i++) {
        sum += counts[i];
        if (i && !counts[i])
            return fail(fault, FSEG_BAD_RUN, i, 0, 1);
        if (sum > area)
            return fail(fault, FSEG_TOO_LONG, i, (int64_t)sum, area);
    }
    return fail(fault, FSEG_TOO_SHORT, runs - 1, (int64_t)sum, area);
}

uint64_t fseg_area(const uint32_t *counts, size_t runs)
{
    return fseg_active->merge->area(counts, runs);
}

size_t fseg_merge(fseg_operation operation, const uint32_t *a, size_t a_runs, const uint32_t *b,
                  size_t b_runs, uint32_t *result)
{
    return fseg_active->merge->merge(operation, a, a_runs, b, b_runs, result);
}

size_t fseg_merge_many(fseg_operation operation, const uint32_t *const *counts, const size_t *runs,
                       size_t n, uint32_t *result, uint32_t *scratch)
{
    const uint32_t *from = counts[0];
    size_t merged = runs[0];
    uint32_t *to = n % 2 ? scratch : result, *other = n % 2 ? result : scratch;
    for (size_t i = 1; i < n; i++) {
        merged = fseg_merge(operation, from, merged, counts[i], runs[i], to);
        from = to;
        to = other;
        other = (uint32_t *)from;
    }
    if (n == 1)
        memcpy(result, from, merged * sizeof *result);
    return merged;
}

uint64_t fseg_intersection(const uint32_t *a, size_t a_runs, const uint32_t *b, size_t b_runs)
{
    return fseg_active->merge->intersection(a, a_runs, b, b_runs);
}

size_t fseg_intersections_scratch(const uint32_t *const *a, const size_t *a_runs, size_t m,
                                  const uint32_t *const *b, const size_t *b_runs, size_t n,
                                  uint32_t area)
{
    (void)a, (void)a_runs, (void)m, (void)b, (void)b_runs, (void)n, (void)area;
    return 64;
}

void fseg_intersections(const uint32_t *const *a, const size_t *a_runs, size_t m,
                        const uint32_t *const *b, const size_t *b_runs, size_t n, uint32_t area,
                        uint64_t *table, void *scratch)
{
    (void)area, (void)scratch;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            table[i * n + j] = fseg_intersection(a[i], a_runs[i], b[j], b_runs[j]);
}
