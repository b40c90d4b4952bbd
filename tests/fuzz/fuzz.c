/* Rooms, versions and plain masks for the fuzz targets. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(FUZZ_ASAN)
#elif defined(__SANITIZE_ADDRESS__)
#define FUZZ_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUZZ_ASAN 1
#endif
#endif

#ifdef FUZZ_ASAN
#include <sanitizer/asan_interface.h>
#endif

enum {
    ARENA = 8 << 20,
    ZONE = 192, /* more than two of the widest vectors */
    MOST_ROOMS = 4096,
    LONGEST_SIDE = 131,
    USUAL_PIXELS = 400,
    MOST_PIXELS = 4300,
    FORBIDDEN = 0xa5
};

static _Alignas(64) uint8_t arena[ARENA];
static size_t used;

const fseg_version *fuzz_versions[FSEG_MOST_VERSIONS];
size_t fuzz_version_count;

void fuzz_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: version %s: %s does not hold\n", file, line, fseg_selected(), what);
    abort();
}

/* Asking the processor what it can do takes longer than a whole input. */
static void find_versions(void)
{
    const char *names[FSEG_MOST_VERSIONS];
    fuzz_version_count = fseg_versions(names);
    for (size_t i = 0; i < fuzz_version_count; i++) {
        REQUIRE(fseg_select(names[i]));
        fuzz_versions[i] = fseg_active;
    }
}

#ifdef FUZZ_ASAN
static void forbid(size_t from, size_t to)
{
    ASAN_POISON_MEMORY_REGION(arena + from, to - from);
}

static void allow(size_t from, size_t to)
{
    ASAN_UNPOISON_MEMORY_REGION(arena + from, to - from);
}

/* All that lies behind `from` is no room any more. */
static void close_rooms(size_t from)
{
    forbid(from, used);
}

static void forbid_all(void)
{
    forbid(0, ARENA);
}
#else
static struct {
    size_t from, to;
} zones[MOST_ROOMS];
static size_t zone_count;

/* Only what lies around rooms is filled and looked at, to be quick. */
static void forbid(size_t from, size_t to)
{
    memset(arena + from, FORBIDDEN, to - from);
    REQUIRE(zone_count < MOST_ROOMS);
    zones[zone_count].from = from;
    zones[zone_count++].to = to;
}

static void allow(size_t from, size_t to)
{
    (void)from;
    (void)to;
}

static void forbid_all(void)
{
}

static void close_rooms(size_t from)
{
    while (zone_count && zones[zone_count - 1].to > from) {
        zone_count--;
        for (size_t i = zones[zone_count].from; i < zones[zone_count].to; i++)
            REQUIRE(arena[i] == FORBIDDEN);
    }
}
#endif

void fuzz_begin(void)
{
    if (!fuzz_version_count) {
        find_versions();
        forbid_all();
    }
    fseg_active = fuzz_versions[0];
    used = 0;
    forbid(0, ZONE);
    used = ZONE;
}

void fuzz_end(void)
{
    fuzz_release(0);
}

void *fuzz_room_aligned(size_t bytes, size_t alignment)
{
    size_t first = (used + alignment - 1) / alignment * alignment;
    REQUIRE(bytes < ARENA && first + bytes + 2 * ZONE < ARENA);
    size_t end = first + bytes;
    allow(first, end);
    forbid(end, end + ZONE);
    used = (end + ZONE + 7) / 8 * 8;
    return arena + first;
}

void *fuzz_room(size_t bytes)
{
    return fuzz_room_aligned(bytes, 8);
}

size_t fuzz_mark(void)
{
    return used;
}

void fuzz_release(size_t mark)
{
    close_rooms(mark);
    used = mark;
}

void fuzz_use_version(unsigned byte)
{
    fseg_active = fuzz_versions[byte % fuzz_version_count];
}

fuzz_size fuzz_size_of(fuzz_input *input)
{
    unsigned kind = fuzz_byte(input), line_byte = fuzz_byte(input), length_byte = fuzz_byte(input);
    size_t most = kind < 16 ? MOST_PIXELS : USUAL_PIXELS;
    fuzz_size size = {line_byte % (LONGEST_SIDE + 1), length_byte % (LONGEST_SIDE + 1)};
    if (kind & 1) {
        /* A few long lines. */
        size.length = (length_byte << 8 | line_byte) % (most + 1);
        size.lines = kind >> 1 & 3;
    }
    if (size.length && size.lines > most / size.length)
        size.lines = most / size.length;
    return size;
}

fuzz_input fuzz_take(fuzz_input *input, size_t size)
{
    fuzz_input taken = {input->data, size < input->size ? size : input->size};
    input->data += taken.size;
    input->size -= taken.size;
    return taken;
}

/* Length of the run that a byte stands for: most are short, some fill lines. */
static uint32_t run_of(unsigned byte, uint32_t unit)
{
    uint32_t length = byte & 0x3f;
    switch (byte >> 6) {
    case 2:
        return unit > 31 ? unit - 31 + length : 1;
    case 3:
        return unit && UINT32_MAX / unit > length ? length * unit : UINT32_MAX;
    default:
        return length;
    }
}

fuzz_runs fuzz_mask(fuzz_input input, uint32_t area, uint32_t unit)
{
    /* As many as there may be: one for each byte, and the rest. */
    size_t most = input.size + 1;
    size_t mark = fuzz_mark();
    uint32_t *counts = fuzz_room(most * sizeof *counts), left = area;
    size_t n = 0;
    while (left && input.size) {
        uint32_t length = run_of(fuzz_byte(&input), unit);
        if (n && !length)
            length = 1;
        length = length < left ? length : left;
        counts[n++] = length;
        left -= length;
    }
    if (left || !n)
        counts[n++] = left;
    fuzz_release(mark);
    /* The same place, cut to size. */
    fuzz_runs mask = {fuzz_room(n * sizeof *counts), n};
    return mask;
}

uint8_t *fuzz_decode(fuzz_runs mask, size_t area)
{
    uint8_t *pixels = fuzz_room(area);
    size_t at = 0;
    for (size_t i = 0; i < mask.n; i++) {
        memset(pixels + at, (int)(i & 1), mask.counts[i]);
        at += mask.counts[i];
    }
    REQUIRE(at == area);
    return pixels;
}

fuzz_runs fuzz_encode(const uint8_t *pixels, size_t area)
{
    size_t n = 1;
    for (size_t i = 0; i < area; i++)
        n += (pixels[i] != 0) != (i ? pixels[i - 1] != 0 : 0);
    fuzz_runs mask = {fuzz_room(n * sizeof(uint32_t)), 0};
    uint32_t length = 0;
    for (size_t i = 0; i < area; i++) {
        if ((pixels[i] != 0) != (int)(mask.n & 1)) {
            mask.counts[mask.n++] = length;
            length = 0;
        }
        length++;
    }
    mask.counts[mask.n++] = length;
    REQUIRE(mask.n == n);
    return mask;
}

int fuzz_same_runs(const uint32_t *counts, size_t n, fuzz_runs expected)
{
    return n == expected.n && memcmp(counts, expected.counts, n * sizeof *counts) == 0;
}

fseg_plane fuzz_plane(size_t lines, size_t length, const uint8_t *pixels)
{
    size_t words = (length + 63) / 64;
    fseg_plane plane = {fuzz_room((lines * words + FSEG_SLACK) * sizeof(uint64_t)), lines, length,
                        words};
    if (!pixels) {
        /* What was there before must not matter. */
        memset(plane.bits, FORBIDDEN, lines * words * sizeof(uint64_t));
        return plane;
    }
    memset(plane.bits, 0, lines * words * sizeof(uint64_t));
    for (size_t line = 0; line < lines; line++)
        for (size_t i = 0; i < length; i++)
            if (pixels[line * length + i])
                plane.bits[line * words + i / 64] |= UINT64_C(1) << i % 64;
    return plane;
}

int fuzz_same_planes(const fseg_plane *a, const fseg_plane *b)
{
    return a->lines == b->lines && a->length == b->length && a->words == b->words
           && memcmp(a->bits, b->bits, a->lines * a->words * sizeof(uint64_t)) == 0;
}
