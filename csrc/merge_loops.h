/* The inner loops of merge.c. Runs are such as fseg_check_runs accepts. */
#ifndef FACESEG_MERGE_LOOPS_H
#define FACESEG_MERGE_LOOPS_H

#include "faceseg.h"
#include "portable.h"

/* Words of a tile, the piece of a mask that is compared as bits; several fit the first cache. */
enum { FSEG_TILE_WORDS = 512 };

/* A change is a pixel that differs from the one before it, or the first one if it is foreground.
 * Its key is 2 * position + tag; the tags tell two masks apart. Positions up to this have keys. */
#define FSEG_LAST_KEY_POSITION UINT32_C(0x7ffffffe)

/* Elements around an array of keys that may be read; those behind it are UINT32_MAX. */
enum { FSEG_KEYS_BEFORE = 16, FSEG_KEYS_BEHIND = 80 };

/* What of a mask is not in a tile yet. */
typedef struct {
    uint64_t change;      /* position of the next change, or the area */
    const uint32_t *next; /* the run that begins there */
    const uint32_t *last; /* the last run of all */
    uint64_t inside;      /* all ones if the pixel before is foreground, else 0 */
} fseg_cursor;

typedef enum { FSEG_RUNS, FSEG_POSITIONS } fseg_form;

/* The changes of a mask: the runs up to them, or their positions; after them the last run, or the
 * area. */
typedef struct {
    const uint32_t *values;
    size_t changes;
    fseg_form form;
} fseg_changes;

#define FSEG_TOO_FAR SIZE_MAX

typedef struct {
    uint64_t (*area)(const uint32_t *counts, size_t runs);

    /* Sum of n runs; sets `*empty` if one of them is. */
    uint64_t (*sum)(const uint32_t *counts, size_t n, int *empty);

    /* Write the changes of the result, and what comes after them; return how many they are, or
     * FSEG_TOO_FAR if a position has no key. */
    size_t (*merge)(fseg_operation operation, fseg_changes a, fseg_changes b, fseg_form to,
                    uint32_t *result);

    /* The form of results that are merged again. */
    fseg_form between;

    /* Pixels that are foreground in both, or FSEG_TOO_FAR. */
    uint64_t (*intersection)(const uint32_t *a, size_t a_runs, const uint32_t *b, size_t b_runs);

    /* Write the keys of the runs - 1 changes of a mask, and FSEG_KEYS_BEHIND more. */
    void (*keys)(const uint32_t *counts, size_t runs, uint32_t tag, uint32_t *keys);

    /* Pixels that are foreground in both; a has the tag 0 and b 1, and both have changes. This and
     * `keys` are NULL where merging runs is as fast. */
    uint32_t (*intersection_of_keys)(const uint32_t *a, size_t a_n, const uint32_t *b, size_t b_n,
                                     uint32_t area);

    /* Fill a tile with the pixels from `start` on. */
    void (*fill)(fseg_cursor *cursor, uint64_t start, uint64_t area, uint64_t *words);

    /* Combine a tile with another one, in place. */
    void (*combine)(fseg_operation operation, uint64_t *words, const uint64_t *others);

    /* Number of bits set in both; n is a multiple of 8, and both are aligned to 64 bytes. */
    uint64_t (*intersection_of_words)(const uint64_t *a, const uint64_t *b, size_t n);

    /* Picoseconds for a pair that is merged and each of its changes, a word of a pair that is
     * compared, a change that is filled and a word that is filled. Only their ratios matter. */
    unsigned pair_cost;
    unsigned merge_cost;
    unsigned word_cost;
    unsigned fill_change_cost;
    unsigned fill_word_cost;
} fseg_merge_loops;

void fseg_merge_fill_scalar(fseg_cursor *cursor, uint64_t start, uint64_t area, uint64_t *words);

extern const fseg_merge_loops fseg_merge_scalar;
#if FSEG_X86
extern const fseg_merge_loops fseg_merge_sse2;
extern const fseg_merge_loops fseg_merge_avx2;
extern const fseg_merge_loops fseg_merge_avx512;
#endif
#if FSEG_ARM
extern const fseg_merge_loops fseg_merge_neon;
#endif

#endif
