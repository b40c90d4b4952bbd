/* Polygons to runs, and runs to the outlines of a mask.
 *
 * To runs: pycocotools rounds the vertices to a grid of fifths of a pixel, walks along each edge in
 * steps of its longer axis, and starts or ends a run of column c wherever the walk goes between the
 * grid's columns 5 c + 2 and 5 c + 3. Here only those places are looked for: one for each column
 * that an edge crosses, from the same sums and roundings, however long the walk would be.
 *
 * To outlines: corners are found between each line and the one before, where one of both changes
 * its value and the other does not. Along such a border, successive corners are joined in pairs;
 * across lines, a corner is joined to the next at the same position. So each corner has one next
 * corner. */
#include "faceseg.h"
#include "portable.h"
#include "status.h"

#include <string.h>

enum {
    SCALE = 5,        /* grid columns in a pixel */
    BEFORE = 2,       /* the grid column of a pixel before its border is crossed */
    WORDS_A_START = 8 /* so many words are scanned in the time in which one start is sorted */
};

/* --- polygons to runs ------------------------------------------------------------------------- */

/* A vertex on the grid: rounded, as pycocotools does, towards 0 after adding a half. */
static inline int64_t to_grid(double coordinate)
{
    double scaled = SCALE * coordinate;
    return (int64_t)(scaled + .5);
}

/* Columns [first, last) whose border an edge crosses. */
typedef struct {
    int64_t first, last;
} span;

static inline span columns_between(int64_t a, int64_t b, int64_t columns)
{
    int64_t low = a < b ? a : b, high = a < b ? b : a;
    span s;
    s.first = low <= BEFORE ? 0 : (low - BEFORE + SCALE - 1) / SCALE;
    s.last = high <= BEFORE ? 0 : (high - BEFORE - 1) / SCALE + 1;
    s.last = s.last < columns ? s.last : columns;
    return s;
}

/* An edge, the two ends in rising order of the axis along which it is longer. */
typedef struct {
    int64_t x, y;
    int64_t steps; /* of the walk */
    double slope;  /* of the shorter axis, in a step */
} edge;

static inline int64_t walk(int64_t from, double slope, int64_t step)
{
    /* Apart, so that no compiler joins them into one rounding. */
    double rise = slope * (double)step;
    double at = (double)from + rise;
    return (int64_t)(at + .5);
}

static edge make_edge(int64_t xs, int64_t ys, int64_t xe, int64_t ye)
{
    int64_t dx = xe > xs ? xe - xs : xs - xe, dy = ye > ys ? ye - ys : ys - ye;
    int flip = dx >= dy ? xs > xe : ys > ye;
    edge e = {flip ? xe : xs, flip ? ye : ys, dx >= dy ? dx : dy, 0};
    int64_t rise = dx >= dy ? ye - ys : xe - xs;
    e.slope = (double)(flip ? -rise : rise) / (double)e.steps;
    return e;
}

/* Pixel row at which the run of a column starts or ends, from the higher one of the two places of
 * the walk. */
static inline uint64_t to_row(int64_t y, uint64_t rows)
{
    uint64_t row = y < 0 ? 0 : ((uint64_t)y + SCALE - 1 - BEFORE) / SCALE;
    return row < rows ? row : rows;
}

/* Row of the start in a column, of an edge that is wider than high. */
static inline uint64_t flat_start(const edge *e, int64_t column, uint64_t rows)
{
    int64_t step = SCALE * column + BEFORE - e->x;
    int64_t a = walk(e->y, e->slope, step), b = walk(e->y, e->slope, step + 1);
    return to_row(a < b ? a : b, rows);
}

/* The same of an edge that is higher than wide: the first step at the other side of the border is
 * guessed, and then corrected, since the walk itself is rounded. */
static inline uint64_t steep_start(const edge *e, double steps_a_column, int64_t column,
                                   uint64_t rows)
{
    int64_t border = SCALE * column + BEFORE + 1;
    int rising = e->slope > 0;
    double guess = ((double)(border - e->x) - .5) * steps_a_column;
    int64_t step = guess < 1 ? 1 : guess > (double)e->steps ? e->steps : (int64_t)guess;
    while (step > 1 && (walk(e->x, e->slope, step - 1) >= border) == rising)
        step--;
    while (step < e->steps && (walk(e->x, e->slope, step) >= border) != rising)
        step++;
    return to_row(e->y + step - 1, rows);
}

/* Where the starts go: bits, one for each pixel from `base` on, or numbers. */
typedef struct {
    uint64_t *bits;
    uint32_t *numbers;
    size_t n;
    uint64_t base;
} starts;

static inline void add_start(starts *to, uint64_t at)
{
    if (to->bits)
        to->bits[(at - to->base) / 64] ^= UINT64_C(1) << ((at - to->base) % 64);
    else
        to->numbers[to->n++] = (uint32_t)at;
}

static void add_edge(starts *to, int64_t xs, int64_t ys, int64_t xe, int64_t ye, uint64_t rows,
                     int64_t columns)
{
    span s = columns_between(xs, xe, columns);
    if (s.first >= s.last)
        return;
    edge e = make_edge(xs, ys, xe, ye);
    double steps_a_column = 1 / e.slope; /* infinite if unused */
    int64_t dx = xe > xs ? xe - xs : xs - xe;
    int flat = dx == e.steps;
    for (int64_t column = s.first; column < s.last; column++) {
        uint64_t row = flat ? flat_start(&e, column, rows)
                            : steep_start(&e, steps_a_column, column, rows);
        add_start(to, (uint64_t)column * rows + row);
    }
}

/* What a polygon will take. */
typedef struct {
    uint64_t starts;
    uint64_t base; /* first pixel of its columns */
    uint64_t bits; /* pixels of its columns, and one */
    int sorted;    /* whether starts are sorted, not marked as bits */
} plan;

static plan make_plan(const double *xy, size_t vertices, size_t rows, size_t columns)
{
    plan p = {0, 0, 0, 0};
    int64_t first = INT64_MAX, last = 0;
    int64_t x = vertices ? to_grid(xy[2 * (vertices - 1)]) : 0;
    for (size_t i = 0; i < vertices; i++) {
        int64_t next = to_grid(xy[2 * i]);
        span s = columns_between(x, next, (int64_t)columns);
        x = next;
        if (s.first >= s.last)
            continue;
        p.starts += (uint64_t)(s.last - s.first);
        first = s.first < first ? s.first : first;
        last = s.last > last ? s.last : last;
    }
    if (!p.starts || !rows)
        return (plan){0, 0, 0, 0};
    p.base = (uint64_t)first * rows;
    p.bits = (uint64_t)(last - first) * rows + 1;
    p.sorted = p.bits / 64 / WORDS_A_START > p.starts;
    return p;
}

/* Whether a coordinate can be used; not so for NaN. */
static inline int is_near(double coordinate)
{
    return coordinate >= -FSEG_FURTHEST && coordinate <= FSEG_FURTHEST;
}

fseg_status fseg_polygon_rooms(const double *xy, size_t vertices, size_t rows, size_t columns,
                               size_t *counts_room, size_t *scratch_room, fseg_fault *fault)
{
    if (columns && rows > UINT32_MAX / columns)
        return fail(fault, FSEG_TOO_LARGE, 0, (int64_t)rows, (int64_t)(UINT32_MAX / columns));
    for (size_t i = 0; i < 2 * vertices; i++)
        if (!is_near(xy[i]))
            return fail(fault, FSEG_BAD_VERTEX, i / 2, (int64_t)(i % 2), (int64_t)FSEG_FURTHEST);
    plan p = make_plan(xy, vertices, rows, columns);
    *counts_room = (size_t)(p.starts < p.bits ? p.starts : p.bits) + 1;
    *scratch_room = (size_t)(p.sorted ? p.starts : (p.bits + 63) / 64);
    return FSEG_OK;
}

/* Sort n numbers, by bytes from the lowest up; `spare` has room for as many. */
static void sort_numbers(uint32_t *numbers, uint32_t *spare, size_t n)
{
    for (int shift = 0; shift < 32; shift += 8) {
        size_t before[256] = {0}, sum = 0;
        for (size_t i = 0; i < n; i++)
            before[numbers[i] >> shift & 255]++;
        for (int byte = 0; byte < 256; byte++) {
            size_t here = before[byte];
            before[byte] = sum;
            sum += here;
        }
        for (size_t i = 0; i < n; i++)
            spare[before[numbers[i] >> shift & 255]++] = numbers[i];
        uint32_t *sorted = spare;
        spare = numbers;
        numbers = sorted;
    }
}

/* Runs from starts in rising order. */
typedef struct {
    uint32_t *counts;
    size_t runs;
    uint64_t last;
} runs_so_far;

static inline void put_start(runs_so_far *to, uint64_t at)
{
    to->counts[to->runs++] = (uint32_t)(at - to->last);
    to->last = at;
}

/* Two starts at one place are none. */
static void put_numbers(runs_so_far *to, const starts *from, uint64_t area)
{
    for (size_t i = 0; i < from->n; i++)
        if (i + 1 < from->n && from->numbers[i] == from->numbers[i + 1])
            i++;
        else if (from->numbers[i] < area)
            put_start(to, from->numbers[i]);
}

static void put_bits(runs_so_far *to, const starts *from, uint64_t words, uint64_t area)
{
    for (uint64_t w = 0; w < words; w++)
        for (uint64_t word = from->bits[w]; word; word &= word - 1) {
            uint64_t at = from->base + 64 * w + fseg_ctz(word);
            if (at < area)
                put_start(to, at);
        }
}

size_t fseg_polygon(const double *xy, size_t vertices, size_t rows, size_t columns,
                    uint32_t *counts, uint64_t *scratch)
{
    uint64_t area = (uint64_t)rows * columns;
    plan p = make_plan(xy, vertices, rows, columns);
    uint64_t words = (p.bits + 63) / 64;
    starts found = {.base = p.base};
    if (p.sorted)
        found.numbers = (uint32_t *)scratch;
    else
        found.bits = memset(scratch, 0, words * sizeof *scratch);
    for (size_t i = 0; i < vertices && p.starts; i++) {
        const double *a = xy + 2 * i, *b = i + 1 < vertices ? a + 2 : xy;
        add_edge(&found, to_grid(a[0]), to_grid(a[1]), to_grid(b[0]), to_grid(b[1]), rows,
                 (int64_t)columns);
    }
    runs_so_far to = {counts, 0, 0};
    if (p.sorted) {
        sort_numbers(found.numbers, found.numbers + found.n, found.n);
        put_numbers(&to, &found, area);
    } else {
        put_bits(&to, &found, words, area);
    }
    if (to.last < area || !area)
        put_start(&to, area);
    return to.runs;
}

void fseg_box(const double box[4], double xy[8])
{
    double left = box[0], right = left + box[2], top = box[1], bottom = top + box[3];
    const double corners[8] = {left, top, left, bottom, right, bottom, right, top};
    memcpy(xy, corners, sizeof corners);
}

/* --- runs to outlines ------------------------------------------------------------------------- */

#define NOWHERE UINT64_MAX

/* Reads the changes of a mask: the first pixel of each run, and the first one after it. */
typedef struct {
    const uint32_t *counts;
    size_t runs;
    size_t i;            /* of the foreground run in hand */
    uint64_t start, end; /* what is left of it; NOWHERE after the last one */
    int inside;          /* its start has been read */
} reader;

static inline void take_run(reader *at, uint64_t position)
{
    int there = at->i < at->runs;
    at->start = there ? position + at->counts[at->i - 1] : NOWHERE;
    at->end = there ? at->start + at->counts[at->i] : NOWHERE;
    at->inside = 0;
}

static reader read_changes(const uint32_t *counts, size_t runs)
{
    reader at = {counts, runs, 1, 0, 0, 0};
    take_run(&at, 0);
    return at;
}

/* Position of the next change in the line of pixels [from, to), or NOWHERE. */
static inline uint64_t next_change(const reader *at, uint64_t from, uint64_t to)
{
    if (at->start >= to)
        return NOWHERE;
    if (!at->inside)
        return at->start - from;
    return (at->end < to ? at->end : to) - from;
}

static inline void pass_change(reader *at, uint64_t to)
{
    if (!at->inside) {
        at->inside = 1;
    } else if (at->end > to) {
        at->start = to;
        at->inside = 0;
    } else {
        at->i += 2;
        take_run(at, at->end);
    }
}

typedef struct {
    uint32_t x, y;
    uint32_t next; /* along the outline */
} corner;

#define PASSED UINT32_MAX /* no corner's number */

/* The corners found so far, or only their number. */
typedef struct {
    corner *found;
    uint64_t n;
    int columns;  /* the lines are */
    int separate; /* pixels that share a corner are apart */
    uint32_t *above, *below; /* by the changes of two lines: the corner where each came from */
} corners;

static inline uint32_t add_corner(corners *to, uint64_t line, uint64_t position)
{
    uint32_t self = (uint32_t)to->n;
    to->found[self].x = (uint32_t)(to->columns ? line : position);
    to->found[self].y = (uint32_t)(to->columns ? position : line);
    return self;
}

/* A corner where change k of the line above ends. */
static inline void end_above(corners *to, uint64_t line, uint64_t position, size_t k)
{
    uint32_t from = to->above[k], self = add_corner(to, line, position);
    if ((k & 1) != (size_t)to->columns)
        to->found[from].next = self;
    else
        to->found[self].next = from;
}

/* A corner where change k of the line below begins. */
static inline void begin_below(corners *to, uint64_t line, uint64_t position, size_t k)
{
    to->below[k] = add_corner(to, line, position);
}

/* Take the corner just added into account: each second one is joined to the one before it, with
 * foreground on the border's lower side (`below`) or upper. */
static inline void count_corner(corners *to, int below)
{
    uint32_t self = (uint32_t)to->n++;
    if (!to->found || !(self & 1))
        return;
    if (below != to->columns)
        to->found[self - 1].next = self;
    else
        to->found[self].next = self - 1;
}

/* The border above a line: go through the changes of both lines by position. Only one of them
 * changes: a corner. Both do, the same way: none. Both, but opposite ways: two pixels share a
 * corner, and each of two outlines has one there, or one outline two. */
static inline void find_corners(corners *to, reader *above, reader *below, uint64_t line,
                                uint64_t length)
{
    size_t i = 0, j = 0;
    uint64_t from = line * length, end = from + length;
    uint64_t a = next_change(above, from - length, from), b = next_change(below, from, end);
    while (a != b || a != NOWHERE) {
        int inside = (int)(j & 1);
        if (a < b) {
            if (to->found)
                end_above(to, line, a, i);
            count_corner(to, inside);
        } else if (b < a) {
            if (to->found)
                begin_below(to, line, b, j);
            count_corner(to, inside);
        } else if ((i & 1) == (j & 1)) {
            if (to->found)
                to->below[j] = to->above[i];
        } else {
            int above_first = (int)(i & 1) == to->separate;
            for (int turn = 0; turn < 2; turn++) {
                if (to->found && turn != above_first)
                    end_above(to, line, a, i);
                else if (to->found)
                    begin_below(to, line, b, j);
                count_corner(to, inside);
            }
        }
        uint64_t least = a < b ? a : b;
        if (a == least) {
            pass_change(above, from);
            a = next_change(above, from - length, from);
            i++;
        }
        if (b == least) {
            pass_change(below, end);
            b = next_change(below, from, end);
            j++;
        }
    }
}

static inline void scan_corners(corners *to, const uint32_t *counts, size_t runs, uint64_t length)
{
    reader below = read_changes(counts, runs), above = read_changes(counts, 0);
    if (!length)
        return;
    for (uint64_t line = 0; below.start != NOWHERE || above.start != NOWHERE; line++) {
        if (above.start == NOWHERE)
            line = below.start / length;
        reader here = below;
        find_corners(to, &above, &below, line, length);
        above = here.start < (line + 1) * length ? here : read_changes(counts, 0);
        uint32_t *spare = to->above;
        to->above = to->below;
        to->below = spare;
    }
}

/* Changes in a line. */
static inline uint64_t most_changes(size_t runs, size_t length)
{
    return runs < length + 1 ? runs : length + 1;
}

fseg_status fseg_outline_rooms(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                               size_t *vertices, size_t *scratch_room, fseg_fault *fault)
{
    size_t longest = lines > length ? lines : length;
    if (longest > INT32_MAX)
        return fail(fault, FSEG_TOO_LARGE, 0, (int64_t)longest, INT32_MAX);
    corners found = {0};
    scan_corners(&found, counts, runs, length);
    uint64_t most = SIZE_MAX / 32 < UINT32_MAX ? SIZE_MAX / 32 : UINT32_MAX;
    if (found.n > most)
        return fail(fault, FSEG_TOO_LARGE, 0, (int64_t)found.n, (int64_t)most);
    *vertices = (size_t)found.n;
    *scratch_room = (size_t)found.n * sizeof(corner) +
                    2 * (size_t)most_changes(runs, length) * sizeof(uint32_t);
    return FSEG_OK;
}

/* Write the outline through corner `first`; return the place after it. */
static int32_t *trace(corner *found, uint32_t first, int32_t *xy)
{
    uint32_t at = first;
    do {
        corner *here = found + at;
        *xy++ = (int32_t)here->x;
        *xy++ = (int32_t)here->y;
        at = here->next;
        here->next = PASSED;
    } while (at != first);
    return xy;
}

size_t fseg_outlines(const uint32_t *counts, size_t runs, size_t lines, size_t length, int columns,
                     int connectivity, int32_t *xy, size_t *ends, void *scratch)
{
    (void)lines;
    size_t changes = (size_t)most_changes(runs, length), outlines = 0;
    uint32_t *lists = scratch;
    corners to = {.columns = columns, .separate = connectivity == 4};
    to.above = lists;
    to.below = lists + changes;
    to.found = (corner *)(lists + 2 * changes);
    scan_corners(&to, counts, runs, length);
    int32_t *end = xy;
    for (uint64_t i = 0; i < to.n; i++) {
        if (to.found[i].next == PASSED)
            continue;
        end = trace(to.found, (uint32_t)i, end);
        ends[outlines++] = (size_t)(end - xy) / 2;
    }
    return outlines;
}
