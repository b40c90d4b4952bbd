/* COCO's text: every version reads it, or refuses it, in the same way; what was read is written the
 * same again. */
#include "fuzz.h"

#include <string.h>

enum { MOST_DECODED = 1 << 12 };

typedef struct {
    fseg_status status;
    fseg_fault fault;
    fuzz_runs mask;
} outcome;

static outcome parse(const char *text, size_t length, uint32_t area)
{
    size_t numbers = fseg_coco_numbers(text, length);
    outcome result = {FSEG_OK, {0, 0, 0}, {fuzz_counts_room(numbers), 0}};
    result.status = fseg_parse_coco(text, length, area, result.mask.counts, &result.mask.n,
                                    &result.fault);
    REQUIRE(result.status != FSEG_OK || result.mask.n <= numbers);
    return result;
}

static void same(const outcome *a, const outcome *b)
{
    REQUIRE(a->status == b->status);
    if (a->status == FSEG_OK) {
        REQUIRE(fuzz_same_runs(a->mask.counts, a->mask.n, b->mask));
    } else {
        REQUIRE(a->fault.position == b->fault.position);
        REQUIRE(a->fault.found == b->fault.found);
        REQUIRE(a->fault.expected == b->fault.expected);
    }
}

static void read_and_write(const char *text, size_t length, uint32_t area)
{
    outcome first = {FSEG_OK, {0, 0, 0}, {NULL, 0}};
    FOR_EACH_VERSION {
        outcome result = parse(text, length, area);
        if (!version)
            first = result;
        same(&first, &result);
        if (result.status != FSEG_OK)
            continue;
        fseg_fault fault;
        REQUIRE(fseg_check_runs(result.mask.counts, result.mask.n, area, &fault) == FSEG_OK);
        char *written = fuzz_room(FSEG_COCO_ROOM(result.mask.n));
        REQUIRE(fseg_write_coco(result.mask.counts, result.mask.n, written) == length);
        REQUIRE(memcmp(written, text, length) == 0);
        if (area <= MOST_DECODED) {
            fseg_plane plane = fuzz_plane(1, area, NULL);
            fseg_plane_fill(result.mask.counts, result.mask.n, &plane);
            size_t runs = fseg_plane_runs(&plane);
            uint32_t *counts = fuzz_counts_room(runs);
            fseg_plane_emit(&plane, counts, runs);
            REQUIRE(fuzz_same_runs(counts, runs, first.mask));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    fuzz_begin();
    unsigned mode = fuzz_byte(&input);
    uint32_t area = fuzz_pair(&input);
    const char *text = (const char *)input.data;
    if (mode & 1)
        area = UINT32_MAX - area;
    if (mode & 2) {
        /* The area that the runs have, or one pixel beside it. */
        outcome whole = parse(text, input.size, UINT32_MAX);
        if (whole.status == FSEG_TOO_SHORT)
            area = (uint32_t)whole.fault.found - (mode >> 2 & 1) + (mode >> 3 & 1);
    }
    read_and_write(text, input.size, area);
    fuzz_end();
    return 0;
}
