/* What packing with vectors of 16 or 32 bytes has in common. A version defines these, and then
 * includes this:
 *
 * VERSION      the attribute of a function of this instruction set, or nothing
 * COLUMNS      pixels of a row that bytes_<test> takes: 16 or 32
 * nan_flags    a type of vector; no_nan() makes an empty one, any_nan() tells whether it still is
 * fetch(pixels, ahead)
 *              fetches the line of the cache so many bytes on, which may lie outside the pixels
 * word_<test>(pixels, limit, nan)
 *              a bit for each of 64 pixels
 * bytes_<test>(pixels, rows, stride, limit, nan, bytes)
 *              up to eight rows of COLUMNS pixels to as many bytes
 * turn_columns(bytes, pitch, bits, words)
 *              eight groups of COLUMNS bytes to that many words
 * widen(bytes, first, numbers)
 *              eight bytes, each added to `first`, to eight elements
 * count_ones(byte)
 * nonzero_bytes(word)
 *              a bit for each of the eight bytes
 * nonzero_words(words)
 *              a bit for each of eight words */
#include <string.h>

#define AHEAD 4096 /* bytes: 1080p rows are packed 10 % faster than without */

static inline uint64_t first_bits(size_t n)
{
    return n < 64 ? (UINT64_C(1) << n) - 1 : ~UINT64_C(0);
}

/* --- rows as lines ---------------------------------------------------------------------------- */

#define PACK_ROWS(test, size)                                                                    \
    VERSION static inline uint64_t part_##test(const uint8_t *pixels, size_t n,                  \
                                               const fseg_limit *limit, nan_flags *nan)          \
    {                                                                                            \
        uint8_t part[64 * (size)] = {0};                                                         \
        memcpy(part, pixels, n * (size));                                                        \
        return word_##test(part, limit, nan) & first_bits(n);                                    \
    }                                                                                            \
                                                                                                 \
    VERSION static inline void pages_##test(const uint8_t *pixels, const fseg_limit *limit,      \
                                            nan_flags *nan, uint64_t *bits)                      \
    {                                                                                            \
        for (size_t i = 0; i < PAGE; i += 64 * (size), bits++)                                   \
            for (size_t page = 0; page < PAGES; page++) {                                        \
                const uint8_t *at = pixels + page * PAGE + i;                                    \
                for (size_t k = 0; k < (size); k++)                                              \
                    fetch(at + 64 * k, PAGES * PAGE);                                            \
                bits[page * (PAGE / 64 / (size))] = word_##test(at, limit, nan);                 \
            }                                                                                    \
    }                                                                                            \
                                                                                                 \
    VERSION static int rows_##test(const uint8_t *pixels, size_t rows, size_t columns,           \
                                   ptrdiff_t stride, const fseg_limit *limit, uint64_t *bits)    \
    {                                                                                            \
        nan_flags nan = no_nan();                                                                \
        for (size_t y = 0; y < rows; y++) {                                                      \
            const uint8_t *row = pixels + (ptrdiff_t)y * stride;                                 \
            size_t x = 0, pages = PAGES * PAGE / (size);                                         \
            for (; x + pages <= columns; x += pages, bits += pages / 64)                         \
                pages_##test(row + x * (size), limit, &nan, bits);                               \
            for (; x + 256 <= columns; x += 256, bits += 4) {                                    \
                for (ptrdiff_t i = 0; i < 256 * (ptrdiff_t)(size); i += 64)                      \
                    fetch(row + x * (size), AHEAD + i);                                          \
                bits[0] = word_##test(row + x * (size), limit, &nan);                            \
                bits[1] = word_##test(row + (x + 64) * (size), limit, &nan);                     \
                bits[2] = word_##test(row + (x + 128) * (size), limit, &nan);                    \
                bits[3] = word_##test(row + (x + 192) * (size), limit, &nan);                    \
            }                                                                                    \
            for (; x + 64 <= columns; x += 64)                                                   \
                *bits++ = word_##test(row + x * (size), limit, &nan);                            \
            if (x == columns)                                                                    \
                continue;                                                                        \
            if (x)                                                                               \
                *bits++ = word_##test(row + (columns - 64) * (size), limit, &nan)                \
                          >> (64 - columns % 64);                                                \
            else                                                                                 \
                *bits++ = part_##test(row, columns, limit, &nan);                                \
        }                                                                                        \
        return any_nan(nan);                                                                     \
    }

PACK_ROWS(nonzero_u8, 1)
PACK_ROWS(equal_u8, 1)
PACK_ROWS(above_f32, sizeof(float))
PACK_ROWS(above_f64, sizeof(double))

/* --- columns as lines ------------------------------------------------------------------------- */

#define PACK_GROUP(test, size)                                                                   \
    VERSION static int group_##test(const uint8_t *pixels, size_t rows, size_t columns,          \
                                    ptrdiff_t stride, const fseg_limit *limit, uint8_t *bytes)   \
    {                                                                                            \
        nan_flags nan = no_nan();                                                                \
        size_t x = 0;                                                                            \
        for (; x + COLUMNS <= columns; x += COLUMNS)                                             \
            if (rows == 8)                                                                       \
                bytes_##test(pixels + x * (size), 8, stride, limit, &nan, bytes + x);            \
            else                                                                                 \
                bytes_##test(pixels + x * (size), rows, stride, limit, &nan, bytes + x);         \
        if (x && x < columns) {                                                                  \
            x = columns - COLUMNS;                                                               \
            bytes_##test(pixels + x * (size), rows, stride, limit, &nan, bytes + x);             \
        } else if (x < columns) {                                                                \
            uint8_t part[8 * COLUMNS * (size)] = {0};                                            \
            for (size_t y = 0; y < rows; y++)                                                    \
                memcpy(part + y * COLUMNS * (size), pixels + (ptrdiff_t)y * stride,              \
                       columns * (size));                                                        \
            bytes_##test(part, rows, COLUMNS * (size), limit, &nan, bytes);                      \
        }                                                                                        \
        return any_nan(nan);                                                                     \
    }

PACK_GROUP(nonzero_u8, 1)
PACK_GROUP(equal_u8, 1)
PACK_GROUP(above_f32, sizeof(float))
PACK_GROUP(above_f64, sizeof(double))

VERSION static inline void turn_bands(const uint8_t *bytes, size_t pitch, size_t bands,
                                      uint64_t *bits, size_t words)
{
    for (size_t band = 0; band < bands; band++)
        turn_columns(bytes + 8 * band * pitch, pitch, bits + band, words);
}

VERSION static void turn(const uint8_t *bytes, size_t pitch, size_t columns, size_t bands,
                         uint64_t *bits, size_t words)
{
    size_t x = 0;
    for (; x + COLUMNS <= columns; x += COLUMNS)
        turn_bands(bytes + x, pitch, bands, bits + x * words, words);
    if (x == columns)
        return;
    if (x) {
        x = columns - COLUMNS;
        turn_bands(bytes + x, pitch, bands, bits + x * words, words);
        return;
    }
    for (size_t band = 0; band < bands; band++) {
        uint64_t part[COLUMNS];
        turn_columns(bytes + 8 * band * pitch, pitch, part, 1);
        for (size_t i = 0; i < columns; i++)
            bits[i * words + band] = part[i];
    }
}

/* --- planes to runs --------------------------------------------------------------------------- */

/* Words that are searched for changes at once, and changed ones that are written at once: 27 KiB of
 * stack in all. */
enum { CHUNK = 512, BATCH = 64 };

/* How the words of a chunk lie in the lines of a plane. */
typedef struct {
    uint64_t padding; /* bits between two lines */
    uint64_t inverse; /* of the words in a line, times 2^52 */
    uint64_t first;   /* position of the first pixel of the first line */
    uint64_t inside;  /* number of the first word in its line */
} layout;

VERSION static inline void find_changes(const uint64_t *FSEG_RESTRICT bits, size_t n,
                                        uint64_t before, uint64_t *FSEG_RESTRICT changes)
{
    changes[0] = bits[0] ^ (bits[0] << 1 | before >> 63);
    for (size_t i = 1; i < n; i++)
        changes[i] = bits[i] ^ (bits[i] << 1 | bits[i - 1] >> 63);
}

/* Take away the changes of fseg_padding_changes from words [first, first + n); there is room for
 * one more. */
static inline void drop_padding_changes(const fseg_plane *plane, size_t first, size_t n,
                                        uint64_t *changes)
{
    unsigned tail = (unsigned)(plane->length % 64);
    size_t words = plane->words, start = (first + words - 1) / words * words;
    if (tail == 0)
        return;
    for (; start <= first + n; start += words) {
        if (start == 0)
            continue;
        uint64_t one = plane->bits[start - 1] >> (tail - 1) & 1;
        if (start < plane->lines * words)
            one &= plane->bits[start];
        if (start > first)
            changes[start - 1 - first] ^= one << tail;
        changes[start - first] ^= one;
    }
}

/* Write the numbers of the words that are not zero; return how many. */
VERSION static inline size_t find_changed(const uint64_t *changes, size_t n, uint32_t *found)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i += 8) {
        unsigned some = nonzero_words(changes + i);
        widen(fseg_ones[some], (uint32_t)i, found + k);
        k += count_ones(some);
    }
    return k;
}

/* Bytes with changes: their numbers, and the positions of their first pixels. */
typedef struct {
    uint32_t bytes[8 * BATCH + 8];
    uint32_t starts[8 * BATCH + 8];
} changed_bytes;

/* Position of the first pixel of a word of the chunk. */
VERSION static inline uint32_t start_of(const layout *lines, uint32_t word)
{
    uint64_t at = lines->inside + word, gaps = at * lines->inverse >> 52;
    return (uint32_t)(lines->first + 64 * at - lines->padding * gaps);
}

/* Write the changed bytes of some words; return how many. */
VERSION static inline size_t find_changed_bytes(const uint64_t *changes, const uint32_t *found,
                                                size_t n, const layout *lines,
                                                changed_bytes *list)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t start = start_of(lines, found[i]);
        unsigned some = nonzero_bytes(changes[found[i]]);
        widen(fseg_ones[some], 8 * found[i], list->bytes + k);
        widen(fseg_ones[some] << 3, start, list->starts + k);
        k += count_ones(some);
    }
    return k;
}

/* Write the positions of the changes in some bytes; return how many. */
VERSION static inline size_t place(const uint64_t *changes, const changed_bytes *list,
                                   size_t n, uint32_t *positions)
{
    const uint8_t *bytes = (const uint8_t *)changes;
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned byte = bytes[list->bytes[i]];
        widen(fseg_ones[byte], list->starts[i], positions + k);
        k += count_ones(byte);
    }
    return k;
}

VERSION static inline uint32_t write_differences(const uint32_t *FSEG_RESTRICT positions, size_t n,
                                                 uint32_t last, uint32_t *FSEG_RESTRICT counts)
{
    counts[0] = positions[0] - last;
    for (size_t i = 1; i < n; i++)
        counts[i] = positions[i] - positions[i - 1];
    return positions[n - 1];
}

/* Whether hardly any word has more than one change, as where outlines are smooth. */
VERSION static inline int are_single(const uint64_t *changes, const uint32_t *found, size_t n)
{
    size_t more = 0;
    for (size_t i = 0; i < n; i++)
        more += (changes[found[i]] & (changes[found[i]] - 1)) != 0;
    return more <= n / 8;
}

/* Write the runs that end in such words, one by one; return their number. */
VERSION static inline size_t emit_singly(const uint64_t *changes, const uint32_t *found, size_t n,
                                         const layout *lines, uint32_t *last, uint32_t *counts)
{
    size_t emitted = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t start = start_of(lines, found[i]);
        for (uint64_t word = changes[found[i]]; word; word &= word - 1) {
            uint32_t position = start + fseg_ctz(word);
            counts[emitted++] = position - *last;
            *last = position;
        }
    }
    return emitted;
}

/* Write the runs that end in some words; return their number. */
VERSION static size_t emit_words(const uint64_t *changes, const uint32_t *found, size_t n,
                                 const layout *lines, uint32_t *last, uint32_t *counts)
{
    changed_bytes list;
    uint32_t positions[64 * BATCH + 8];
    size_t emitted = 0;
    for (size_t i = 0; i < n; i += BATCH) {
        size_t k = find_changed_bytes(changes, found + i, n - i < BATCH ? n - i : BATCH, lines,
                                      &list);
        k = place(changes, &list, k, positions);
        *last = write_differences(positions, k, *last, counts + emitted);
        emitted += k;
    }
    return emitted;
}

VERSION static uint32_t emit(const fseg_plane *plane, uint32_t *counts)
{
    uint64_t changes[CHUNK + 8];
    uint32_t found[CHUNK + 8];
    size_t words = plane->lines * plane->words;
    layout lines = {0, 0, 0, 0};
    if (plane->lines > 1) {
        lines.padding = 64 * plane->words - plane->length;
        lines.inverse = (UINT64_C(1) << 52) / plane->words + 1;
    }
    uint32_t last = 0;
    for (size_t i = 0; i < words; i += CHUNK) {
        size_t n = words - i < CHUNK ? words - i : CHUNK;
        find_changes(plane->bits + i, n, i ? plane->bits[i - 1] : 0, changes);
        drop_padding_changes(plane, i, n, changes);
        memset(changes + n, 0, 8 * sizeof *changes);
        lines.inside = i % plane->words;
        lines.first = i / plane->words * plane->length;
        n = find_changed(changes, n, found);
        if (are_single(changes, found, n))
            counts += emit_singly(changes, found, n, &lines, &last, counts);
        else
            counts += emit_words(changes, found, n, &lines, &last, counts);
    }
    return last;
}
