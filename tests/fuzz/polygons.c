/* Polygons to runs, against a walk along the outline; masks to outlines and back. */
#include "fuzz.h"

#include <math.h>
#include <string.h>

enum { FINE = 5, MOST_VERTICES = 40 };

/* --- polygons ---------------------------------------------------------------------------------- */

/* A coordinate in and around an image, or anything that fits in a double. */
static double coordinate(fuzz_input *input, unsigned kind)
{
    double number;
    uint64_t bits = 0;
    switch (kind & 3) {
    case 0:
        return (int)fuzz_byte(input) % 160 - 16;
    case 1:
        return ((int)fuzz_pair(input) % 3000 - 300) / 20.0;
    case 2:
        return (int)fuzz_byte(input) / 2.0 - 20;
    default:
        for (int i = 0; i < 8; i++)
            bits |= (uint64_t)fuzz_byte(input) << 8 * i;
        memcpy(&number, &bits, sizeof number);
        return number;
    }
}

typedef struct {
    int64_t x, y;
} point;

static point to_grid(const double *xy)
{
    point made = {(int64_t)(FINE * xy[0] + 0.5), (int64_t)(FINE * xy[1] + 0.5)};
    return made;
}

static int64_t magnitude(int64_t number)
{
    return number < 0 ? -number : number;
}

/* Where step `at` of an edge is; both ends belong to it. */
static point step_of(point from, point to, int64_t at)
{
    int64_t dx = magnitude(to.x - from.x), dy = magnitude(to.y - from.y);
    int flat = dx >= dy, backward = flat ? from.x > to.x : from.y > to.y;
    if (backward) {
        point swap = from;
        from = to;
        to = swap;
        at = (flat ? dx : dy) - at;
    }
    point here = from;
    if (flat && dx) {
        double slope = (double)(to.y - from.y) / (double)dx;
        here.x += at;
        here.y = (int64_t)((double)from.y + slope * (double)at + 0.5);
    } else if (!flat) {
        double slope = (double)(to.x - from.x) / (double)dy;
        here.y += at;
        here.x = (int64_t)((double)from.x + slope * (double)at + 0.5);
    }
    return here;
}

/* Toggle the pixels from a border on: `toggles` has an element for each pixel and one more. */
static void cross(point before, point after, size_t rows, size_t columns, uint8_t *toggles)
{
    int64_t low = after.x < before.x ? after.x : after.x - 1;
    if (after.x == before.x || low < 0 || low % FINE != FINE / 2)
        return;
    size_t column = (size_t)(low / FINE);
    if (column >= columns)
        return;
    int64_t y = before.y < after.y ? before.y : after.y;
    double row = ceil(((double)y + 0.5) / FINE - 0.5);
    row = row < 0 ? 0 : row > (double)rows ? (double)rows : row;
    toggles[column * rows + (size_t)row] ^= 1;
}

/* Runs of what was toggled. */
static fuzz_runs drawing(uint8_t *toggles, size_t area)
{
    for (size_t i = 1; i < area; i++)
        toggles[i] ^= toggles[i - 1];
    return fuzz_encode(toggles, area);
}

static fuzz_runs walk(const double *xy, size_t vertices, size_t rows, size_t columns)
{
    uint8_t *toggles = fuzz_room(rows * columns + 1);
    memset(toggles, 0, rows * columns + 1);
    point before = {0, 0};
    for (size_t i = 0; i < vertices && rows && columns && vertices > 2; i++) {
        point from = to_grid(xy + 2 * i), to = to_grid(xy + 2 * ((i + 1) % vertices));
        int64_t dx = magnitude(to.x - from.x), dy = magnitude(to.y - from.y);
        for (int64_t at = 0; at <= (dx >= dy ? dx : dy); at++) {
            point after = step_of(from, to, at);
            if (i || at)
                cross(before, after, rows, columns, toggles);
            before = after;
        }
    }
    return drawing(toggles, rows * columns);
}

static void check_polygon(fuzz_input *input)
{
    unsigned kind = fuzz_byte(input);
    fuzz_size size = fuzz_size_of(input);
    size_t rows = size.lines, columns = size.length;
    if (kind & 64)
        rows *= 32;
    if (kind & 128)
        columns *= 32;
    if (kind >= 0xf8)
        rows = columns = (size_t)UINT32_MAX + kind;
    size_t vertices = fuzz_byte(input) % MOST_VERTICES;
    double *xy = fuzz_room(vertices * 2 * sizeof *xy);
    size_t bad = SIZE_MAX;
    int near = 1;
    for (size_t i = 0; i < 2 * vertices; i++) {
        xy[i] = coordinate(input, kind & 4 ? kind : fuzz_byte(input));
        if (!(fabs(xy[i]) <= FSEG_FURTHEST) && bad == SIZE_MAX)
            bad = i;
        near &= fabs(xy[i]) < 200;
    }
    fseg_fault fault;
    size_t room, scratch_room;
    fseg_status status =
        fseg_polygon_rooms(xy, vertices, rows, columns, &room, &scratch_room, &fault);
    if (columns && rows > UINT32_MAX / columns) {
        REQUIRE(status == FSEG_TOO_LARGE);
        return;
    }
    if (bad != SIZE_MAX) {
        REQUIRE(status == FSEG_BAD_VERTEX);
        REQUIRE(fault.position == bad / 2 && fault.found == (int64_t)(bad % 2));
        return;
    }
    REQUIRE(status == FSEG_OK);
    uint32_t *counts = fuzz_room(room * sizeof *counts);
    uint64_t *scratch = fuzz_room(scratch_room * sizeof *scratch);
    size_t n = fseg_polygon(xy, vertices, rows, columns, counts, scratch);
    REQUIRE(fseg_check_runs(counts, n, (uint32_t)(rows * columns), &fault) == FSEG_OK);
    if (near && !(kind & 0xc0))
        REQUIRE(fuzz_same_runs(counts, n, walk(xy, vertices, rows, columns)));
}

/* --- outlines ---------------------------------------------------------------------------------- */

/* Twice the area inside, negative if it goes the other way. */
static int64_t doubled_area(const int32_t *xy, size_t vertices)
{
    int64_t sum = 0;
    for (size_t i = 0; i < vertices; i++) {
        const int32_t *a = xy + 2 * i, *b = xy + 2 * ((i + 1) % vertices);
        REQUIRE((a[0] == b[0]) != (a[1] == b[1]));
        sum += (int64_t)a[0] * b[1] - (int64_t)b[0] * a[1];
    }
    return sum;
}

/* Toggle the pixels inside an outline: `toggles` has an element for each pixel, in which this pixel
 * and all after it are toggled, and one more. */
static void draw(const int32_t *outline, size_t vertices, size_t rows, size_t columns,
                 uint8_t *toggles)
{
    size_t mark = fuzz_mark();
    double *xy = fuzz_room(vertices * 2 * sizeof *xy);
    for (size_t i = 0; i < 2 * vertices; i++)
        xy[i] = outline[i];
    size_t room, scratch_room;
    fseg_fault fault;
    REQUIRE(fseg_polygon_rooms(xy, vertices, rows, columns, &room, &scratch_room, &fault)
            == FSEG_OK);
    uint32_t *counts = fuzz_room(room * sizeof *counts);
    uint64_t *scratch = fuzz_room(scratch_room * sizeof *scratch);
    size_t n = fseg_polygon(xy, vertices, rows, columns, counts, scratch);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        at += counts[i];
        REQUIRE(at <= rows * columns);
        toggles[at] ^= 1;
    }
    fuzz_release(mark);
}

static size_t components(fuzz_runs mask, size_t length, int connectivity)
{
    size_t n = fseg_spans(mask.counts, mask.n, length);
    fseg_span *spans = fuzz_room(n * sizeof *spans);
    uint32_t *labels = fuzz_room(n * sizeof *labels);
    return fseg_components(mask.counts, mask.n, length, connectivity, spans, labels);
}

/* The mask, down the columns. */
static fuzz_runs by_columns(fuzz_runs mask, size_t lines, size_t length, int columns)
{
    if (columns)
        return mask;
    uint8_t *pixels = fuzz_decode(mask, lines * length), *turned = fuzz_room(lines * length);
    for (size_t line = 0; line < lines; line++)
        for (size_t i = 0; i < length; i++)
            turned[i * lines + line] = pixels[line * length + i];
    return fuzz_encode(turned, lines * length);
}

static void check_outlines(fuzz_input *input, int columns, int connectivity)
{
    fuzz_size size = fuzz_size_of(input);
    uint32_t area = (uint32_t)(size.lines * size.length);
    fuzz_runs mask = fuzz_mask(*input, area, (uint32_t)size.length);
    fseg_fault fault;
    size_t vertices, scratch_room;
    REQUIRE(fseg_outline_rooms(mask.counts, mask.n, size.lines, size.length, &vertices,
                               &scratch_room, &fault)
            == FSEG_OK);
    int32_t *xy = fuzz_room(vertices * 2 * sizeof *xy);
    size_t *ends = fuzz_room(vertices / 4 * sizeof *ends);
    void *scratch = fuzz_room(scratch_room);
    size_t n = fseg_outlines(mask.counts, mask.n, size.lines, size.length, columns, connectivity,
                             xy, ends, scratch);
    size_t from = 0, outer = 0, height = columns ? size.length : size.lines;
    size_t width = columns ? size.lines : size.length;
    int64_t sum = 0;
    uint8_t *toggles = fuzz_room((size_t)area + 1);
    memset(toggles, 0, (size_t)area + 1);
    for (size_t i = 0; i < n; i++) {
        REQUIRE(ends[i] >= from + 4 && ends[i] <= vertices);
        int64_t doubled = doubled_area(xy + 2 * from, ends[i] - from);
        outer += doubled > 0;
        sum += doubled;
        draw(xy + 2 * from, ends[i] - from, height, width, toggles);
        from = ends[i];
    }
    REQUIRE(from == vertices);
    REQUIRE((uint64_t)sum == 2 * fseg_area(mask.counts, mask.n));
    REQUIRE(outer == components(mask, size.length, connectivity));
    fuzz_runs expected = by_columns(mask, size.lines, size.length, columns);
    fuzz_runs drawn = drawing(toggles, area);
    REQUIRE(fuzz_same_runs(drawn.counts, drawn.n, expected));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    fuzz_begin();
    unsigned what = fuzz_byte(&input);
    if (what & 1)
        check_polygon(&input);
    else
        check_outlines(&input, (int)(what >> 1 & 1), what & 4 ? 4 : 8);
    fuzz_end();
    return 0;
}
