/* Runs <-> mask, both orders.
 *
 * Encoding looks for changes: pixels that differ from the one before them in reading order, the
 * first pixel from an imagined zero. Row by row that is a row against itself one byte on; column by
 * column it is a row against the row above, so that both walk memory in its own order. */
#include "faceseg.h"
#include "loops.h"
#include "status.h"

#include <string.h>

/* Bytes looked at in one go: the changes found in them fit in 2 KiB of stack. */
enum { CHUNK = 512 };

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static fseg_status check_size(size_t rows, size_t columns, fseg_fault *fault)
{
    if (columns && rows > UINT32_MAX / columns)
        return fail(fault, FSEG_TOO_LARGE, 0, (int64_t)rows, (int64_t)(UINT32_MAX / columns));
    return FSEG_OK;
}

/* `counts` holds the ascending positions of `changes` changes; make it their changes + 1 runs. */
static void positions_to_runs(uint32_t *counts, size_t changes, uint32_t area)
{
    uint32_t previous = 0;
    for (size_t i = 0; i < changes; i++) {
        uint32_t position = counts[i];
        counts[i] = position - previous;
        previous = position;
    }
    counts[changes] = area - previous;
}

/* Number of changes in n bytes from the one before `row` on. */
static size_t count_along(const uint8_t *row, size_t n)
{
    size_t changes = 0;
    while (n) {
        uint8_t tally[CHUNK] = {0};
        for (int round = 0; round < 255 && n; round++) {
            size_t width = least(n, CHUNK);
            fseg_tally_changes_u8_scalar(row, row - 1, width, tally);
            row += width;
            n -= width;
        }
        for (size_t i = 0; i < CHUNK; i++)
            changes += tally[i];
    }
    return changes;
}

fseg_status fseg_count_rows(const uint8_t *mask, size_t rows, size_t columns, ptrdiff_t stride,
                            size_t *runs, fseg_fault *fault)
{
    fseg_status status = check_size(rows, columns, fault);
    if (status != FSEG_OK)
        return status;
    *runs = 1;
    if (!rows || !columns)
        return FSEG_OK;
    if (stride == (ptrdiff_t)columns) {
        columns *= rows;
        rows = 1;
    }
    int last = 0;
    for (size_t y = 0; y < rows; y++) {
        const uint8_t *row = mask + (ptrdiff_t)y * stride;
        *runs += (row[0] != 0) != last;
        *runs += count_along(row + 1, columns - 1);
        last = row[columns - 1] != 0;
    }
    return FSEG_OK;
}

fseg_status fseg_encode_rows(const uint8_t *mask, size_t rows, size_t columns, ptrdiff_t stride,
                             uint32_t *counts, size_t runs, fseg_fault *fault)
{
    fseg_status status = check_size(rows, columns, fault);
    if (status != FSEG_OK)
        return status;
    uint32_t area = (uint32_t)(rows * columns);
    size_t changes = 0;
    if (area && stride == (ptrdiff_t)columns) {
        columns = area;
        rows = 1;
    }
    int last = 0;
    for (size_t y = 0; area && y < rows; y++) {
        const uint8_t *row = mask + (ptrdiff_t)y * stride;
        uint32_t found[1 + CHUNK];
        size_t width, n = 0;
        if ((row[0] != 0) != last)
            found[n++] = (uint32_t)(y * columns);
        for (size_t x = 0; x < columns; x += width) {
            /* The first pixel of the row was looked at, or is the last of the chunk before. */
            width = least(columns - x, CHUNK);
            n += fseg_find_changes_u8_scalar(row + x + 1, row + x, width - (x + width == columns),
                                             (uint32_t)(y * columns + x + 1), found + n);
            if (n >= runs - changes)
                return fail(fault, FSEG_CHANGED, 0, (int64_t)(changes + n + 1), (int64_t)runs);
            memcpy(counts + changes, found, n * sizeof *found);
            changes += n;
            n = 0;
        }
        last = row[columns - 1] != 0;
    }
    if (changes + 1 != runs)
        return fail(fault, FSEG_CHANGED, 0, (int64_t)(changes + 1), (int64_t)runs);
    positions_to_runs(counts, changes, area);
    return FSEG_OK;
}

fseg_status fseg_count_columns(const uint8_t *mask, size_t rows, size_t columns, ptrdiff_t stride,
                               uint32_t *starts, size_t *runs, fseg_fault *fault)
{
    fseg_status status = check_size(rows, columns, fault);
    if (status != FSEG_OK)
        return status;
    *runs = 1;
    if (!rows || !columns)
        return FSEG_OK;
    const uint8_t *bottom = mask + (ptrdiff_t)(rows - 1) * stride;
    size_t width;
    uint32_t changes = 0;
    for (size_t x = 0; x < columns; x += width) {
        uint32_t totals[CHUNK] = {0};
        width = least(columns - x, CHUNK);
        for (size_t y = 1; y < rows;) {
            uint8_t tally[CHUNK] = {0};
            for (int round = 0; round < 255 && y < rows; round++, y++) {
                const uint8_t *row = mask + (ptrdiff_t)y * stride + x;
                fseg_tally_changes_u8_scalar(row, row - stride, width, tally);
            }
            for (size_t i = 0; i < width; i++)
                totals[i] += tally[i];
        }
        for (size_t i = 0; i < width; i++) {
            /* The pixel before the top of a column is the bottom of the column to the left. */
            int before = x + i ? bottom[x + i - 1] != 0 : 0;
            starts[x + i] = changes;
            changes += totals[i] + ((mask[x + i] != 0) != before);
        }
    }
    *runs += changes;
    return FSEG_OK;
}

fseg_status fseg_encode_columns(const uint8_t *mask, size_t rows, size_t columns, ptrdiff_t stride,
                                uint32_t *starts, uint32_t *counts, size_t runs,
                                fseg_fault *fault)
{
    fseg_status status = check_size(rows, columns, fault);
    if (status != FSEG_OK)
        return status;
    uint32_t area = (uint32_t)(rows * columns);
    size_t changes = 0;
    if (area) {
        const uint8_t *bottom = mask + (ptrdiff_t)(rows - 1) * stride;
        for (size_t x = 0; x < columns; x++) {
            int before = x ? bottom[x - 1] != 0 : 0;
            if ((mask[x] != 0) == before)
                continue;
            size_t slot = starts[x]++;
            if (slot + 1 >= runs)
                return fail(fault, FSEG_CHANGED, 0, (int64_t)slot + 2, (int64_t)runs);
            counts[slot] = (uint32_t)(x * rows);
            changes++;
        }
    }
    size_t width;
    for (size_t x = 0; area && x < columns; x += width) {
        width = least(columns - x, CHUNK);
        for (size_t y = 1; y < rows; y += 64) {
            /* Bit r of changed[i] is for row y + r of column x + i. Writing a column's changes one
             * after the other, instead of a row's each to another page, encodes noise twice as
             * fast. */
            uint64_t changed[CHUNK] = {0};
            size_t height = least(rows - y, 64);
            for (size_t r = 0; r < height; r++) {
                const uint8_t *row = mask + (ptrdiff_t)(y + r) * stride + x;
                uint32_t found[CHUNK];
                size_t n = fseg_find_changes_u8_scalar(row, row - stride, width, 0, found);
                for (size_t i = 0; i < n; i++)
                    changed[found[i]] |= UINT64_C(1) << r;
                changes += n;
            }
            for (size_t i = 0; i < width; i++) {
                size_t slot = starts[x + i];
                uint32_t first = (uint32_t)((x + i) * rows + y);
                for (uint64_t bits = changed[i]; bits; bits &= bits - 1) {
                    if (slot + 1 >= runs)
                        return fail(fault, FSEG_CHANGED, 0, (int64_t)slot + 2, (int64_t)runs);
                    counts[slot++] = first + (uint32_t)__builtin_ctzll(bits);
                }
                starts[x + i] = (uint32_t)slot;
            }
        }
    }
    if (changes + 1 != runs)
        return fail(fault, FSEG_CHANGED, 0, (int64_t)(changes + 1), (int64_t)runs);
    positions_to_runs(counts, changes, area);
    return FSEG_OK;
}

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

fseg_status fseg_decode_rows(const uint32_t *counts, size_t runs, uint8_t value, uint8_t *mask,
                             size_t area, fseg_fault *fault)
{
    size_t at = 0;
    for (size_t i = 0; i < runs; i++) {
        size_t length = counts[i];
        uint8_t colour = i & 1 ? value : 0;
        if (length > area - at)
            return fail(fault, FSEG_TOO_LONG, i, (int64_t)(at + length), (int64_t)area);
        /* A short run may be written too long: the next one covers the surplus. Noise decodes
         * three times as fast as with a call of memset per run. */
        if (length <= 16 && area - at >= 16)
            memset(mask + at, colour, 16);
        else
            memset(mask + at, colour, length);
        at += length;
    }
    if (at != area)
        return fail(fault, FSEG_TOO_SHORT, runs, (int64_t)at, (int64_t)area);
    return FSEG_OK;
}

fseg_status fseg_decode_columns(const uint32_t *counts, size_t runs, uint8_t value, uint8_t *mask,
                                size_t rows, size_t columns, fseg_fault *fault)
{
    size_t area = rows * columns, at = 0, x = 0, y = 0;
    if (area)
        memset(mask, 0, area);
    /* Mark where the colour changes down each column, then let each row take over the row above. */
    for (size_t i = 0; i < runs; i++) {
        size_t length = counts[i], first = x;
        if (length > area - at)
            return fail(fault, FSEG_TOO_LONG, i, (int64_t)(at + length), (int64_t)area);
        if (!length)
            continue;
        if (i & 1)
            mask[y * columns + x] ^= value;
        at += length;
        y += length;
        if (y >= rows) {
            x += y / rows;
            y %= rows;
        }
        if (i & 1) {
            for (size_t c = first + 1; c <= x && c < columns; c++)
                mask[c] ^= value;
            if (x < columns)
                mask[y * columns + x] ^= value;
        }
    }
    if (at != area)
        return fail(fault, FSEG_TOO_SHORT, runs, (int64_t)at, (int64_t)area);
    for (size_t r = 1; area && r < rows; r++)
        fseg_xor_u8_scalar(mask + r * columns, mask + (r - 1) * columns, columns);
    return FSEG_OK;
}

uint64_t fseg_area(const uint32_t *counts, size_t runs)
{
    uint64_t sum = 0;
    for (size_t i = 1; i < runs; i += 2)
        sum += counts[i];
    return sum;
}
