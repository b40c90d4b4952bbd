/* Shapes of masks, as runs: bounds, moments, windows, flips; and the boundary of a plane.
 *
 * Nothing here looks at single pixels: a run that goes on over many lines is taken as the rest of
 * its first line, the whole lines, and the beginning of its last line. */
#include "faceseg.h"
#include "portable.h"

enum { BLOCK = 16 }; /* runs added up at a time, in vectors, by fseg_contains */

/* A place in a mask, by line and position, without a division for each run. */
typedef struct {
    uint64_t line;
    uint64_t position;
} place;

static inline place advance(place at, uint32_t by, uint64_t length)
{
    at.position += by;
    if (at.position >= length) {
        at.position -= length;
        at.line++;
        if (FSEG_UNLIKELY(at.position >= length)) {
            at.line += at.position / length;
            at.position %= length;
        }
    }
    return at;
}

int fseg_bounds(const uint32_t *counts, size_t runs, size_t length, size_t *first_line,
                size_t *last_line, size_t *first_position, size_t *last_position)
{
    if (runs < 2)
        return 0;
    place at = advance((place){0, 0}, counts[0], length);
    uint64_t least = length - 1, most = 0, line = at.line, last = at.line;
    for (size_t i = 1; i < runs; i += 2) {
        place end = advance(at, counts[i] - 1, length);
        last = end.line;
        uint64_t low = at.line == end.line ? at.position : 0;
        uint64_t high = at.line == end.line ? end.position : length - 1;
        least = low < least ? low : least;
        most = high > most ? high : most;
        if (i + 1 < runs) /* from the last pixel of this run to the first one of the next */
            at = advance(advance(end, 1, length), counts[i + 1], length);
    }
    *first_line = (size_t)line;
    *last_line = (size_t)last;
    *first_position = (size_t)least;
    *last_position = (size_t)most;
    return 1;
}

/* Sum of n successive integers from `first` on. */
static inline uint64_t sum_from(uint64_t first, uint64_t n)
{
    return n ? n * (2 * first + n - 1) / 2 : 0;
}

/* Both sums are under area * (lines or length) / 2, thus under 2^63: exact until the last step. */
void fseg_moments(const uint32_t *counts, size_t runs, size_t length, double *lines,
                  double *positions)
{
    uint64_t line_sum = 0, position_sum = 0;
    place at = {0, 0};
    for (size_t i = 1; i < runs; i += 2) {
        at = advance(at, counts[i - 1], length);
        uint64_t n = counts[i], rest = length - at.position;
        if (FSEG_LIKELY(n <= rest)) {
            line_sum += n * at.line;
            position_sum += sum_from(at.position, n);
        } else {
            uint64_t whole = (n - rest) / length, tail = (n - rest) % length;
            line_sum += rest * at.line + length * sum_from(at.line + 1, whole);
            line_sum += tail * (at.line + 1 + whole);
            position_sum += sum_from(at.position, rest) + whole * sum_from(0, length);
            position_sum += sum_from(0, tail);
        }
        at = advance(at, counts[i], length);
    }
    *lines = (double)line_sum;
    *positions = (double)position_sum;
}

int fseg_contains(const uint32_t *counts, size_t runs, size_t at)
{
    uint64_t left = at;
    size_t i = 0;
    for (; runs - i >= BLOCK; i += BLOCK) {
        uint64_t sum = 0;
        for (size_t k = 0; k < BLOCK; k++)
            sum += counts[i + k];
        if (sum > left)
            break;
        left -= sum;
    }
    for (; i < runs; i++) {
        if (counts[i] > left)
            return (int)(i & 1);
        left -= counts[i];
    }
    return 0;
}

/* Runs being written; pieces of one value that follow each other become one run. */
typedef struct {
    uint32_t *counts;
    size_t runs;
    uint64_t pixels;
} writer;

static inline writer begin(uint32_t *counts)
{
    counts[0] = 0;
    return (writer){counts, 1, 0};
}

static inline void put(writer *to, unsigned value, uint64_t pixels)
{
    if (!pixels)
        return;
    if (((to->runs - 1) & 1) == value)
        to->counts[to->runs - 1] += (uint32_t)pixels;
    else
        to->counts[to->runs++] = (uint32_t)pixels;
    to->pixels += pixels;
}

/* Foreground from pixel `start` on, background before it. */
static inline void put_span(writer *to, uint64_t start, uint64_t pixels)
{
    put(to, 0, start - to->pixels);
    put(to, 1, pixels);
}

static inline size_t least_room(uint64_t room, uint64_t area)
{
    return (size_t)(room < area + 1 ? room : area + 1);
}

/* Each run gives one piece, and one more for each line end inside it. */
size_t fseg_window_room(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                        size_t new_lines, size_t new_length)
{
    (void)counts;
    (void)length;
    uint64_t split = lines < new_lines ? lines : new_lines;
    return least_room((uint64_t)runs + 2 * split + 2, (uint64_t)new_lines * new_length);
}

/* The part of a mask that is in a window: lines [top, bottom) and positions [left, right) of the
 * mask; its first pixel is pixel `offset` of the result. */
typedef struct {
    uint64_t top, bottom, left, right;
    uint64_t offset;
    uint64_t new_length;
} cut;

static inline void put_line(writer *to, const cut *part, uint64_t line, uint64_t low, uint64_t high)
{
    low = low > part->left ? low : part->left;
    high = high < part->right ? high : part->right;
    if (low < high && line >= part->top)
        put_span(to, part->offset + (line - part->top) * part->new_length + (low - part->left),
                 high - low);
}

/* Whole lines [first, last) of foreground. */
static void put_lines(writer *to, const cut *part, uint64_t first, uint64_t last)
{
    first = first > part->top ? first : part->top;
    last = last < part->bottom ? last : part->bottom;
    if (first >= last)
        return;
    uint64_t width = part->right - part->left;
    if (width == part->new_length)
        put_span(to, part->offset + (first - part->top) * width, (last - first) * width);
    else
        for (; first < last; first++)
            put_line(to, part, first, part->left, part->right);
}

static void put_cut(writer *to, const cut *part, const uint32_t *counts, size_t runs,
                    uint64_t length)
{
    place at = {0, 0};
    for (size_t i = 1; i < runs; i += 2) {
        at = advance(at, counts[i - 1], length);
        if (at.line >= part->bottom)
            return;
        uint64_t n = counts[i], rest = length - at.position;
        if (FSEG_LIKELY(n <= rest)) {
            put_line(to, part, at.line, at.position, at.position + n);
        } else {
            uint64_t last = at.line + 1 + (n - rest) / length;
            put_line(to, part, at.line, at.position, length);
            put_lines(to, part, at.line + 1, last);
            if (last < part->bottom)
                put_line(to, part, last, 0, (n - rest) % length);
        }
        at = advance(at, counts[i], length);
    }
}

/* Clip one axis: [*from, *to) is what is left of n pixels in a window of new_n that begins at
 * `start`, and the window's index of *from is returned. */
static uint64_t clip(ptrdiff_t start, uint64_t n, uint64_t new_n, uint64_t *from, uint64_t *to)
{
    uint64_t before = start < 0 ? 0 - (uint64_t)start : 0;
    uint64_t skipped = start < 0 ? 0 : (uint64_t)start;
    *from = *to = 0;
    if (before >= new_n || skipped >= n)
        return 0;
    *from = skipped;
    *to = n - skipped < new_n - before ? n : skipped + (new_n - before);
    return before;
}

size_t fseg_window(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                   ptrdiff_t line, ptrdiff_t position, size_t new_lines, size_t new_length,
                   uint32_t *result)
{
    cut part = {.new_length = new_length};
    uint64_t above = clip(line, lines, new_lines, &part.top, &part.bottom);
    uint64_t before = clip(position, length, new_length, &part.left, &part.right);
    part.offset = above * new_length + before;
    writer to = begin(result);
    if (part.top < part.bottom && part.left < part.right)
        put_cut(&to, &part, counts, runs, length);
    put(&to, 0, (uint64_t)new_lines * new_length - to.pixels);
    return to.runs;
}

size_t fseg_flip_room(const uint32_t *counts, size_t runs, size_t lines, size_t length)
{
    (void)counts;
    return least_room((uint64_t)runs + lines + 1, (uint64_t)lines * length);
}

/* Runs read from either end. */
typedef struct {
    const uint32_t *counts;
    size_t runs;
    int backward;
} reader;

static inline size_t index_of(const reader *from, size_t i)
{
    return from->backward ? from->runs - 1 - i : i;
}

/* The pixels of each line in opposite order. A line is read forward, up to the run that reaches its
 * end, and written backward. */
static void put_mirrored(writer *to, const reader *from, uint64_t length)
{
    size_t first = 0;
    uint64_t used = 0; /* pixels of run `first` that belong to earlier lines */
    while (first < from->runs) {
        size_t last = first;
        uint64_t room = length, n = from->counts[index_of(from, first)] - used;
        while (n < room && last + 1 < from->runs) {
            room -= n;
            n = from->counts[index_of(from, ++last)];
        }
        uint64_t part = n < room ? n : room;
        if (last > first) {
            put(to, index_of(from, last) & 1, part);
            for (size_t i = last - 1; i > first; i--)
                put(to, index_of(from, i) & 1, from->counts[index_of(from, i)]);
            put(to, index_of(from, first) & 1, from->counts[index_of(from, first)] - used);
            used = part;
        } else { /* all whole lines of this run at once */
            part = n < length ? n : n - n % length;
            put(to, index_of(from, first) & 1, part);
            used += part;
        }
        first = last;
        if (used == from->counts[index_of(from, last)]) {
            first++;
            used = 0;
        }
    }
}

size_t fseg_flip(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                 int within_lines, int of_lines, uint32_t *result)
{
    (void)lines;
    reader from = {counts, runs, of_lines};
    writer to = begin(result);
    if (!within_lines == !of_lines || !length)
        for (size_t i = 0; i < runs; i++)
            put(&to, index_of(&from, i) & 1, counts[index_of(&from, i)]);
    else
        put_mirrored(&to, &from, length);
    return to.runs;
}

/* Bits of the word of line `line` and place w, 0 beyond the plane. */
static inline uint64_t word_at(const fseg_plane *plane, ptrdiff_t line, ptrdiff_t w)
{
    if (line < 0 || (size_t)line >= plane->lines || w < 0 || (size_t)w >= plane->words)
        return 0;
    return plane->bits[(size_t)line * plane->words + (size_t)w];
}

static inline uint64_t column_at(const fseg_plane *plane, ptrdiff_t line, ptrdiff_t w)
{
    return word_at(plane, line - 1, w) & word_at(plane, line, w) & word_at(plane, line + 1, w);
}

/* One word at an edge of the plane. */
static uint64_t boundary_at(const fseg_plane *from, int square, ptrdiff_t line, ptrdiff_t w)
{
    uint64_t (*take)(const fseg_plane *, ptrdiff_t, ptrdiff_t) = square ? column_at : word_at;
    uint64_t middle = take(from, line, w);
    uint64_t left = middle << 1 | take(from, line, w - 1) >> 63;
    uint64_t right = middle >> 1 | take(from, line, w + 1) << 63;
    return word_at(from, line, w) & ~(column_at(from, line, w) & left & right);
}

/* Words of a line that have words on all sides; compilers make vectors of these loops. */
static void boundary_cross(const uint64_t *up, const uint64_t *at, const uint64_t *down, size_t n,
                           uint64_t *FSEG_RESTRICT to)
{
    for (size_t w = 1; w < n; w++) {
        uint64_t left = at[w] << 1 | at[w - 1] >> 63, right = at[w] >> 1 | at[w + 1] << 63;
        to[w] = at[w] & ~(up[w] & down[w] & left & right);
    }
}

static void boundary_square(const uint64_t *up, const uint64_t *at, const uint64_t *down, size_t n,
                            uint64_t *FSEG_RESTRICT to)
{
    for (size_t w = 1; w < n; w++) {
        uint64_t middle = up[w] & at[w] & down[w];
        uint64_t left = middle << 1 | (up[w - 1] & at[w - 1] & down[w - 1]) >> 63;
        uint64_t right = middle >> 1 | (up[w + 1] & at[w + 1] & down[w + 1]) << 63;
        to[w] = at[w] & ~(middle & left & right);
    }
}

void fseg_plane_boundary(const fseg_plane *from, int connectivity, const fseg_plane *to)
{
    int square = connectivity == 8;
    size_t words = from->words;
    for (size_t line = 0; line < from->lines && words; line++) {
        const uint64_t *at = from->bits + line * words;
        uint64_t *out = to->bits + line * words;
        ptrdiff_t here = (ptrdiff_t)line;
        out[0] = boundary_at(from, square, here, 0);
        out[words - 1] = boundary_at(from, square, here, (ptrdiff_t)words - 1);
        if (line == 0 || line + 1 == from->lines)
            for (size_t w = 1; w + 1 < words; w++) /* no erosion leaves a pixel here */
                out[w] = at[w];
        else if (square)
            boundary_square(at - words, at, at + words, words - 1, out);
        else
            boundary_cross(at - words, at, at + words, words - 1, out);
    }
}
