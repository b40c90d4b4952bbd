/* What the fuzz targets share: rooms of exact size, the versions, and masks made from bytes.
 *
 * A target takes any bytes, makes a legal call of them, and compares what every version answers
 * with a plain way to the same answer. It takes no memory from the system: rooms lie in one arena,
 * each between zones that no kernel may touch (the address sanitizer sees to it, or bytes that are
 * looked at afterwards where it is not linked). */
#ifndef FACESEG_FUZZ_H
#define FACESEG_FUZZ_H

#include "dispatch.h"
#include "faceseg.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Abort, saying what does not hold. */
#define REQUIRE(holds)                                                                             \
    do {                                                                                           \
        if (!(holds))                                                                              \
            fuzz_fail(__FILE__, __LINE__, #holds);                                                 \
    } while (0)
void fuzz_fail(const char *file, int line, const char *what);

/* Take each version that runs here into use, the plainest first. */
#define FOR_EACH_VERSION                                                                           \
    for (size_t version = 0; version < fuzz_version_count; version++)                              \
        if (fseg_active = fuzz_versions[version], 1)
extern const fseg_version *fuzz_versions[FSEG_MOST_VERSIONS];
extern size_t fuzz_version_count;

/* Take the version that a byte stands for into use: where a plain way to the answer is at hand, one
 * version an input is four times as many inputs. */
void fuzz_use_version(unsigned byte);

/* At the beginning and the end of each input. */
void fuzz_begin(void);
void fuzz_end(void);

/* Bytes until fuzz_end(), or fuzz_release() of a mark taken before; not cleared. */
void *fuzz_room(size_t bytes);
void *fuzz_room_aligned(size_t bytes, size_t alignment);
size_t fuzz_mark(void);
void fuzz_release(size_t mark);

static inline uint32_t *fuzz_counts_room(size_t runs)
{
    return fuzz_room((runs + FSEG_SLACK) * sizeof(uint32_t));
}

/* The input, byte by byte; zeros after its end. */
typedef struct {
    const uint8_t *data;
    size_t size;
} fuzz_input;

static inline unsigned fuzz_byte(fuzz_input *input)
{
    if (!input->size)
        return 0;
    input->size--;
    return *input->data++;
}

static inline unsigned fuzz_pair(fuzz_input *input)
{
    unsigned low = fuzz_byte(input);
    return low | fuzz_byte(input) << 8;
}

/* Cut `size` bytes off the front, or all there are. */
fuzz_input fuzz_take(fuzz_input *input, size_t size);

/* Lines and their length, on both sides of the widths of vectors and words: mostly few pixels, to
 * have more inputs in the same time, sometimes several tiles of 64 x 64. */
typedef struct {
    size_t lines, length;
} fuzz_size;
fuzz_size fuzz_size_of(fuzz_input *input);

/* Runs, in exactly as many elements as there are. */
typedef struct {
    uint32_t *counts;
    size_t n;
} fuzz_runs;

/* A mask of `area` pixels made of any bytes; `unit` is a length that runs like to have. */
fuzz_runs fuzz_mask(fuzz_input input, uint32_t area, uint32_t unit);

/* The same mask as one byte a pixel, and back. */
uint8_t *fuzz_decode(fuzz_runs mask, size_t area);
fuzz_runs fuzz_encode(const uint8_t *pixels, size_t area);

int fuzz_same_runs(const uint32_t *counts, size_t n, fuzz_runs expected);

/* A plane with room for its bits; with those of `pixels`, which lie line by line, if not NULL. */
fseg_plane fuzz_plane(size_t lines, size_t length, const uint8_t *pixels);
int fuzz_same_planes(const fseg_plane *a, const fseg_plane *b);

#endif
