/* Decoding, for one instruction set: whoever includes this defines TARGET, the attribute of its
 * functions, and
 *
 *     clear_words(words, n)           n words of zeros; may write up to 8 words more
 *     integrate(words, n, carry)      bit i of n words becomes the sum, modulo 2, of all bits up to
 *                                     it and of carry (0 or all ones); may write up to 8 words more
 *     marks_to_words(bytes, n, words) the highest bits of each of 64 n bytes, which become zero
 *     turn_lines(bits, pitch, n, tile) n <= 64 words bits[i * pitch], transposed, to 64 words
 *     sum_tile(tile, row)             transpose 64 words, then each becomes the sum, modulo 2, of
 *                                     those up to it and `row`; whether any bit was set before
 *     fill(pixels, n, size, value)    n elements of one value
 *     pattern_of(eight)               eight bytes, to write with
 *     write_run(pixels, bytes, of)    bytes > 0, whole elements
 *     expand(lines, pixels, target)   lines of bits to lines of pixels
 *     DENSE                           runs that are shorter on average are marked as bytes first
 *     ASK_EARLY                       memory is asked for pixels while changes are marked
 *
 * The positions where the colour changes are set as bits, which takes no branch that depends on the
 * length of a run; the sum of these bits up to a pixel, modulo 2, is its colour. */
#include "decode_common.h"

/* A block is worked on at a time: its words stay in the nearest cache. */
enum { BLOCK = 64, BLOCK_PIXELS = 64 * BLOCK, TILE = 64, MOST_TILES = 32 };

/* --- Marks ------------------------------------------------------------------------------------ */

/* Marks in one word are gathered in a register: a chain of stores and loads at one place would take
 * twice as long. The words marked are zero before. */
typedef struct {
    uint64_t *words;
    size_t step;
    size_t current;
    uint64_t word;
} marker;

static inline void mark(marker *marks, uint64_t position)
{
    size_t index = (size_t)(position >> 6);
#if FSEG_X86
    /* Compilers make a branch of it, that is mispredicted. */
    __asm__("cmp %[index], %[current]\n\t"
            "cmovne %[zero], %[word]\n\t"
            "btc %[position], %[word]"
            : [word] "+r"(marks->word)
            : [index] "r"(index), [current] "r"(marks->current), [zero] "r"(UINT64_C(0)),
              [position] "r"(position)
            : "cc");
#else
    uint64_t differ = index ^ marks->current;
    marks->word = (marks->word & (0 - (((differ - 1) & ~differ) >> 63)))
                  ^ UINT64_C(1) << (position & 63);
#endif
    marks->words[index * marks->step] = marks->word;
    marks->current = index;
}

static inline walk begin(const uint32_t *counts, size_t runs)
{
    walk walker = {counts[0], counts + 1, counts + runs, counts};
    return walker;
}

/* The colour before the next change: all ones if foreground. */
static inline uint64_t colour(const walk *walker)
{
    return 0 - (uint64_t)((walker->next - walker->counts - 1) & 1);
}

/* Skip the changes up to `start`, many at a time. */
TARGET static inline void skip_to(walk *walker, uint64_t start, const uint32_t *stop)
{
    enum { MANY = 16 };
    while (stop - walker->next > MANY) {
        uint32_t sum = 0;
        for (size_t i = 0; i < MANY; i++)
            sum += walker->next[i];
        if (walker->at + sum > start)
            break;
        walker->at += sum;
        walker->next += MANY;
    }
    while (walker->at <= start)
        walker->at += *walker->next++;
}

/* Mark all changes before start + n, positions counted from `start`. `pixels`, if not NULL, will
 * soon be written. */
TARGET static inline void mark_bits(walk *walker, uint64_t start, size_t n, uint64_t *words,
                                    const uint8_t *pixels, size_t size)
{
    marker marks = {words, 1, 0, 0};
    uint32_t at = (uint32_t)(walker->at - start);
    const uint32_t *next = walker->next;
    while (at < n) {
        mark(&marks, at);
        if (ASK_EARLY && pixels)
            ask(pixels + at * size);
        at += *next++;
        if (at >= n)
            break;
        mark(&marks, at);
        at += *next++;
    }
    walker->at = at + start;
    walker->next = next;
}

/* The same where runs are short: each mark is a byte of its own, so that none waits for another. */
TARGET static inline void mark_bytes(walk *walker, uint64_t start, size_t n, uint8_t *bytes)
{
    uint32_t at = (uint32_t)(walker->at - start);
    const uint32_t *next = walker->next;
    while (walker->stop - next >= 4) {
        uint32_t second = at + next[0], third = second + next[1], fourth = third + next[2];
        if (fourth >= n)
            break;
        bytes[at] = bytes[second] = bytes[third] = bytes[fourth] = 0x80;
        at = fourth + next[3];
        next += 4;
    }
    for (; at < n; at += *next++)
        bytes[at] = 0x80;
    walker->at = at + start;
    walker->next = next;
}

/* The bits of n <= BLOCK_PIXELS pixels from `start` on. `bytes` is NULL, or BLOCK_PIXELS zeros for
 * marks. */
TARGET static inline void block_bits(walk *walker, uint64_t start, size_t n, uint64_t *words,
                                     uint8_t *bytes, const uint8_t *pixels, size_t size)
{
    uint64_t carry = colour(walker);
    size_t count = words_of(n);
    if (bytes) {
        mark_bytes(walker, start, n, bytes);
        marks_to_words(bytes, count, words);
    } else {
        clear_words(words, count);
        mark_bits(walker, start, n, words, pixels, size);
    }
    integrate(words, count, carry);
}

static inline int is_dense(size_t runs, uint64_t area)
{
    return (uint64_t)runs * DENSE > area;
}

/* NULL, or the bytes, made zero, if that is faster. */
static inline uint8_t *marks_for(uint8_t *bytes, size_t runs, size_t area)
{
    if (!is_dense(runs, area))
        return NULL;
    memset(bytes, 0, BLOCK_PIXELS);
    return bytes;
}

/* --- Runs in the order of memory -------------------------------------------------------------- */

/* Write n pixels of one colour. */
TARGET static inline void write_uniform(uint8_t *pixels, size_t n, uint64_t foreground,
                                        const fseg_target *target)
{
    if (foreground || !target->paint)
        fill(pixels, n, target->size, target->value & foreground);
}

/* Number of pixels to write so that the next ones are at the start of a cache line. */
static inline size_t head_of(const uint8_t *pixels, size_t size)
{
    size_t bytes = (0 - (uintptr_t)pixels) & 63;
    return bytes % size ? 0 : bytes / size;
}

/* Write n pixels that follow each other in memory, from pixel `start` of the mask on. */
TARGET static void write_line(walk *walker, uint64_t start, size_t n, uint8_t *pixels,
                              const fseg_target *target, uint8_t *bytes)
{
    uint64_t words[BLOCK + 8];
    bit_lines line = {words, 1, 0, 1, 0, 0, 0};
    size_t head = n > BLOCK_PIXELS ? head_of(pixels, target->size) : 0;
    size_t most = BLOCK_PIXELS - 64 + head;
    for (size_t width; n; n -= width, start += width, pixels += width * target->size) {
        width = least(n, most);
        most = BLOCK_PIXELS;
        if (walker->at >= start + width) {
            if (walker->at >= start + n)
                width = n;
            else
                width += (size_t)(walker->at - start - width) / 64 * 64;
            write_uniform(pixels, width, colour(walker), target);
        } else {
            block_bits(walker, start, width, words, bytes, pixels, target->size);
            line.length = width;
            expand(&line, pixels, target);
        }
    }
}

/* --- Label maps --------------------------------------------------------------------------------
 *
 * Memory is gone over in parts that stay in the nearest cache: each is filled, and then every mask
 * writes what it has there. Masks below one that covers a part are left out; the next part finds
 * their runs. */

enum { PART = 1 << 14 }; /* bytes */

/* Whether the next runs of foreground are scattered pixels, as it seems from three. With a branch
 * for these, a third faster; at the edge of a shape, where there are such too, slower. */
static inline int are_dots(const walk *walker)
{
    const uint32_t *next = walker->next + (colour(walker) & 1);
    return walker->stop - next > 4 && next[0] == 1 && next[1] > 16 && next[2] == 1 && next[3] > 16
           && next[4] == 1;
}

/* Write the foreground of n pixels from `start` on, run by run. The next change is after `start`. */
TARGET static inline void write_runs(walk *walker, uint64_t start, size_t n, uint8_t *pixels,
                                     size_t size, uint64_t eight, const pattern *of)
{
    uint32_t at = (uint32_t)(walker->at - start);
    const uint32_t *next = walker->next;
    int dots = are_dots(walker);
    if (colour(walker)) {
        write_run(pixels, least(at, n) * size, of);
        if (at >= n)
            return;
        at += *next++;
    }
    for (; dots && at + 1 < n && *next == 1; next += 2) {
        memcpy(pixels + at * size, &eight, size);
        at += 1 + next[1];
    }
    while (at < n) {
        uint32_t run = *next++;
        if (FSEG_UNLIKELY(run >= n - at)) {
            write_run(pixels + at * size, (n - at) * size, of);
            at += run;
            break;
        }
        write_run(pixels + at * size, run * size, of);
        at += run + *next++;
    }
    walker->at = at + start;
    walker->next = next;
}

typedef struct {
    walk *walks;
    const uint64_t *values;
    size_t n;
    uint64_t background;
    uint64_t area;
    uint8_t *bytes; /* zeros for marks, if any mask is dense */
} layers;

/* Write the part of one mask. */
TARGET static inline void write_layer(const layers *of, size_t i, uint64_t start, size_t n,
                                      uint8_t *pixels, size_t size)
{
    walk *walker = &of->walks[i];
    if (is_dense((size_t)(walker->stop - walker->counts), of->area)) {
        fseg_target target = {NULL, 0, 0, 0, size, of->values[i], 1};
        write_line(walker, start, n, pixels, &target, of->bytes);
        return;
    }
    uint64_t eight = eight_bytes(size, of->values[i]);
    pattern elements_of = pattern_of(eight);
    switch (size) {
    case 1: write_runs(walker, start, n, pixels, 1, eight, &elements_of); break;
    case 2: write_runs(walker, start, n, pixels, 2, eight, &elements_of); break;
    case 4: write_runs(walker, start, n, pixels, 4, eight, &elements_of); break;
    default: write_runs(walker, start, n, pixels, 8, eight, &elements_of);
    }
}

/* Write n pixels that follow each other in memory, from pixel `start` of the masks on. */
TARGET static void write_layers(const layers *of, uint64_t start, size_t n, uint8_t *pixels,
                                size_t size)
{
    for (size_t width; n; n -= width, start += width, pixels += width * size) {
        uint64_t base = of->background;
        size_t i = of->n;
        width = least(n, PART / size);
        for (; i > 0; i--) {
            walk *walker = &of->walks[i - 1];
            if (walker->at <= start)
                skip_to(walker, start, walker->stop);
            if (walker->at >= start + width && colour(walker)) {
                base = of->values[i - 1];
                break;
            }
        }
        fill(pixels, width, size, base);
        for (; i < of->n; i++)
            if (of->walks[i].at < start + width || colour(&of->walks[i]))
                write_layer(of, i, start, width, pixels, size);
    }
}

TARGET static void decode_labels(const uint32_t *const *counts, const size_t *runs,
                                 const uint64_t *values, size_t n, uint64_t background,
                                 const fseg_target *target, void *scratch)
{
    size_t rows = target->rows, columns = target->columns;
    uint8_t bytes[BLOCK_PIXELS];
    layers all = {scratch, values, n, background, (uint64_t)rows * columns, bytes};
    if (target->stride == (ptrdiff_t)(columns * target->size)) {
        columns *= rows;
        rows = 1;
    }
    int any = 0;
    for (size_t i = 0; i < n; i++) {
        all.walks[i] = begin(counts[i], runs[i]);
        any |= is_dense(runs[i], all.area);
    }
    if (any)
        memset(bytes, 0, BLOCK_PIXELS);
    for (size_t y = 0; y < rows; y++)
        write_layers(&all, (uint64_t)y * columns, columns,
                     (uint8_t *)target->pixels + (ptrdiff_t)y * target->stride, target->size);
}

TARGET static void decode(const uint32_t *counts, size_t runs, const fseg_target *target)
{
    enum { LONG = 128 };
    size_t rows = target->rows, columns = target->columns;
    walk walks[1];
    /* With AVX2 1.8 times as fast for scattered pixels, 1.3 times for ellipses; with shorter runs it
     * is slower. */
    if ((uint64_t)runs * LONG <= (uint64_t)rows * columns && !target->paint) {
        decode_labels(&counts, &runs, &target->value, 1, 0, target, walks);
        return;
    }
    if (target->stride == (ptrdiff_t)(columns * target->size)) {
        columns *= rows;
        rows = 1;
    }
    uint8_t bytes[BLOCK_PIXELS], *marks = marks_for(bytes, runs, rows * columns);
    walk walker = begin(counts, runs);
    for (size_t y = 0; y < rows; y++)
        write_line(&walker, (uint64_t)y * columns, columns,
                   (uint8_t *)target->pixels + (ptrdiff_t)y * target->stride, target, marks);
}

/* --- Runs to planes --------------------------------------------------------------------------- */

/* Fill one line, from pixel `start` of the mask on. */
TARGET static inline void fill_line(walk *walker, uint64_t start, size_t n, uint64_t *bits,
                                    uint8_t *bytes)
{
    for (size_t width; n; n -= width, start += width, bits += words_of(width)) {
        width = least(n, BLOCK_PIXELS);
        if (walker->at >= start + width) {
            width = (size_t)(walker->at - start);
            width = width >= n ? n : width / 64 * 64;
            fill(bits, words_of(width), 8, colour(walker));
        } else {
            block_bits(walker, start, width, bits, bytes, NULL, 0);
        }
    }
}

TARGET static void plane_fill(const uint32_t *counts, size_t runs, const fseg_plane *plane)
{
    size_t lines = plane->lines, length = plane->length;
    uint8_t bytes[BLOCK_PIXELS], *marks = marks_for(bytes, runs, lines * length);
    if (length % 64 == 0) {
        length *= lines;
        lines = 1;
    }
    walk walker = begin(counts, runs);
    for (size_t i = 0, n; i < lines; i += n) {
        uint64_t *bits = plane->bits + i * plane->words, start = (uint64_t)i * length;
        n = 1;
        if (walker.at >= start + 2 * (uint64_t)length) {
            n = (size_t)((walker.at - start) / length);
            fill(bits, n * plane->words, 8, colour(&walker));
        } else {
            fill_line(&walker, start, length, bits, marks);
        }
        for (size_t j = 1; j <= n && length % 64; j++)
            bits[j * plane->words - 1] &= last_mask(length);
    }
}

/* --- Runs across the order of memory -----------------------------------------------------------
 *
 * Changes are marked down the columns: column x, row y is bit y % 64 of word x of the band y / 64,
 * and the 64 words of as many columns are a tile. Tiles are turned, so that row y of a band is made
 * of word y of its tiles, and summed down the rows on the way. Only the columns between the first
 * and the last one with foreground have words. */

typedef struct {
    size_t first;    /* column, a multiple of 64 */
    size_t columns;
    size_t rows;
    size_t pitch;    /* words from one band to the next; not a power of 2, for the cache */
    uint64_t *tops;  /* the colour before the first row, a bit for each column */
    uint64_t *words; /* the bands */
} canvas;

/* Leaving columns out costs a little for each row. */
enum { NARROW = 1024 };

static inline canvas canvas_of(const uint32_t *counts, size_t runs, const fseg_target *target,
                               uint64_t *scratch)
{
    uint64_t rows = target->rows, last = runs % 2 ? counts[runs - 1] : 0;
    canvas c = {0, target->columns, target->rows, 0, scratch, NULL};
    if (c.columns > NARROW) {
        size_t end = (size_t)((rows * c.columns - last + rows - 1) / rows);
        c.first = (size_t)(counts[0] / rows / 64 * 64);
        c.columns = least((end + 63) / 64 * 64, c.columns) - c.first;
    }
    c.pitch = words_of(c.columns) * TILE + 8;
    c.words = scratch + (words_of(c.columns) + 7) / 8 * 8;
    memset(scratch, 0, (size_t)(c.words - scratch + words_of(rows) * c.pitch) * sizeof *scratch);
    return c;
}

/* The columns after `from`, up to `to`, begin with foreground. */
static inline void mark_tops(const canvas *c, size_t from, size_t to)
{
    for (size_t x = from + 1; x <= to && x < c->columns; x++)
        c->tops[x / 64] |= UINT64_C(1) << x % 64;
}

/* Where a change is marked: row `row` of column `column`. */
typedef struct {
    size_t column;
    uint64_t row;
    marker marks;
} pen;

/* Make a row beyond the column one of a column further right. */
TARGET static inline void leave_column(pen *p, size_t rows)
{
    size_t columns = p->row < 2 * rows ? 1 : (size_t)(p->row / rows);
    p->column += columns;
    p->row -= columns * rows;
    p->marks.words += columns;
    p->marks.current = SIZE_MAX;
}

TARGET static void mark_columns(const uint32_t *counts, size_t runs, const canvas *c)
{
    const uint32_t *last = counts + runs - 1;
    pen p = {0, counts[0] - c->first * c->rows, {c->words, c->pitch, SIZE_MAX, 0}};
    if (p.row >= c->rows)
        leave_column(&p, c->rows);
    while (counts < last) {
        mark(&p.marks, p.row);
        p.row += *++counts;
        if (FSEG_UNLIKELY(p.row >= c->rows)) {
            size_t from = p.column;
            leave_column(&p, c->rows);
            mark_tops(c, from, p.column);
        }
        if (counts == last)
            break;
        mark(&p.marks, p.row);
        p.row += *++counts;
        if (p.row >= c->rows)
            leave_column(&p, c->rows);
    }
}

TARGET static void mark_dense_columns(const uint32_t *counts, size_t runs, const canvas *c,
                                      uint8_t *bytes)
{
    uint64_t words[BLOCK + 8];
    walk walker = begin(counts, runs);
    for (size_t x = 0; x < c->columns; x++) {
        uint64_t start = (uint64_t)(c->first + x) * c->rows;
        c->tops[x / 64] |= (colour(&walker) & 1) << x % 64;
        for (size_t y = 0, height; y < c->rows; y += height) {
            height = least(c->rows - y, BLOCK_PIXELS);
            mark_bytes(&walker, start + y, height, bytes);
            marks_to_words(bytes, words_of(height), words);
            for (size_t i = 0; i < words_of(height); i++)
                c->words[(y / 64 + i) * c->pitch + x] = words[i];
        }
    }
}

/* Turn and sum the tiles of a band; the words of `above` are the row above it. Return whether there
 * is any foreground. */
TARGET static inline int turn_band(const canvas *c, uint64_t *band, const uint64_t *above,
                                   size_t step)
{
    uint64_t any = 0;
    for (size_t i = 0; i < words_of(c->columns); i++) {
        uint64_t row = above[i * step];
        any |= sum_tile(band + i * TILE, row) | row;
    }
    return any != 0;
}

/* Whether there are so few pixels of foreground, and these so scattered, that it is faster to write
 * one by one: with one of 500 at random, 2 million pixels take a sixth of the time. */
static inline int is_scattered(const uint32_t *counts, size_t runs, uint64_t area)
{
    enum { FEW = 128 };
    uint64_t foreground = 0;
    if ((uint64_t)runs * FEW > area)
        return 0;
    for (size_t i = 1; i < runs; i += 2)
        foreground += counts[i];
    return foreground <= runs;
}

TARGET static inline void write_scattered(const uint32_t *counts, size_t runs,
                                          const fseg_target *target, size_t size)
{
    uint64_t eight = eight_bytes(size, target->value);
    uint32_t rows = (uint32_t)target->rows, at = 0;
    for (size_t i = 1; i < runs; i += 2) {
        at += counts[i - 1];
        for (uint32_t end = at + counts[i]; at < end; at++)
            memcpy((uint8_t *)target->pixels + (ptrdiff_t)(at % rows) * target->stride
                       + at / rows * size,
                   &eight, size);
    }
}

TARGET static void decode_scattered(const uint32_t *counts, size_t runs, const fseg_target *target)
{
    for (size_t y = 0; y < target->rows && !target->paint; y++)
        fill((uint8_t *)target->pixels + (ptrdiff_t)y * target->stride, target->columns,
             target->size, 0);
    switch (target->size) {
    case 1: write_scattered(counts, runs, target, 1); break;
    case 2: write_scattered(counts, runs, target, 2); break;
    case 4: write_scattered(counts, runs, target, 4); break;
    default: write_scattered(counts, runs, target, 8);
    }
}

TARGET static void decode_across(const uint32_t *counts, size_t runs, const fseg_target *target,
                                 uint64_t *scratch)
{
    if (is_scattered(counts, runs, (uint64_t)target->rows * target->columns)) {
        decode_scattered(counts, runs, target);
        return;
    }
    canvas c = canvas_of(counts, runs, target, scratch);
    bit_lines lines = {NULL, TILE, 1, 0, c.columns, c.first,
                       target->columns - c.first - c.columns};
    const uint64_t *above = c.tops;
    size_t step = 1;
    uint8_t bytes[BLOCK_PIXELS], *marks = marks_for(bytes, runs, c.rows * c.columns);
    if (marks)
        mark_dense_columns(counts, runs, &c, marks);
    else
        mark_columns(counts, runs, &c);
    for (size_t y = 0; y < c.rows; y += 64) {
        uint64_t *band = c.words + y / 64 * c.pitch;
        uint8_t *pixels = (uint8_t *)target->pixels + (ptrdiff_t)y * target->stride;
        lines.words = band;
        lines.lines = least(c.rows - y, 64);
        int any = turn_band(&c, band, above, step);
        above = band + TILE - 1;
        step = TILE;
        if (any || !target->paint)
            expand(&lines, pixels, target);
    }
}

/* --- Planes to pixels ------------------------------------------------------------------------- */

TARGET static void expand_rows(const fseg_plane *plane, const fseg_target *target)
{
    bit_lines lines = {plane->bits, 1, plane->words, plane->lines, plane->length, 0, 0};
    expand(&lines, target->pixels, target);
}

/* Expand word `word` of `columns` lines from `x` on. */
TARGET static void expand_tiles(const fseg_plane *plane, size_t word, size_t x, size_t columns,
                                const fseg_target *target)
{
    uint64_t tiles[MOST_TILES * TILE];
    for (size_t i = 0; i < columns; i += TILE)
        turn_lines(plane->bits + (x + i) * plane->words + word, plane->words,
                   least(columns - i, TILE), tiles + i);
    bit_lines lines = {tiles, TILE, 1, least(plane->length - word * 64, 64), columns, 0, 0};
    expand(&lines,
           (uint8_t *)target->pixels + (ptrdiff_t)(word * 64) * target->stride + x * target->size,
           target);
}

TARGET static void expand_columns(const fseg_plane *plane, const fseg_target *target)
{
    for (size_t word = 0; word < plane->words; word++)
        for (size_t x = 0; x < plane->lines; x += MOST_TILES * TILE)
            expand_tiles(plane, word, x, least(plane->lines - x, MOST_TILES * TILE), target);
}

/* --- Nearest neighbours ----------------------------------------------------------------------- */

/* For each source position, and their end, the first target position that takes its pixel from
 * there or later: i * to / from, rounded up. */
static void map_positions(size_t from, size_t to, uint32_t *first)
{
    uint64_t quotient = 0, rest = 0;
    for (size_t i = 0; i <= from; i++) {
        first[i] = (uint32_t)(quotient + (rest != 0));
        quotient += to / from;
        rest += to % from;
        quotient += rest >= from;
        rest -= rest >= from ? from : 0;
    }
}

TARGET static void plane_fill_resized(const uint32_t *counts, size_t runs, size_t lines,
                                      size_t length, const fseg_plane *plane, uint32_t *scratch)
{
    int mapped = length < FSEG_MOST_MAPPED;
    if (mapped)
        map_positions(length, plane->length, scratch);
    walk walker = begin(counts, runs);
    uint64_t before = UINT64_MAX;
    for (size_t i = 0; i < plane->lines; i++) {
        uint64_t *bits = plane->bits + i * plane->words;
        uint64_t line = (uint64_t)i * lines / plane->lines, start = line * length;
        if (line == before) {
            memcpy(bits, bits - plane->words, plane->words * sizeof *bits);
            continue;
        }
        before = line;
        if (walker.at < start)
            skip_to(&walker, start - 1, counts + runs);
        if (walker.at >= start + length) {
            fill(bits, plane->words, 8, colour(&walker));
        } else {
            uint64_t carry = colour(&walker);
            clear_words(bits, plane->words);
            /* Positions at the end of the line have their bits after it. */
            marker marks = {bits, 1, 0, 0};
            for (; walker.at < start + length; walker.at += *walker.next++) {
                uint64_t from = walker.at - start;
                mark(&marks,
                     mapped ? scratch[from] : (from * plane->length + length - 1) / length);
            }
            integrate(bits, plane->words, carry);
        }
        bits[plane->words - 1] &= last_mask(plane->length);
    }
}
