/* Kaggle's text: every version reads it, or refuses it, in the same way; what was read is read again
 * from what is written of it. */
#include "fuzz.h"

#include <string.h>

enum { MOST_DECODED = 1 << 12 };

typedef struct {
    fseg_status status;
    fseg_fault fault;
    fuzz_runs mask;
} outcome;

static outcome parse(const char *text, size_t length, uint32_t base, uint32_t area)
{
    size_t most = fseg_kaggle_tokens(text, length) + 1;
    outcome result = {FSEG_OK, {0, 0, 0}, {fuzz_counts_room(most), 0}};
    result.status = fseg_parse_kaggle(text, length, base, area, result.mask.counts, &result.mask.n,
                                      &result.fault);
    REQUIRE(result.status != FSEG_OK || result.mask.n <= most);
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

static void read_and_write(const char *text, size_t length, uint32_t base, uint32_t area)
{
    outcome first = {FSEG_OK, {0, 0, 0}, {NULL, 0}};
    char *first_written = NULL;
    size_t first_length = 0;
    FOR_EACH_VERSION {
        outcome result = parse(text, length, base, area);
        if (!version)
            first = result;
        same(&first, &result);
        if (result.status != FSEG_OK)
            continue;
        fseg_fault fault;
        REQUIRE(fseg_check_runs(result.mask.counts, result.mask.n, area, &fault) == FSEG_OK);
        char *written = fuzz_room(FSEG_KAGGLE_ROOM(result.mask.n));
        size_t written_length =
            fseg_write_kaggle(result.mask.counts, result.mask.n, base, written);
        if (!version) {
            first_written = written;
            first_length = written_length;
        }
        REQUIRE(written_length == first_length);
        REQUIRE(memcmp(written, first_written, written_length) == 0);
        /* From a room without slack. */
        char *exact = fuzz_room(written_length);
        memcpy(exact, written, written_length);
        outcome again = parse(exact, written_length, base, area);
        same(&first, &again);
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
    uint32_t area = fuzz_pair(&input), base = mode & 1;
    const char *text = (const char *)input.data;
    if (mode & 2)
        area = UINT32_MAX - area;
    if (mode & 4) {
        /* The area up to the last run, or one pixel beside it. */
        outcome whole = parse(text, input.size, base, UINT32_MAX);
        if (whole.status == FSEG_OK && whole.mask.n & 1)
            area = UINT32_MAX - whole.mask.counts[whole.mask.n - 1] - (mode >> 3 & 1)
                   + (mode >> 4 & 1);
    }
    read_and_write(text, input.size, base, area);
    fuzz_end();
    return 0;
}
