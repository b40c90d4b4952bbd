/* Runs to planes, runs and planes to pixels: the public functions. */
#include "decode_common.h"
#include "dispatch.h"
#include "faceseg.h"

/* Whether all pixels have one colour: the order of reading is then of no matter. */
static int is_uniform(const uint32_t *counts, size_t runs)
{
    return runs == 1 || (runs == 2 && !counts[0]);
}

void fseg_plane_fill(const uint32_t *counts, size_t runs, const fseg_plane *plane)
{
    if (plane->lines && plane->length)
        fseg_active->decode->plane_fill(counts, runs, plane);
}

void fseg_plane_fill_resized(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                             const fseg_plane *plane, uint32_t *scratch)
{
    if (!plane->lines || !plane->length)
        return;
    if (lines && length)
        fseg_active->decode->plane_fill_resized(counts, runs, lines, length, plane, scratch);
    else
        for (size_t i = 0; i < plane->lines * plane->words; i++)
            plane->bits[i] = 0;
}

void fseg_decode(const uint32_t *counts, size_t runs, const fseg_target *target)
{
    if (target->rows && target->columns)
        fseg_active->decode->decode(counts, runs, target);
}

size_t fseg_across_scratch(size_t rows, size_t columns)
{
    size_t bands = (rows + 63) / 64, tiles = (columns + 63) / 64;
    return bands * (64 * tiles + 8) + (tiles + 7) / 8 * 8 + 8;
}

void fseg_decode_across(const uint32_t *counts, size_t runs, const fseg_target *target,
                        uint64_t *scratch)
{
    if (target->rows == 1 || is_uniform(counts, runs)) {
        fseg_decode(counts, runs, target);
    } else {
        /* Vectors of 64 bytes are stored faster at multiples of 64. */
        size_t bytes = (0 - (uintptr_t)scratch) & 63;
        fseg_active->decode->decode_across(counts, runs, target, scratch + bytes / 8);
    }
}

size_t fseg_labels_scratch(size_t n)
{
    return n * sizeof(walk);
}

void fseg_decode_labels(const uint32_t *const *counts, const size_t *runs, const uint64_t *values,
                        size_t n, uint64_t background, const fseg_target *target, void *scratch)
{
    if (target->rows && target->columns)
        fseg_active->decode->decode_labels(counts, runs, values, n, background, target, scratch);
}

void fseg_expand(const fseg_plane *plane, int transposed, const fseg_target *target)
{
    if (!target->rows || !target->columns)
        return;
    if (transposed)
        fseg_active->decode->expand_columns(plane, target);
    else
        fseg_active->decode->expand_rows(plane, target);
}
