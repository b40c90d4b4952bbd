/* Runs to planes, runs and planes to pixels.
 *
 * The positions where the colour changes are set as bits, which costs no branch that depends on the
 * length of a run; the sum of these bits up to a pixel, modulo 2, is its colour. */
#include "dispatch.h"
#include "faceseg.h"

#include <string.h>

/* Words that are worked on at a time. */
enum { BLOCK = 64, TILE = 64, MOST_TILES = 32 };

/* The next change of colour, a position in the mask, and the run that begins there. After the last
 * run it is the area, which no loop reaches. */
typedef struct {
    uint64_t at;
    const uint32_t *next;
} walk;

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t words_of(size_t pixels)
{
    return (pixels + 63) / 64;
}

/* Ones in the bits of the last word of a line that are in the line. */
static inline uint64_t last_mask(size_t length)
{
    return UINT64_MAX >> ((64 - length % 64) % 64);
}

/* Mark all changes before `end` in words[step * (position / 64)], position counted from `start`. The
 * words are zero, but the first may be 1. Marks in one word are gathered in a register: a chain of
 * stores and loads at one place would take more than twice as long. */
static inline void mark_changes(walk *walker, uint64_t start, uint64_t end, uint64_t *words,
                                size_t step)
{
    uint64_t at = walker->at, word = words[0];
    const uint32_t *next = walker->next;
    size_t current = 0;
    while (at < end) {
        size_t index = (size_t)((at - start) >> 6);
        word = index == current ? word : 0;
        word ^= UINT64_C(1) << ((at - start) & 63);
        words[index * step] = word;
        current = index;
        at += *next++;
    }
    walker->at = at;
    walker->next = next;
}

/* The colour before the next change: all ones if foreground. */
static inline uint64_t colour(const walk *walker, const uint32_t *counts)
{
    return 0 - (uint64_t)((walker->next - counts - 1) & 1);
}

/* --- Planes ---------------------------------------------------------------------------------- */

static void fill_words(uint64_t *words, size_t n, uint64_t word)
{
    memset(words, (int)(word & 0xff), n * sizeof *words);
}

/* Fill one line, from pixel `start` of the mask on. */
static void fill_line(walk *walker, const uint32_t *counts, uint64_t start, size_t length,
                      uint64_t *bits)
{
    size_t words = words_of(length);
    uint64_t carry = colour(walker, counts);
    if (walker->at >= start + length) {
        fill_words(bits, words, carry);
    } else {
        fill_words(bits, words, 0);
        mark_changes(walker, start, start + length, bits, 1);
        fseg_active->decode->integrate(bits, words, carry);
    }
    bits[words - 1] &= last_mask(length);
}

void fseg_plane_fill(const uint32_t *counts, size_t runs, const fseg_plane *plane)
{
    (void)runs;
    if (!plane->length)
        return;
    walk walker = {counts[0], counts + 1};
    for (size_t i = 0; i < plane->lines; i++)
        fill_line(&walker, counts, (uint64_t)i * plane->length, plane->length,
                  plane->bits + i * plane->words);
}

/* For each source position, and their end, the first target position that takes its pixel from
 * there or later. */
static void map_positions(size_t from, size_t to, uint32_t *first)
{
    for (size_t i = 0; i <= from; i++)
        first[i] = (uint32_t)(((uint64_t)i * to + from - 1) / from);
}

void fseg_plane_fill_resized(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                             const fseg_plane *plane, uint32_t *scratch)
{
    (void)runs;
    if (!plane->length)
        return;
    if (!lines || !length) {
        fill_words(plane->bits, plane->lines * plane->words, 0);
        return;
    }
    map_positions(length, plane->length, scratch);
    walk walker = {counts[0], counts + 1};
    uint64_t before = UINT64_MAX;
    for (size_t i = 0; i < plane->lines; i++) {
        uint64_t *bits = plane->bits + i * plane->words;
        uint64_t line = (uint64_t)i * lines / plane->lines, start = line * length;
        if (line == before) {
            memcpy(bits, bits - plane->words, plane->words * sizeof *bits);
            continue;
        }
        before = line;
        while (walker.at <= start && start)
            walker.at += *walker.next++;
        uint64_t carry = colour(&walker, counts);
        fill_words(bits, plane->words, 0);
        for (; walker.at < start + length; walker.at += *walker.next++) {
            uint32_t at = scratch[walker.at - start];
            if (at < plane->length)
                bits[at >> 6] ^= UINT64_C(1) << (at & 63);
        }
        fseg_active->decode->integrate(bits, plane->words, carry);
        bits[plane->words - 1] &= last_mask(plane->length);
    }
}

/* --- Pixels ---------------------------------------------------------------------------------- */

/* Write n pixels of one colour. */
static void write_uniform(uint8_t *pixels, size_t n, uint64_t foreground, const fseg_target *target)
{
    if (foreground)
        fseg_active->decode->fill(pixels, n, target->size, target->value);
    else if (!target->paint)
        memset(pixels, 0, n * target->size);
}

/* Write n pixels that follow each other in memory, from pixel `start` of the mask on. */
static void write_line(walk *walker, const uint32_t *counts, uint64_t start, size_t n,
                       uint8_t *pixels, const fseg_target *target)
{
    uint64_t words[BLOCK], end = start + n;
    while (start < end) {
        uint64_t carry = colour(walker, counts);
        size_t width;
        if (walker->at >= least(start + BLOCK * 64, end)) {
            width = (size_t)(least(walker->at, end) - start);
            write_uniform(pixels, width, carry, target);
        } else {
            width = (size_t)least(end - start, BLOCK * 64);
            fill_words(words, words_of(width), 0);
            mark_changes(walker, start, start + width, words, 1);
            fseg_active->decode->integrate(words, words_of(width), carry);
            fseg_active->decode->expand(words, 1, width, pixels, target);
        }
        start += width;
        pixels += width * target->size;
    }
}

void fseg_decode(const uint32_t *counts, size_t runs, const fseg_target *target)
{
    (void)runs;
    size_t rows = target->rows, columns = target->columns;
    if (!rows || !columns)
        return;
    if (target->stride == (ptrdiff_t)(columns * target->size)) {
        columns *= rows;
        rows = 1;
    }
    walk walker = {counts[0], counts + 1};
    for (size_t y = 0; y < rows; y++)
        write_line(&walker, counts, (uint64_t)y * columns, columns,
                   (uint8_t *)target->pixels + (ptrdiff_t)y * target->stride, target);
}

/* Whether the colour never changes; the order of reading is then of no matter. */
static int is_uniform(const uint32_t *counts, size_t runs)
{
    return runs == 1 || (runs == 2 && !counts[0]);
}

size_t fseg_across_scratch(size_t rows, size_t columns)
{
    return words_of(rows) * words_of(columns) * TILE;
}

/* Mark the changes down each column: column x, row y is bit y % 64 of word x of the band y / 64, and
 * the 64 words of as many columns are a tile. */
static void mark_columns(const uint32_t *counts, size_t rows, size_t columns, size_t pitch,
                         uint64_t *bands)
{
    walk walker = {counts[0], counts + 1};
    for (size_t x = 0; x < columns; x++) {
        uint64_t start = (uint64_t)x * rows;
        bands[x] = colour(&walker, counts) & 1;
        mark_changes(&walker, start, start + rows, bands + x, pitch);
    }
}

/* Turn the tiles that have a change. */
static void turn_band(uint64_t *band, size_t pitch)
{
    for (uint64_t *tile = band; tile < band + pitch; tile += TILE) {
        uint64_t any = 0;
        for (size_t i = 0; i < TILE; i++)
            any |= tile[i];
        if (any)
            fseg_active->decode->transpose(tile);
    }
}

void fseg_decode_across(const uint32_t *counts, size_t runs, const fseg_target *target,
                        uint64_t *scratch)
{
    size_t rows = target->rows, columns = target->columns;
    if (is_uniform(counts, runs)) {
        fseg_decode(counts, runs, target);
        return;
    }
    size_t pitch = words_of(columns) * TILE;
    fill_words(scratch, words_of(rows) * pitch, 0);
    mark_columns(counts, rows, columns, pitch, scratch);
    const uint64_t *above = NULL;
    for (size_t y = 0; y < rows; y++) {
        uint64_t *band = scratch + y / 64 * pitch, *row = band + y % 64;
        if (y % 64 == 0)
            turn_band(band, pitch);
        if (above)
            for (size_t i = 0; i < pitch; i += TILE)
                row[i] ^= above[i];
        above = row;
        fseg_active->decode->expand(row, TILE, columns,
                                    (uint8_t *)target->pixels + (ptrdiff_t)y * target->stride,
                                    target);
    }
}

static void expand_rows(const fseg_plane *plane, const fseg_target *target)
{
    for (size_t y = 0; y < plane->lines; y++)
        fseg_active->decode->expand(plane->bits + y * plane->words, 1, plane->length,
                                    (uint8_t *)target->pixels + (ptrdiff_t)y * target->stride,
                                    target);
}

/* Load up to 64 lines of word `word` and turn them; missing lines are background. */
static void load_tile(const fseg_plane *plane, size_t line, size_t word, uint64_t *tile)
{
    size_t n = least(plane->lines - line, TILE);
    for (size_t i = 0; i < n; i++)
        tile[i] = plane->bits[(line + i) * plane->words + word];
    for (size_t i = n; i < TILE; i++)
        tile[i] = 0;
    fseg_active->decode->transpose(tile);
}

/* Expand word `word` of `columns` lines from `x` on. */
static void expand_tiles(const fseg_plane *plane, size_t word, size_t x, size_t columns,
                         const fseg_target *target)
{
    uint64_t tiles[MOST_TILES * TILE];
    for (size_t i = 0; i < columns; i += TILE)
        load_tile(plane, x + i, word, tiles + i);
    size_t height = least(plane->length - word * 64, 64);
    uint8_t *pixels = (uint8_t *)target->pixels + (ptrdiff_t)(word * 64) * target->stride
                      + x * target->size;
    for (size_t y = 0; y < height; y++)
        fseg_active->decode->expand(tiles + y, TILE, columns,
                                    pixels + (ptrdiff_t)y * target->stride, target);
}

void fseg_expand(const fseg_plane *plane, int transposed, const fseg_target *target)
{
    if (!transposed) {
        expand_rows(plane, target);
        return;
    }
    for (size_t word = 0; word < plane->words; word++)
        for (size_t x = 0; x < plane->lines; x += MOST_TILES * TILE)
            expand_tiles(plane, word, x, least(plane->lines - x, MOST_TILES * TILE), target);
}
