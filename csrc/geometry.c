/* Shapes of masks, as runs: bounds, moments, windows, flips; and the boundary of a plane.
 *
 * Nothing here looks at single pixels: a run that goes on over many lines is taken as the rest of
 * its first line, the whole lines, and the beginning of its last line. */
#include "faceseg.h"
#include "portable.h"

#include <string.h>

enum {
    BLOCK = 16, /* runs added up at a time, in vectors, by fseg_contains */
    CHUNK = 254 /* words in which fseg_plane_boundary looks for neighbours at a time */
};

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

/* The line of a pixel. Sparse masks end lines where no branch predictor foresees it, so there is
 * none. Exact: relative to itself, `pixel` + 0.5 is at least 2^-33 away from a multiple of the
 * length, and the roundings are under 2^-51. */
static inline uint64_t line_of(uint64_t pixel, double lines_per_pixel)
{
    return (uint64_t)(int64_t)(((double)(int64_t)pixel + 0.5) * lines_per_pixel);
}

int fseg_bounds(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                size_t *first_line, size_t *last_line, size_t *first_position,
                size_t *last_position)
{
    if (runs < 2)
        return 0;
    uint64_t start = counts[0], stop = (uint64_t)lines * length - (runs % 2 ? counts[runs - 1] : 0);
    uint64_t least = length, most = 0;
    *first_line = (size_t)(start / length);
    *last_line = (size_t)((stop - 1) / length);
    for (size_t i = 1; i < runs && (least > 0 || most < length); i += 2) {
        uint64_t position = start - line_of(start, 1.0 / (double)length) * length;
        uint64_t end = position + counts[i];
        least = position < least ? position : least;
        most = end > most ? end : most;
        if (FSEG_UNLIKELY(end > length)) {
            least = 0;
            most = length;
        }
        start += counts[i];
        if (i + 1 < runs)
            start += counts[i + 1];
    }
    *first_position = (size_t)least;
    *last_position = (size_t)most - 1;
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
    uint64_t line_sum = 0, position_sum = 0, start = 0;
    for (size_t i = 1; i < runs; i += 2) {
        start += counts[i - 1];
        uint64_t line = line_of(start, 1.0 / (double)length), position = start - line * length;
        uint64_t n = counts[i], rest = length - position;
        if (FSEG_LIKELY(n <= rest)) {
            line_sum += n * line;
            position_sum += sum_from(position, n);
        } else {
            uint64_t whole = (n - rest) / length, tail = (n - rest) % length;
            line_sum += rest * line + length * sum_from(line + 1, whole);
            line_sum += tail * (line + 1 + whole);
            position_sum += sum_from(position, rest) + whole * sum_from(0, length);
            position_sum += sum_from(0, tail);
        }
        start += n;
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

/* n words that have lines above and below. `near` holds the words that left and right neighbours
 * are taken from, and one more at each end. */
static void boundary_cross(const uint64_t *up, const uint64_t *down, const uint64_t *near, size_t n,
                           uint64_t *to)
{
    for (size_t w = 0; w < n; w++) {
        uint64_t at = near[w + 1];
        uint64_t left = at << 1 | near[w] >> 63, right = at >> 1 | near[w + 2] << 63;
        to[w] = at & ~(up[w] & down[w] & left & right);
    }
}

static void boundary_square(const uint64_t *at, const uint64_t *near, size_t n, uint64_t *to)
{
    for (size_t w = 0; w < n; w++) {
        uint64_t all = near[w + 1];
        uint64_t left = all << 1 | near[w] >> 63, right = all >> 1 | near[w + 2] << 63;
        to[w] = at[w] & ~(all & left & right);
    }
}

/* All lines but the first and the last, of n words together, as if they were one line. */
static void boundary_inside(const uint64_t *at, size_t words, size_t n, int square, uint64_t *to)
{
    uint64_t near[CHUNK + 2];
    const uint64_t *up = at - words, *down = at + words;
    for (size_t from = 0; from < n; from += CHUNK) {
        size_t here = n - from < CHUNK ? n - from : CHUNK;
        size_t first = from ? from - 1 : 0, end = from + here < n ? from + here + 1 : n;
        near[0] = near[here + 1] = 0;
        uint64_t *place = near + 1 - (from - first);
        if (square) {
            for (size_t w = first; w < end; w++)
                place[w - first] = up[w] & at[w] & down[w];
            boundary_square(at + from, near, here, to + from);
        } else {
            memcpy(place, at + first, (end - first) * sizeof *at);
            boundary_cross(up + from, down + from, near, here, to + from);
        }
    }
}

/* The first and the last pixel of each line, which have the edge of the image beside them. A gap
 * after the line makes this unnecessary. */
static void boundary_ends(const uint64_t *at, size_t words, size_t lines, uint64_t *to)
{
    for (; lines; lines--, at += words, to += words) {
        to[0] |= at[0] & 1;
        to[words - 1] |= at[words - 1] & UINT64_C(1) << 63;
    }
}

void fseg_plane_boundary(const fseg_plane *from, int connectivity, const fseg_plane *to)
{
    size_t words = from->words, last = from->lines ? (from->lines - 1) * words : 0;
    if (!from->lines || !words)
        return;
    if (from->lines > 2)
        boundary_inside(from->bits + words, words, last - words, connectivity == 8,
                        to->bits + words);
    if (from->length % 64 == 0)
        boundary_ends(from->bits, words, from->lines, to->bits);
    memcpy(to->bits, from->bits, words * sizeof *to->bits); /* no erosion leaves a pixel here */
    memcpy(to->bits + last, from->bits + last, words * sizeof *to->bits);
}
