/* Merging of runs, in plain C. */
#include "merge_loops.h"

static uint64_t area_scalar(const uint32_t *counts, size_t runs)
{
    uint64_t sum = 0;
    for (size_t i = 1; i < runs; i += 2)
        sum += counts[i];
    return sum;
}

static size_t merge_scalar(fseg_operation operation, const uint32_t *a, size_t a_runs,
                           const uint32_t *b, size_t b_runs, uint32_t *result)
{
    /* Bit 2 * (pixel of a) + (pixel of b) is the pixel of the result. */
    static const unsigned TRUTH[] = {0x8, 0xe, 0x6, 0x4};
    unsigned truth = TRUTH[operation], pixels = 0, value = 0;
    uint32_t a_left = a[0], b_left = b[0], length = 0;
    size_t i = 0, j = 0, runs = 0;
    for (;;) {
        uint32_t step = a_left < b_left ? a_left : b_left;
        length += step;
        a_left -= step;
        b_left -= step;
        if (!a_left && ++i < a_runs) {
            a_left = a[i];
            pixels ^= 2;
        }
        if (!b_left && ++j < b_runs) {
            b_left = b[j];
            pixels ^= 1;
        }
        if (i >= a_runs || j >= b_runs)
            break;
        if ((truth >> pixels & 1) != value) {
            result[runs++] = length;
            length = 0;
            value ^= 1;
        }
    }
    result[runs++] = length;
    return runs;
}

static uint64_t intersection_scalar(const uint32_t *a, size_t a_runs, const uint32_t *b,
                                    size_t b_runs)
{
    uint64_t a_end = 0, b_end = 0, sum = 0;
    size_t i = 1, j = 1;
    if (a_runs < 2 || b_runs < 2)
        return 0;
    uint64_t a_start = a[0], b_start = b[0];
    a_end = a_start + a[1];
    b_end = b_start + b[1];
    for (;;) {
        uint64_t start = a_start > b_start ? a_start : b_start;
        uint64_t end = a_end < b_end ? a_end : b_end;
        if (start < end)
            sum += end - start;
        if (a_end < b_end) {
            i += 2;
            if (i >= a_runs)
                return sum;
            a_start = a_end + a[i - 1];
            a_end = a_start + a[i];
        } else {
            j += 2;
            if (j >= b_runs)
                return sum;
            b_start = b_end + b[j - 1];
            b_end = b_start + b[j];
        }
    }
}

const fseg_merge_loops fseg_merge_scalar = {area_scalar, merge_scalar, intersection_scalar};
#if FSEG_X86
const fseg_merge_loops fseg_merge_sse2 = {area_scalar, merge_scalar, intersection_scalar};
const fseg_merge_loops fseg_merge_avx2 = {area_scalar, merge_scalar, intersection_scalar};
const fseg_merge_loops fseg_merge_avx512 = {area_scalar, merge_scalar, intersection_scalar};
#endif
#if FSEG_ARM
const fseg_merge_loops fseg_merge_neon = {area_scalar, merge_scalar, intersection_scalar};
#endif
