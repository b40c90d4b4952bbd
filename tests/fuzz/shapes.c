/* Bounds, windows, flips, boundaries and components, against a walk over the pixels. */
#include "fuzz.h"

#include <string.h>

enum { MOST_COMPARED = 8 };

typedef struct {
    fuzz_runs runs;
    uint8_t *pixels;
    size_t lines, length;
} shape;

static int at(const shape *of, ptrdiff_t line, ptrdiff_t position)
{
    return line >= 0 && position >= 0 && (size_t)line < of->lines
           && (size_t)position < of->length
           && of->pixels[(size_t)line * of->length + (size_t)position];
}

static void check_numbers(const shape *of, size_t pixel)
{
    size_t first_line = SIZE_MAX, last_line = 0, first = SIZE_MAX, last = 0;
    double lines = 0, positions = 0;
    for (size_t line = 0; line < of->lines; line++)
        for (size_t i = 0; i < of->length; i++) {
            if (!of->pixels[line * of->length + i])
                continue;
            first_line = line < first_line ? line : first_line;
            last_line = line > last_line ? line : last_line;
            first = i < first ? i : first;
            last = i > last ? i : last;
            lines += (double)line;
            positions += (double)i;
        }
    size_t found[4];
    double found_lines, found_positions;
    int any = fseg_bounds(of->runs.counts, of->runs.n, of->lines, of->length, &found[0], &found[1],
                          &found[2], &found[3]);
    REQUIRE(any == (first != SIZE_MAX));
    REQUIRE(!any || (found[0] == first_line && found[1] == last_line && found[2] == first
                     && found[3] == last));
    fseg_moments(of->runs.counts, of->runs.n, of->length, &found_lines, &found_positions);
    REQUIRE(found_lines == lines && found_positions == positions);
    size_t area = of->lines * of->length;
    if (area > 0) {
        pixel %= area;
        REQUIRE(fseg_contains(of->runs.counts, of->runs.n, pixel) == (of->pixels[pixel] != 0));
    }
}

/* Mostly near, sometimes as far as there is. */
static ptrdiff_t offset(fuzz_input *input)
{
    unsigned pair = fuzz_pair(input);
    switch (pair >> 13) {
    case 0:
        return PTRDIFF_MAX - (ptrdiff_t)(pair & 0xff);
    case 1:
        return PTRDIFF_MIN + (ptrdiff_t)(pair & 0xff);
    case 2:
        return (ptrdiff_t)1 << (pair & 0x3f) % (sizeof(ptrdiff_t) * 8 - 1);
    default:
        return (ptrdiff_t)(pair % 400) - 200;
    }
}

static ptrdiff_t add(ptrdiff_t a, size_t b)
{
    return a > PTRDIFF_MAX - (ptrdiff_t)b ? PTRDIFF_MAX : a + (ptrdiff_t)b;
}

static void check_window(const shape *of, fuzz_input *input)
{
    fuzz_size size = fuzz_size_of(input);
    size_t new_lines = size.lines, new_length = size.length;
    ptrdiff_t line = offset(input), position = offset(input);
    uint8_t *pixels = fuzz_room(new_lines * new_length);
    for (size_t l = 0; l < new_lines; l++)
        for (size_t p = 0; p < new_length; p++)
            pixels[l * new_length + p] = (uint8_t)at(of, add(line, l), add(position, p));
    size_t room = fseg_window_room(of->runs.counts, of->runs.n, of->lines, of->length, new_lines,
                                   new_length);
    uint32_t *result = fuzz_room(room * sizeof *result);
    size_t n = fseg_window(of->runs.counts, of->runs.n, of->lines, of->length, line, position,
                           new_lines, new_length, result);
    REQUIRE(fuzz_same_runs(result, n, fuzz_encode(pixels, new_lines * new_length)));
}

static void check_flip(const shape *of, unsigned how)
{
    int within_lines = (int)(how & 1), of_lines = (int)(how >> 1 & 1);
    size_t lines = of->lines, length = of->length;
    uint8_t *pixels = fuzz_room(lines * length);
    for (size_t line = 0; line < lines; line++)
        for (size_t i = 0; i < length; i++)
            pixels[line * length + i] = of->pixels[(of_lines ? lines - 1 - line : line) * length
                                                   + (within_lines ? length - 1 - i : i)];
    size_t room = fseg_flip_room(of->runs.counts, of->runs.n, lines, length);
    uint32_t *result = fuzz_room(room * sizeof *result);
    size_t n =
        fseg_flip(of->runs.counts, of->runs.n, lines, length, within_lines, of_lines, result);
    REQUIRE(fuzz_same_runs(result, n, fuzz_encode(pixels, lines * length)));
}

static void check_boundary(const shape *of, int connectivity)
{
    uint8_t *pixels = fuzz_room(of->lines * of->length);
    for (size_t line = 0; line < of->lines; line++)
        for (size_t i = 0; i < of->length; i++) {
            int inside = 1;
            for (int dy = -1; dy <= 1; dy++)
                for (int dx = -1; dx <= 1; dx++)
                    if (connectivity == 8 || !dx || !dy)
                        inside &= at(of, (ptrdiff_t)line + dy, (ptrdiff_t)i + dx);
            pixels[line * of->length + i] = of->pixels[line * of->length + i] && !inside;
        }
    fseg_plane from = fuzz_plane(of->lines, of->length, of->pixels);
    fseg_plane to = fuzz_plane(of->lines, of->length, NULL);
    fseg_plane expected = fuzz_plane(of->lines, of->length, pixels);
    fseg_plane_boundary(&from, connectivity, &to);
    REQUIRE(fuzz_same_planes(&to, &expected));
}

static void check_component_runs(const shape *of, const fseg_span *spans, const uint32_t *labels,
                                 size_t n, size_t components)
{
    size_t area = of->lines * of->length;
    uint32_t *result = fuzz_room((2 * n + components) * sizeof *result);
    size_t *starts = fuzz_room(components * sizeof *starts);
    size_t *runs = fuzz_room(components * sizeof *runs);
    fseg_component_runs(spans, labels, n, components, (uint32_t)area, result, starts, runs);
    for (size_t k = 0; k < components && k < MOST_COMPARED; k++) {
        size_t mark = fuzz_mark();
        uint8_t *pixels = fuzz_room(area);
        memset(pixels, 0, area);
        for (size_t i = 0; i < n; i++)
            if (labels[i] == k)
                memset(pixels + spans[i].start, 1, spans[i].length);
        REQUIRE(fuzz_same_runs(result + starts[k], runs[k], fuzz_encode(pixels, area)));
        fuzz_release(mark);
    }
}

/* Give the component of pixel `first` the number `label`; `todo` has room for all pixels. */
static void flood(const shape *of, size_t first, int connectivity, uint32_t label,
                  uint32_t *labels, uint32_t *todo)
{
    size_t n = 0;
    labels[first] = label;
    todo[n++] = (uint32_t)first;
    while (n) {
        size_t pixel = todo[--n];
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                if (connectivity == 4 && dx && dy)
                    continue;
                ptrdiff_t line = (ptrdiff_t)(pixel / of->length) + dy;
                ptrdiff_t position = (ptrdiff_t)(pixel % of->length) + dx;
                size_t next = (size_t)line * of->length + (size_t)position;
                if (at(of, line, position) && labels[next] == UINT32_MAX) {
                    labels[next] = label;
                    todo[n++] = (uint32_t)next;
                }
            }
    }
}

static void check_components(const shape *of, int connectivity)
{
    size_t area = of->lines * of->length;
    uint32_t *labels = fuzz_room(area * sizeof *labels), *todo = fuzz_room(area * sizeof *todo);
    uint32_t components = 0;
    memset(labels, 0xff, area * sizeof *labels);
    for (size_t i = 0; i < area; i++)
        if (of->pixels[i] && labels[i] == UINT32_MAX)
            flood(of, i, connectivity, components++, labels, todo);
    size_t n = fseg_spans(of->runs.counts, of->runs.n, of->length);
    fseg_span *spans = fuzz_room(n * sizeof *spans);
    uint32_t *found = fuzz_room(n * sizeof *found);
    REQUIRE(fseg_components(of->runs.counts, of->runs.n, of->length, connectivity, spans, found)
            == components);
    size_t covered = 0, end = 0;
    for (size_t i = 0; i < n; i++) {
        REQUIRE(spans[i].start >= end && spans[i].length > 0);
        end = (size_t)spans[i].start + spans[i].length;
        REQUIRE(end <= area && spans[i].start / of->length == (end - 1) / of->length);
        for (size_t pixel = spans[i].start; pixel < end; pixel++)
            REQUIRE(labels[pixel] == found[i]);
        covered += spans[i].length;
    }
    REQUIRE(covered == fseg_area(of->runs.counts, of->runs.n));
    check_component_runs(of, spans, found, n, components);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    fuzz_begin();
    unsigned what = fuzz_byte(&input);
    fuzz_size side = fuzz_size_of(&input);
    shape of = {{NULL, 0}, NULL, side.lines, side.length};
    fuzz_input options = fuzz_take(&input, 8);
    of.runs = fuzz_mask(input, (uint32_t)(of.lines * of.length), (uint32_t)of.length);
    of.pixels = fuzz_decode(of.runs, of.lines * of.length);
    int connectivity = what & 16 ? 4 : 8;
    switch (what & 7) {
    case 0:
        check_numbers(&of, fuzz_pair(&options));
        break;
    case 1:
    case 2:
        check_window(&of, &options);
        break;
    case 3:
        check_flip(&of, what >> 5);
        break;
    case 4:
        check_boundary(&of, connectivity);
        break;
    default:
        check_components(&of, connectivity);
    }
    fuzz_end();
    return 0;
}
