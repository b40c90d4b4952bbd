/* Pixels to planes of bits, planes to runs. */
#include "dispatch.h"
#include "faceseg.h"
#include "status.h"

#include <math.h>
#include <string.h>

/* Pixels that are packed together when the columns are the lines: 32 KiB of stack. So many rows
 * fill whole cache lines of the plane (512 x 512: 28 -> 21 us); with fewer columns, the pieces of
 * rows are too short to be fetched ahead (128 columns of 1080 x 1920: 290 -> 590 us). */
enum { HEIGHT = 512, WIDTH = 512 };

static const size_t SIZES[FSEG_TESTS] = {1, 1, sizeof(float), sizeof(double)};

/* The next smaller float of one that is not NaN, nor -infinity. */
static float below(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (!(bits & 0x7fffffff))
        bits = 0x80000001;
    else
        bits = bits >> 31 ? bits + 1 : bits - 1;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float fseg_float_not_over(double value)
{
    if (value > 3.4028234663852886e38)
        return value > 1.7976931348623157e308 ? (float)INFINITY : 3.4028234663852886e38f;
    if (value < -3.4028234663852886e38)
        return (float)-INFINITY;
    float rounded = (float)value;
    return (double)rounded > value ? below(rounded) : rounded;
}

static const uint8_t *row_of(const fseg_source *source, size_t row)
{
    return (const uint8_t *)source->pixels + (ptrdiff_t)row * source->stride;
}

static int is_nan(const uint8_t *pixel, fseg_test test)
{
    float narrow;
    double wide;
    if (test == FSEG_ABOVE_F32) {
        memcpy(&narrow, pixel, sizeof narrow);
        wide = (double)narrow;
    } else {
        memcpy(&wide, pixel, sizeof wide);
    }
    return wide != wide;
}

/* Index of the first NaN; 0 if it is no longer there. */
static size_t find_nan(const fseg_source *source)
{
    size_t size = SIZES[source->test];
    for (size_t y = 0; y < source->rows; y++) {
        const uint8_t *row = row_of(source, y);
        for (size_t x = 0; x < source->columns; x++)
            if (is_nan(row + x * size, source->test))
                return y * source->columns + x;
    }
    return 0;
}

static int pack_rows(const fseg_source *source, const fseg_limit *limit, const fseg_plane *plane)
{
    size_t rows = source->rows, columns = source->columns;
    if (plane->lines == 1
        || (columns % 64 == 0 && source->stride == (ptrdiff_t)(columns * SIZES[source->test]))) {
        columns *= rows;
        rows = 1;
    }
    return fseg_active->pack->rows[source->test](source->pixels, rows, columns, source->stride,
                                                 limit, plane->bits);
}

/* Pack up to HEIGHT rows of up to WIDTH columns. */
static int pack_block(const fseg_source *source, const fseg_limit *limit, size_t top, size_t left,
                      const fseg_plane *plane)
{
    const fseg_pack_loops *loops = fseg_active->pack;
    uint8_t bytes[HEIGHT / 8 * WIDTH];
    size_t width = least(source->columns - left, WIDTH), height = least(source->rows - top, HEIGHT);
    const uint8_t *corner = row_of(source, top) + left * SIZES[source->test];
    uint64_t *bits = plane->bits + left * plane->words + top / 64;
    int nan = 0;
    size_t y = 0;
    for (; y < height; y += 8)
        nan |= loops->group[source->test](corner + (ptrdiff_t)y * source->stride,
                                          least(height - y, 8), width, source->stride, limit,
                                          bytes + y / 8 * WIDTH);
    for (; y % 64; y += 8)
        memset(bytes + y / 8 * WIDTH, 0, width);
    loops->turn(bytes, WIDTH, width, y / 64, bits, plane->words);
    return nan;
}

static int pack_columns(const fseg_source *source, const fseg_limit *limit,
                        const fseg_plane *plane)
{
    int nan = 0;
    for (size_t top = 0; top < source->rows; top += HEIGHT)
        for (size_t left = 0; left < source->columns; left += WIDTH)
            nan |= pack_block(source, limit, top, left, plane);
    return nan;
}

fseg_status fseg_pack(const fseg_source *source, int transposed, const fseg_plane *plane,
                      size_t *runs, fseg_fault *fault)
{
    *runs = 1;
    if (!source->rows || !source->columns)
        return FSEG_OK;
    fseg_limit limit = {source->label, 0, source->threshold};
    if (source->test == FSEG_ABOVE_F32)
        limit.above_f32 = fseg_float_not_over(source->threshold);
    int nan = transposed ? pack_columns(source, &limit, plane) : pack_rows(source, &limit, plane);
    if (nan)
        return fail(fault, FSEG_NAN, find_nan(source), 0, 0);
    *runs = fseg_plane_runs(plane);
    return FSEG_OK;
}

/* Lines without a gap after them are one line. */
static fseg_plane joined(const fseg_plane *plane)
{
    fseg_plane whole = *plane;
    if (plane->length % 64 == 0) {
        whole.length *= whole.lines;
        whole.words *= whole.lines;
        whole.lines = 1;
    }
    return whole;
}

size_t fseg_plane_runs(const fseg_plane *plane)
{
    if (!plane->lines || !plane->length)
        return 1;
    fseg_plane whole = joined(plane);
    return fseg_active->pack->changes(&whole) + 1;
}

void fseg_plane_emit(const fseg_plane *plane, uint32_t *counts, size_t runs)
{
    uint32_t area = (uint32_t)(plane->lines * plane->length), last = 0;
    if (runs > 1) {
        fseg_plane whole = joined(plane);
        last = fseg_active->pack->emit(&whole, counts);
    }
    counts[runs - 1] = area - last;
}

/* Whether a tile, one word of each of some lines, is of one colour when it is transposed. */
static inline int is_plain(const uint64_t *from, size_t words_from, size_t lines)
{
    uint64_t first = *from;
    if (first && (~first || lines < 64))
        return 0;
    uint64_t different = 0;
    size_t i = 0;
    for (; i + 8 <= lines && !different; i += 8)
        for (size_t k = i; k < i + 8; k++)
            different |= from[k * words_from] ^ first;
    for (; i < lines && !different; i++)
        different = from[i * words_from] ^ first;
    return !different;
}

/* Transpose up to 64 words, one of each line, to as many lines. */
static void transpose_tile(const uint64_t *from, size_t words_from, size_t lines_from, uint64_t *to,
                           size_t words_to, size_t lines_to)
{
    uint64_t tile[64];
    for (size_t i = 0; i < lines_from; i++)
        tile[i] = from[i * words_from];
    for (size_t i = lines_from; i < 64; i++)
        tile[i] = 0;
    fseg_active->pack->transpose(tile);
    for (size_t i = 0; i < lines_to; i++)
        to[i * words_to] = tile[i];
}

/* Write the same words to some lines. */
static inline void repeat(const uint64_t *words, size_t n, uint64_t *to, size_t words_to,
                          size_t lines)
{
    for (size_t i = 0; i < lines; i++)
        memcpy(to + i * words_to, words, n * sizeof *words);
}

/* Transpose one word of each of up to HEIGHT lines: first as if all tiles were of one colour, as
 * most tiles of most masks are, then those that are not. */
static void transpose_band(const uint64_t *from, size_t words_from, size_t lines_from, uint64_t *to,
                           size_t words_to, size_t lines_to)
{
    enum { TILES = HEIGHT / 64 };
    uint64_t words[TILES];
    unsigned mixed[TILES], n = 0;
    size_t tiles = (lines_from + 63) / 64;
    for (unsigned i = 0; i < tiles; i++) {
        const uint64_t *tile = from + 64 * i * words_from;
        words[i] = *tile;
        mixed[n] = i;
        n += !is_plain(tile, words_from, least(lines_from - 64 * i, 64));
    }
    if (tiles == TILES)
        repeat(words, TILES, to, words_to, lines_to);
    else
        repeat(words, tiles, to, words_to, lines_to);
    for (unsigned k = 0; k < n; k++) {
        size_t i = mixed[k];
        transpose_tile(from + 64 * i * words_from, words_from, least(lines_from - 64 * i, 64),
                       to + i, words_to, lines_to);
    }
}

void fseg_plane_transpose(const fseg_plane *from, const fseg_plane *to)
{
    for (size_t top = 0; top < from->lines; top += HEIGHT)
        for (size_t left = 0; left < from->length; left += 64)
            transpose_band(from->bits + top * from->words + left / 64, from->words,
                           least(from->lines - top, HEIGHT), to->bits + left * to->words + top / 64,
                           to->words, least(from->length - left, 64));
}
