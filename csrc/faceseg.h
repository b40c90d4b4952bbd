/* Run-length and confusion kernels: the whole interface.
 *
 * Rules that hold for every function
 * - No memory is owned, no thread is started, nothing is printed. The caller gives every buffer and
 *   its size; a size is counted first (`fseg_count_*`, `fseg_*_length`) and filled second.
 * - A capacity is never exceeded, not even when another thread changes an input between the two
 *   calls: that is answered with FSEG_CHANGED.
 * - Functions that can fail return a status and, unless it is FSEG_OK, set all of `*fault`. What
 *   they wrote elsewhere is then to be thrown away.
 *
 * Runs
 * A mask of `area` pixels, read in some order, is an array of uint32 run lengths. The first run
 * counts zeros and may be empty, the following ones alternate and may not; their sum is the area.
 * The area is at most UINT32_MAX. A mask without pixels has the one run {0}.
 *
 * Masks
 * Bytes, zero is background. `stride` is the distance in bytes from one row to the next and may be
 * negative; the bytes of a row follow each other. A mask in column-major memory is the row-major
 * mask of its transpose: swap the sides and use the other of the two orders.
 */
#ifndef FACESEG_H
#define FACESEG_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    FSEG_OK = 0,
    FSEG_TOO_LARGE,      /* found: rows; expected: the most rows of this width */
    FSEG_NO_RUNS,        /* an empty array of runs */
    FSEG_BAD_RUN,        /* found: the length of the run; expected: the least it may be */
    FSEG_TOO_LONG,       /* found: pixels up to the end of this run; expected: the area */
    FSEG_TOO_SHORT,      /* found: pixels in all runs; expected: the area */
    FSEG_BAD_CHARACTER,  /* found: the byte */
    FSEG_BAD_NUMBER,     /* a number over UINT32_MAX (expected), or under -UINT32_MAX */
    FSEG_BAD_START,      /* found: the start; expected: the least it may be */
    FSEG_OVERLAP,        /* found: the start; expected: the least it may be after the run before */
    FSEG_ODD_TOKENS,     /* found: the number of tokens; expected: one more */
    FSEG_TRUNCATED,      /* the text ends inside a number */
    FSEG_OVERLONG,       /* a number in more groups than it needs, or than any run needs */
    FSEG_BAD_PREDICTION, /* found: the label; expected: the number of classes */
    FSEG_BAD_TARGET,     /* found: the label; expected: the number of classes */
    FSEG_CHANGED         /* a buffer did not hold still between counting and filling */
} fseg_status;

/* Where and why. `position` is the index of a run (array of runs), the byte offset of a number or
 * character (text), or the index of a pixel (labels). */
typedef struct {
    size_t position;
    int64_t found;
    int64_t expected;
} fseg_fault;

/* --- rle.c ----------------------------------------------------------------------------------- */

/* Number of runs of a mask read row by row. Cost: one read of the mask. */
fseg_status fseg_count_rows(const uint8_t *mask, size_t rows, size_t columns, ptrdiff_t stride,
                            size_t *runs, fseg_fault *fault);

/* Fill `counts`, of exactly the `runs` that fseg_count_rows found. Cost: one read of the mask. */
fseg_status fseg_encode_rows(const uint8_t *mask, size_t rows, size_t columns, ptrdiff_t stride,
                             uint32_t *counts, size_t runs, fseg_fault *fault);

/* Number of runs of a mask read column by column. `starts`, of `columns` elements, receives where
 * each column's changes begin, for fseg_encode_columns. Cost: one read of the mask, in the order of
 * memory. */
fseg_status fseg_count_columns(const uint8_t *mask, size_t rows, size_t columns, ptrdiff_t stride,
                               uint32_t *starts, size_t *runs, fseg_fault *fault);

/* Fill `counts`, of exactly the `runs` that fseg_count_columns found, using up its `starts`. Cost:
 * one read of the mask, in the order of memory, and one scattered write per run. */
fseg_status fseg_encode_columns(const uint8_t *mask, size_t rows, size_t columns, ptrdiff_t stride,
                                uint32_t *starts, uint32_t *counts, size_t runs,
                                fseg_fault *fault);

/* Whether `counts` are the runs of a mask of `area` pixels. Cost: one read of the runs. */
fseg_status fseg_check_runs(const uint32_t *counts, size_t runs, uint32_t area, fseg_fault *fault);

/* Write the mask of `area` bytes (0 or `value`) that runs read row by row describe. The runs should
 * have passed fseg_check_runs; bounds are kept all the same. Cost: one write of the mask. */
fseg_status fseg_decode_rows(const uint32_t *counts, size_t runs, uint8_t value, uint8_t *mask,
                             size_t area, fseg_fault *fault);

/* Write the mask, row-major without gaps, that runs read column by column describe, as above. Cost:
 * two writes and one read of the mask, in the order of memory, and two scattered writes per run. */
fseg_status fseg_decode_columns(const uint32_t *counts, size_t runs, uint8_t value, uint8_t *mask,
                                size_t rows, size_t columns, fseg_fault *fault);

/* Number of foreground pixels. Exact for any array of fewer than 2^32 runs, valid or not. */
uint64_t fseg_area(const uint32_t *counts, size_t runs);

/* --- rle_text.c ------------------------------------------------------------------------------ */

/* Kaggle rows: decimal "start length start length ...", starts counted from `base`, separated by
 * ASCII white space. Runs that touch are joined when read. */

/* Number of tokens; one more is the capacity that fseg_parse_kaggle needs. */
size_t fseg_kaggle_tokens(const char *text, size_t length);

/* Read a text into at most `capacity` runs and set `*runs`. Cost: one read of the text. */
fseg_status fseg_parse_kaggle(const char *text, size_t length, uint32_t base, uint32_t area,
                              uint32_t *counts, size_t capacity, size_t *runs, fseg_fault *fault);

/* Bytes that fseg_write_kaggle writes, without a terminator. The runs may add up to any area. */
size_t fseg_kaggle_length(const uint32_t *counts, size_t runs, uint32_t base);

/* Write exactly `length` bytes. */
fseg_status fseg_write_kaggle(const uint32_t *counts, size_t runs, uint32_t base, char *text,
                              size_t length, fseg_fault *fault);

/* COCO's compressed rows: the runs, from the fourth on as differences from the run two before, in
 * groups of five bits, least significant first, each stored as a character from '0' to 'o'. */

/* Number of numbers in a text, right for a text that fseg_parse_coco accepts. */
size_t fseg_coco_runs(const char *text, size_t length);

/* Read a text into exactly `runs` runs. Cost: one read of the text. */
fseg_status fseg_parse_coco(const char *text, size_t length, uint32_t area, uint32_t *counts,
                            size_t runs, fseg_fault *fault);

/* Bytes that fseg_write_coco writes, without a terminator: at most seven per run. */
size_t fseg_coco_length(const uint32_t *counts, size_t runs);

/* Write exactly `length` bytes. */
fseg_status fseg_write_coco(const uint32_t *counts, size_t runs, char *text, size_t length,
                            fseg_fault *fault);

/* --- confusion.c ----------------------------------------------------------------------------- */

/* Add each pair of labels to `matrix`, (classes, classes) in row-major order, rows the target and
 * columns the prediction. Pairs whose target is `ignore` are left out, whatever was predicted; any
 * other label must be under `classes`, which is 1 to 256. Counts are exact up to 2^63 - 1 pixels.
 * Cost: one read of both. */
fseg_status fseg_confusion_u8(const uint8_t *prediction, const uint8_t *target, size_t pixels,
                              unsigned classes, int has_ignore, int64_t ignore, int64_t *matrix,
                              fseg_fault *fault);
fseg_status fseg_confusion_i64(const int64_t *prediction, const int64_t *target, size_t pixels,
                               unsigned classes, int has_ignore, int64_t ignore, int64_t *matrix,
                               fseg_fault *fault);

#endif
