/* Runs to planes, to other sizes and to pixels, in every version, against a walk over the pixels. */
#include "fuzz.h"

#include <string.h>

/* What is painted on: a target, all bytes around and between its rows, what they are before and
 * what they must become. */
typedef struct {
    fseg_target target;
    uint8_t *room, *before, *expected;
    size_t size;
} canvas;

static canvas make_canvas(size_t rows, size_t columns, fuzz_input *input)
{
    unsigned options = fuzz_byte(input), more = fuzz_byte(input);
    fseg_target target = {NULL, rows, columns, 0, (size_t)1 << (options & 3), 0, options >> 2 & 1};
    for (size_t i = 0; i < target.size; i++)
        target.value |= (uint64_t)fuzz_byte(input) << 8 * i;
    size_t gap = options & 8 ? (1 + more % 70) * target.size : 0;
    size_t offset = options & 16 ? more / 70 * target.size : 0;
    target.stride = (ptrdiff_t)(columns * target.size + gap);
    canvas made = {target, NULL, NULL, NULL, offset};
    if (rows)
        made.size += rows * columns * target.size + (rows - 1) * gap;
    made.room = fuzz_room(made.size);
    made.before = fuzz_room(made.size);
    made.expected = fuzz_room(made.size);
    made.target.pixels = made.room + offset;
    if (options & 32 && rows) {
        made.target.pixels = made.room + offset + (ptrdiff_t)(rows - 1) * target.stride;
        made.target.stride = -target.stride;
    }
    for (size_t i = 0; i < made.size; i++)
        made.before[i] = (uint8_t)(7 * i + 3);
    memcpy(made.room, made.before, made.size);
    return made;
}

static void expect(canvas *on, const uint8_t *foreground)
{
    const fseg_target *target = &on->target;
    uint8_t element[8];
    for (size_t i = 0; i < 8; i++)
        element[i] = (uint8_t)(target->value >> 8 * i);
    memcpy(on->expected, on->before, on->size);
    for (size_t y = 0; y < target->rows; y++)
        for (size_t x = 0; x < target->columns; x++) {
            uint8_t *at = on->expected + ((uint8_t *)target->pixels - on->room)
                          + (ptrdiff_t)y * target->stride + (ptrdiff_t)(x * target->size);
            int inside = foreground[y * target->columns + x];
            for (size_t i = 0; i < target->size && (inside || !target->paint); i++)
                at[i] = inside ? element[i] : 0;
        }
}

static uint8_t *transpose(const uint8_t *pixels, size_t rows, size_t columns)
{
    uint8_t *result = fuzz_room(rows * columns);
    for (size_t y = 0; y < rows; y++)
        for (size_t x = 0; x < columns; x++)
            result[x * rows + y] = pixels[y * columns + x];
    return result;
}

static void check_decode(fuzz_runs mask, const uint8_t *pixels, size_t lines, size_t length,
                         fuzz_input *input)
{
    canvas on = make_canvas(lines, length, input);
    expect(&on, pixels);
    fseg_decode(mask.counts, mask.n, &on.target);
    REQUIRE(memcmp(on.room, on.expected, on.size) == 0);
}

static void check_decode_across(fuzz_runs mask, const uint8_t *pixels, size_t lines, size_t length,
                                fuzz_input *input)
{
    canvas on = make_canvas(length, lines, input);
    expect(&on, transpose(pixels, lines, length));
    uint64_t *scratch = NULL;
    if (mask.n > 1 + (mask.counts[0] == 0))
        scratch = fuzz_room(fseg_across_scratch(length, lines) * sizeof *scratch);
    fseg_decode_across(mask.counts, mask.n, &on.target, scratch);
    REQUIRE(memcmp(on.room, on.expected, on.size) == 0);
}

static void check_expand(const uint8_t *pixels, size_t lines, size_t length, unsigned transposed,
                         fuzz_input *input)
{
    fseg_plane plane = fuzz_plane(lines, length, pixels);
    canvas on = transposed ? make_canvas(length, lines, input) : make_canvas(lines, length, input);
    expect(&on, transposed ? transpose(pixels, lines, length) : pixels);
    fseg_expand(&plane, (int)transposed, &on.target);
    REQUIRE(memcmp(on.room, on.expected, on.size) == 0);
}

static void check_fill(fuzz_runs mask, const uint8_t *pixels, size_t lines, size_t length)
{
    fseg_plane expected = fuzz_plane(lines, length, pixels);
    fseg_plane plane = fuzz_plane(lines, length, NULL);
    fseg_plane_fill(mask.counts, mask.n, &plane);
    REQUIRE(fuzz_same_planes(&plane, &expected));
}

static void check_resized(fuzz_runs mask, const uint8_t *pixels, size_t lines, size_t length,
                          fuzz_input *input)
{
    fuzz_size size = fuzz_size_of(input);
    size_t new_lines = size.lines, new_length = size.length;
    if (!lines || !length)
        return;
    uint8_t *resized = fuzz_room(new_lines * new_length);
    for (size_t line = 0; line < new_lines; line++)
        for (size_t i = 0; i < new_length; i++)
            resized[line * new_length + i] =
                pixels[line * lines / new_lines * length + i * length / new_length];
    fseg_plane expected = fuzz_plane(new_lines, new_length, resized);
    fseg_plane plane = fuzz_plane(new_lines, new_length, NULL);
    uint32_t *scratch = fuzz_room((length + 1) * sizeof *scratch);
    fseg_plane_fill_resized(mask.counts, mask.n, lines, length, &plane, scratch);
    REQUIRE(fuzz_same_planes(&plane, &expected));
}

/* Three masks: the given one and two that more bytes make. */
static void check_labels(fuzz_runs mask, const uint8_t *pixels, size_t lines, size_t length,
                         fuzz_input *input)
{
    enum { MASKS = 3 };
    canvas on = make_canvas(lines, length, input);
    uint64_t values[MASKS], background = fuzz_byte(input), *scratch;
    const uint32_t *counts[MASKS];
    const uint8_t *foreground[MASKS] = {pixels};
    size_t runs[MASKS], area = lines * length;
    fuzz_runs masks[MASKS] = {mask};
    for (size_t i = 0; i < MASKS; i++) {
        if (i) {
            masks[i] = fuzz_mask(fuzz_take(input, 6), (uint32_t)area, (uint32_t)length);
            foreground[i] = fuzz_decode(masks[i], area);
        }
        counts[i] = masks[i].counts;
        runs[i] = masks[i].n;
        values[i] = on.target.value + i;
    }
    /* What is expected of the background, and of each mask painted on what was before it. */
    uint8_t *all = fuzz_room(area);
    memset(all, 1, area);
    canvas step = on;
    step.target.paint = 1;
    step.target.value = background;
    expect(&step, all);
    for (size_t i = 0; i < MASKS; i++) {
        memcpy(step.before, step.expected, step.size);
        step.target.value = values[i];
        expect(&step, foreground[i]);
    }
    scratch = fuzz_room(fseg_labels_scratch(MASKS));
    fseg_decode_labels(counts, runs, values, MASKS, background, &on.target, scratch);
    REQUIRE(memcmp(on.room, on.expected, on.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    fuzz_begin();
    unsigned what = fuzz_byte(&input);
    fuzz_size of = fuzz_size_of(&input);
    fuzz_input options = fuzz_take(&input, (what & 7) == 1 ? 23 : 10);
    fuzz_runs mask = fuzz_mask(input, (uint32_t)(of.lines * of.length), (uint32_t)of.length);
    const uint8_t *pixels = fuzz_decode(mask, of.lines * of.length);
    fuzz_use_version(what >> 3);
    switch (what & 7) {
    case 0:
        check_decode(mask, pixels, of.lines, of.length, &options);
        break;
    case 1:
        check_labels(mask, pixels, of.lines, of.length, &options);
        break;
    case 2:
    case 3:
        check_decode_across(mask, pixels, of.lines, of.length, &options);
        break;
    case 4:
    case 5:
        check_expand(pixels, of.lines, of.length, what & 1, &options);
        break;
    case 6:
        check_fill(mask, pixels, of.lines, of.length);
        break;
    default:
        check_resized(mask, pixels, of.lines, of.length, &options);
    }
    fuzz_end();
    return 0;
}
