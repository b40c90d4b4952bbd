/* Pixels to planes to runs and back, in every version, against a walk over the pixels. */
#include "fuzz.h"

#include <math.h>
#include <string.h>

static const double THRESHOLDS[] = {0.0, 0.5, -0.0, 0.1, -3e38, 1e300, INFINITY, -INFINITY};

/* Around the thresholds: equal, next to, far from them. The last is refused. */
static const float FLOATS[] = {0.0f,  -0.0f,  0.5f,      0.50000006f, 0.49999997f, 0.1f, 1e-45f, 1.0f,
                               -1.0f, -3e38f, -3.1e38f,  3e38f,       INFINITY,    -INFINITY,
                               -1e-45f, NAN};

static const double DOUBLES[] = {0.0, -0.0,   0.5,   0.5000000000000001, 0.49999999999999994,
                                 0.1, 5e-324, 1e300, 1.0000000000000001e300, -1.0, -3e38, 3e38,
                                 INFINITY, -INFINITY, -5e-324, NAN};

typedef struct {
    size_t rows, columns;
    uint8_t *foreground; /* row by row */
    fseg_source source;
    int has_nan;
    size_t nan_at;
} picture;

static size_t size_of(fseg_test test)
{
    return test == FSEG_ABOVE_F64 ? sizeof(double) : test == FSEG_ABOVE_F32 ? sizeof(float) : 1;
}

/* The pixel that four bits stand for, written to `to`; whether it is foreground, -1 for NaN. */
static int write_pixel(const fseg_source *source, unsigned bits, uint8_t other, uint8_t *to)
{
    float f = FLOATS[bits];
    double d = DOUBLES[bits];
    switch (source->test) {
    case FSEG_NONZERO_U8:
        *to = bits & 1 ? (uint8_t)(other | 1u << (bits >> 1)) : 0;
        return *to != 0;
    case FSEG_EQUAL_U8:
        *to = bits & 1 ? source->label : other;
        return *to == source->label;
    case FSEG_ABOVE_F32:
        memcpy(to, &f, sizeof f);
        return isnan(f) ? -1 : (double)f > source->threshold;
    default:
        memcpy(to, &d, sizeof d);
        return isnan(d) ? -1 : d > source->threshold;
    }
}

static picture make_picture(fuzz_input *input)
{
    unsigned options = fuzz_byte(input);
    fuzz_size size = fuzz_size_of(input);
    picture made = {size.lines, size.length, NULL, {0}, 0, 0};
    fseg_source *source = &made.source;
    source->test = (fseg_test)(options & 3);
    source->label = (uint8_t)fuzz_byte(input);
    source->threshold = THRESHOLDS[source->label & 7];
    source->rows = made.rows;
    source->columns = made.columns;
    size_t element = size_of(source->test), width = made.columns * element;
    size_t gap = (options >> 5 & 1) * (1 + source->label % 70) * element;
    size_t odd = element == 1 ? options >> 6 : 0;
    uint8_t *room = fuzz_room(odd + (made.rows ? made.rows * width + (made.rows - 1) * gap : 0));
    int upside_down = options >> 4 & 1;
    uint8_t *first = room + odd;
    source->stride = (ptrdiff_t)(width + gap);
    if (upside_down && made.rows) {
        first += (made.rows - 1) * (width + gap);
        source->stride = -source->stride;
    }
    source->pixels = first;
    made.foreground = fuzz_room(made.rows * made.columns);
    /* The bytes that are left, over and over; a bit for each pixel that is a byte, else four. */
    fuzz_input all = *input;
    unsigned bits = 0, left = 0;
    for (size_t y = 0; y < made.rows; y++)
        for (size_t x = 0; x < made.columns; x++) {
            if (!left) {
                if (!input->size)
                    *input = all;
                bits = fuzz_byte(input);
                left = 8;
            }
            unsigned take = element == 1 ? 1 : 4;
            unsigned pixel = bits & ((1u << take) - 1);
            if (element == 1)
                pixel |= (unsigned)(x + y) & 14;
            bits >>= take;
            left -= take;
            int found = write_pixel(source, pixel, (uint8_t)(3 * x),
                                    first + (ptrdiff_t)y * source->stride + x * element);
            if (found < 0 && !made.has_nan) {
                made.has_nan = 1;
                made.nan_at = y * made.columns + x;
            }
            made.foreground[y * made.columns + x] = found > 0;
        }
    return made;
}

static uint8_t *transpose(const uint8_t *pixels, size_t rows, size_t columns)
{
    uint8_t *result = fuzz_room(rows * columns);
    for (size_t y = 0; y < rows; y++)
        for (size_t x = 0; x < columns; x++)
            result[x * rows + y] = pixels[y * columns + x];
    return result;
}

static void check_pack(const picture *from, int transposed, const fseg_plane *expected,
                       fuzz_runs expected_runs)
{
    fseg_plane plane = fuzz_plane(expected->lines, expected->length, NULL);
    fseg_fault fault;
    size_t runs = 0;
    fseg_status status = fseg_pack(&from->source, transposed, &plane, &runs, &fault);
    if (from->has_nan) {
        REQUIRE(status == FSEG_NAN);
        REQUIRE(fault.position == from->nan_at);
        return;
    }
    REQUIRE(status == FSEG_OK);
    REQUIRE(fuzz_same_planes(&plane, expected));
    REQUIRE(runs == expected_runs.n);
    REQUIRE(fseg_plane_runs(expected) == expected_runs.n);
    uint32_t *counts = fuzz_counts_room(runs);
    fseg_plane_emit(expected, counts, runs);
    REQUIRE(fuzz_same_runs(counts, runs, expected_runs));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    fuzz_begin();
    unsigned what = fuzz_byte(&input);
    int transposed = (int)(what & 1);
    picture from = make_picture(&input);
    const uint8_t *rows = from.foreground;
    const uint8_t *columns = transpose(rows, from.rows, from.columns);
    fseg_plane by_rows = fuzz_plane(from.rows, from.columns, rows);
    fseg_plane by_columns = fuzz_plane(from.columns, from.rows, columns);
    const fseg_plane *expected = transposed ? &by_columns : &by_rows;
    const fseg_plane *other = transposed ? &by_rows : &by_columns;
    fuzz_runs runs = fuzz_encode(transposed ? columns : rows, from.rows * from.columns);
    fuzz_use_version(what >> 1);
    check_pack(&from, transposed, expected, runs);
    fseg_plane turned = fuzz_plane(other->lines, other->length, NULL);
    fseg_plane_transpose(expected, &turned);
    REQUIRE(fuzz_same_planes(&turned, other));
    fuzz_end();
    return 0;
}
