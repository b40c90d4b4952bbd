/* Run-length and confusion kernels: the whole interface.
 *
 * Rules that hold for every function
 * - No memory is owned, no thread is started, nothing is printed. The caller gives every buffer, of
 *   the room that is stated. Buffers of runs and of text have FSEG_SLACK more elements than are
 *   used, and planes FSEG_SLACK more words, since vectors are stored whole; nothing is read or
 *   written beyond that. Inputs are read only where they are valid.
 * - Functions that can fail return a status and, unless it is FSEG_OK, set all of `*fault`. What
 *   they wrote elsewhere is then to be thrown away. Functions without a status take runs that
 *   fseg_check_runs accepts.
 * - Pixels may change while they are read (another thread): the result is then that of some mask.
 *
 * Runs
 * A mask of `area` pixels, read in some order, is an array of uint32 run lengths. The first run
 * counts zeros and may be empty, the following ones alternate and may not; their sum is the area.
 * The area is at most UINT32_MAX. A mask without pixels has the one run {0}.
 *
 * Planes
 * One bit per pixel, in `lines` lines of `length` pixels; each line begins at a new 64-bit word,
 * pixel i at bit i % 64 of word i / 64, and the bits after its end are zero. The lines are the rows
 * of a mask whose runs are read row by row, the columns of one that is read column by column. A mask
 * without gaps may also be one line of all its pixels.
 */
#ifndef FACESEG_H
#define FACESEG_H

#include <stddef.h>
#include <stdint.h>

enum { FSEG_SLACK = 64 };

typedef struct {
    uint64_t *bits;
    size_t lines;
    size_t length;
    size_t words; /* in a line: (length + 63) / 64 */
} fseg_plane;

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
    FSEG_NAN,            /* a pixel that is no number */
    FSEG_NO_PROBABILITY, /* a value under 0 or over 1 */
    FSEG_BAD_VERTEX      /* position: the vertex; found: 0 for its x, 1 for its y */
} fseg_status;

/* Where and why. `position` is the index of a run (array of runs), the byte offset of a number or
 * character (text), or the index of a pixel (labels). */
typedef struct {
    size_t position;
    int64_t found;
    int64_t expected;
} fseg_fault;

/* --- dispatch.c ------------------------------------------------------------------------------ */

enum { FSEG_MOST_VERSIONS = 5 };

/* Names of the versions of the inner loops that this machine can run, the fastest last. */
size_t fseg_versions(const char *names[FSEG_MOST_VERSIONS]);

/* Use a version, by name, or the fastest (NULL); whether there is such a one. Not while another
 * thread is inside a kernel. */
int fseg_select(const char *name);

/* Name of the version in use. */
const char *fseg_selected(void);

/* --- pack.c: pixels to planes, planes to runs ------------------------------------------------- */

/* What makes a pixel foreground. */
typedef enum {
    FSEG_NONZERO_U8, /* uint8, not 0 */
    FSEG_EQUAL_U8,   /* uint8, the same as `label` */
    FSEG_ABOVE_F32,  /* float, over `threshold`, compared as doubles; NaN is refused */
    FSEG_ABOVE_F64   /* double, as above */
} fseg_test;

/* Pixels to encode. The elements of a row follow each other; `stride` is the distance in bytes from
 * one row to the next and may be negative. */
typedef struct {
    const void *pixels;
    size_t rows;
    size_t columns;
    ptrdiff_t stride;
    fseg_test test;
    uint8_t label;
    double threshold;
} fseg_source;

/* Fill a plane from pixels: with the rows as its lines, or with the columns (`transposed`), and set
 * `*runs` to the number of runs it has. The plane's lines, length and words are set by the caller.
 * FSEG_NAN: position row * columns + column. Cost: one read of the pixels, in the order of memory. */
fseg_status fseg_pack(const fseg_source *source, int transposed, const fseg_plane *plane,
                      size_t *runs, fseg_fault *fault);

/* Number of runs of a plane. */
size_t fseg_plane_runs(const fseg_plane *plane);

/* Write the `runs` runs of a plane to `counts`. */
void fseg_plane_emit(const fseg_plane *plane, uint32_t *counts, size_t runs);

/* Write the transpose of a plane; `to` has its own lines, length and words set. */
void fseg_plane_transpose(const fseg_plane *from, const fseg_plane *to);

/* --- decode.c: runs to planes, runs and planes to pixels -------------------------------------- */

/* Pixels to write: `value` is the bit pattern of a foreground element in its low `size` bytes (1, 2,
 * 4 or 8), background is 0 or, with `paint`, left as it was. */
typedef struct {
    void *pixels;
    size_t rows;
    size_t columns;
    ptrdiff_t stride;
    size_t size;
    uint64_t value;
    int paint;
} fseg_target;

/* Fill a plane from the runs of a mask of lines * length pixels. */
void fseg_plane_fill(const uint32_t *counts, size_t runs, const fseg_plane *plane);

/* Fill a plane from the runs of a mask of `lines` * `length` pixels, resized to the plane's lines
 * and length: pixel i of n takes pixel floor(i * m / n) of m. `scratch` has FSEG_MOST_MAPPED
 * elements, or length + 1 if that is less. */
enum { FSEG_MOST_MAPPED = 1 << 16 };
void fseg_plane_fill_resized(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                             const fseg_plane *plane, uint32_t *scratch);

/* Write the pixels of runs that were read in the order of the target's memory. */
void fseg_decode(const uint32_t *counts, size_t runs, const fseg_target *target);

/* Write the pixels of runs that were read across the order of the target's memory: down the columns,
 * from left to right. `scratch` has fseg_across_scratch() words, best aligned to 64 bytes; a mask of
 * one colour needs none. */
size_t fseg_across_scratch(size_t rows, size_t columns);
void fseg_decode_across(const uint32_t *counts, size_t runs, const fseg_target *target,
                        uint64_t *scratch);

/* Write a label map: values[i] where the runs counts[i] have foreground, the last of n masks on top,
 * and `background` elsewhere. All runs were read in the order of the target's memory; its `value` and
 * `paint` are not read. `scratch` has fseg_labels_scratch() bytes, aligned to 8. */
size_t fseg_labels_scratch(size_t n);
void fseg_decode_labels(const uint32_t *const *counts, const size_t *runs, const uint64_t *values,
                        size_t n, uint64_t background, const fseg_target *target, void *scratch);

/* Write the pixels of a plane whose lines are the rows of the target, or its columns
 * (`transposed`). */
void fseg_expand(const fseg_plane *plane, int transposed, const fseg_target *target);

/* --- text.c: runs <-> text -------------------------------------------------------------------- */

/* Kaggle rows: decimal "start length start length ...", starts counted from `base`, separated by
 * ASCII white space. Runs that touch are joined when read. */

/* Number of tokens; one more, and FSEG_SLACK, is the room that fseg_parse_kaggle needs. */
size_t fseg_kaggle_tokens(const char *text, size_t length);

/* Read a text and set `*runs`. Cost: one read of the text. */
fseg_status fseg_parse_kaggle(const char *text, size_t length, uint32_t base, uint32_t area,
                              uint32_t *counts, size_t *runs, fseg_fault *fault);

/* Room for the text of any mask of so many runs: "start length " takes at most 22 bytes. */
#define FSEG_KAGGLE_ROOM(runs) ((runs) / 2 * 22 + FSEG_SLACK)

/* Write the text, without a terminator; return its length. */
size_t fseg_write_kaggle(const uint32_t *counts, size_t runs, uint32_t base, char *text);

/* COCO's compressed rows: the runs, from the fourth on as differences from the run two before, in
 * groups of five bits, least significant first, each stored as a character from '0' to 'o'. */

/* Number of numbers in a text; with FSEG_SLACK, the room that fseg_parse_coco needs. */
size_t fseg_coco_numbers(const char *text, size_t length);

/* Read a text and set `*runs`. Cost: one read of the text. */
fseg_status fseg_parse_coco(const char *text, size_t length, uint32_t area, uint32_t *counts,
                            size_t *runs, fseg_fault *fault);

/* Room for the text of any mask of so many runs. */
#define FSEG_COCO_ROOM(runs) (7 * (runs) + FSEG_SLACK)

/* Write the text, without a terminator; return its length. */
size_t fseg_write_coco(const uint32_t *counts, size_t runs, char *text);

/* --- merge.c: masks of one shape and order, as runs ------------------------------------------- */

/* Whether `counts` are the runs of a mask of `area` pixels. Cost: one read of the runs. */
fseg_status fseg_check_runs(const uint32_t *counts, size_t runs, uint32_t area, fseg_fault *fault);

/* Number of foreground pixels. */
uint64_t fseg_area(const uint32_t *counts, size_t runs);

typedef enum { FSEG_AND, FSEG_OR, FSEG_XOR, FSEG_MINUS } fseg_operation;

/* Write the runs of `a operation b` to `result`, which has room for a_runs + b_runs + FSEG_SLACK;
 * return their number. */
size_t fseg_merge(fseg_operation operation, const uint32_t *a, size_t a_runs, const uint32_t *b,
                  size_t b_runs, uint32_t *result);

/* The same of n masks, from left to right (FSEG_MINUS: the first without the others); n > 0. `result`
 * and `scratch` have room for the sum of all runs and FSEG_SLACK each. */
size_t fseg_merge_many(fseg_operation operation, const uint32_t *const *counts, const size_t *runs,
                       size_t n, uint32_t *result, uint32_t *scratch);

/* Number of pixels that are foreground in both. */
uint64_t fseg_intersection(const uint32_t *a, size_t a_runs, const uint32_t *b, size_t b_runs);

/* The same for each of m masks with each of n, into `table` (m, n), row-major. `scratch` has
 * fseg_intersections_scratch() bytes, aligned to 64. */
size_t fseg_intersections_scratch(const uint32_t *const *a, const size_t *a_runs, size_t m,
                                  const uint32_t *const *b, const size_t *b_runs, size_t n,
                                  uint32_t area);
void fseg_intersections(const uint32_t *const *a, const size_t *a_runs, size_t m,
                        const uint32_t *const *b, const size_t *b_runs, size_t n, uint32_t area,
                        uint64_t *table, void *scratch);

/* --- geometry.c: shapes, as runs. A mask has `lines` lines of `length` pixels ------------------ */

/* Smallest lines and positions, [first, last], that hold the foreground; 0 if there is none. */
int fseg_bounds(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                size_t *first_line, size_t *last_line, size_t *first_position,
                size_t *last_position);

/* Sums of the lines and of the positions of all foreground pixels: the doubles next to the exact
 * sums. */
void fseg_moments(const uint32_t *counts, size_t runs, size_t length, double *lines,
                  double *positions);

/* Whether pixel `at` is foreground. */
int fseg_contains(const uint32_t *counts, size_t runs, size_t at);

/* A window on a mask, which may reach beyond it (background there): pixel (l, p) of the result, of
 * new_lines * new_length, is pixel (l + line, p + position) of the mask. Serves crop, pad and
 * translate. fseg_window_room() elements of room, no more slack. */
size_t fseg_window_room(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                        size_t new_lines, size_t new_length);
size_t fseg_window(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                   ptrdiff_t line, ptrdiff_t position, size_t new_lines, size_t new_length,
                   uint32_t *result);

/* The pixels of each line, or the lines, or both, in opposite order. fseg_flip_room() elements of
 * room, no more slack. */
size_t fseg_flip_room(const uint32_t *counts, size_t runs, size_t lines, size_t length);
size_t fseg_flip(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                 int within_lines, int of_lines, uint32_t *result);

/* The foreground pixels that have background, or the edge of the image, beside them (`connectivity`
 * 4) or also at a corner (8): what a 3 x 3 erosion with a cross, or a square, takes away. */
void fseg_plane_boundary(const fseg_plane *from, int connectivity, const fseg_plane *to);

/* --- components.c ----------------------------------------------------------------------------- */

/* Label the connected components (4 or 8) of a mask, from 0 in the order of their first pixels.
 * A run that crosses the end of a line is several spans. fseg_spans() counts the spans; `spans` has
 * room for that many, and `labels` too. Returns the number of components. */
typedef struct {
    uint32_t start; /* first pixel */
    uint32_t length;
} fseg_span;
size_t fseg_spans(const uint32_t *counts, size_t runs, size_t length);
size_t fseg_components(const uint32_t *counts, size_t runs, size_t length, int connectivity,
                       fseg_span *spans, uint32_t *labels);

/* Write the runs of each component k, runs[k] of them from result[starts[k]] on, given its spans
 * and labels. `result` has room for 2 * n + components elements, `starts` and `runs` for one per
 * component. */
void fseg_component_runs(const fseg_span *spans, const uint32_t *labels, size_t n,
                         size_t components, uint32_t area, uint32_t *result, size_t *starts,
                         size_t *runs);

/* --- polygons.c: outlines to runs, runs to outlines ------------------------------------------- */

/* A polygon is an array x0, y0, x1, y1, ... of image coordinates: the corner of the image is
 * (0, 0), pixel (row r, column c) lies between (c, r) and (c + 1, r + 1). The last vertex is joined
 * to the first; the inside is where the outline has been crossed an odd number of times. A
 * coordinate that is no number, or further than this from 0, is refused. */
#define FSEG_FURTHEST 4294967296.0

/* Set the elements that fseg_polygon needs for its runs (no more slack) and its scratch; the array
 * must not change between the two. Fewer than 3 vertices are an empty mask. FSEG_TOO_LARGE: as
 * fseg_pack. Cost: the vertices. */
fseg_status fseg_polygon_rooms(const double *xy, size_t vertices, size_t rows, size_t columns,
                               size_t *counts_room, size_t *scratch_room, fseg_fault *fault);

/* Write the column-major runs of a polygon's mask of rows * columns pixels, the same as those of
 * pycocotools' frPoly, and return their number. Cost: the columns that each edge crosses inside the
 * image. */
size_t fseg_polygon(const double *xy, size_t vertices, size_t rows, size_t columns,
                    uint32_t *counts, uint64_t *scratch);

/* The polygon, of 4 vertices, of a box (x, y, width, height), as pycocotools' frBbox has it. */
void fseg_box(const double box[4], double xy[8]);

/* Number of vertices of all outlines of a mask, and (bytes, aligned to 8) the scratch to find them.
 * FSEG_TOO_LARGE: found: a length, number of lines or number of vertices; expected: the most. */
fseg_status fseg_outline_rooms(const uint32_t *counts, size_t runs, size_t lines, size_t length,
                               size_t *vertices, size_t *scratch_room, fseg_fault *fault);

/* Write the outlines, along the corners of pixels and without a vertex in a straight line: pairs
 * x, y of all `vertices` to `xy`, and to `ends`, which has room for vertices / 4, the number of
 * vertices up to the end of each outline. Return the number of outlines. The lines are the columns
 * of the image (`columns` 1) or the rows (0). Foreground is to the right along an outline: outer
 * ones go clockwise as one sees the image, those of holes the other way. Pixels that share only a
 * corner are joined there (`connectivity` 8: as many outer outlines as components) or apart (4).
 * The exclusive or of the outlines' masks, as fseg_polygon makes them, is the mask again. */
size_t fseg_outlines(const uint32_t *counts, size_t runs, size_t lines, size_t length, int columns,
                     int connectivity, int32_t *xy, size_t *ends, void *scratch);

/* --- confusion.c: counts of true and predicted pixels ------------------------------------------ */

/* Elements of arrays that are scored, at addresses that are multiples of their size. */
typedef enum { FSEG_U8, FSEG_I64, FSEG_F16, FSEG_BF16, FSEG_F32, FSEG_F64 } fseg_type;

/* Labels, FSEG_U8 or FSEG_I64. Pixels whose target is `ignore` are left out. */
typedef struct {
    const void *pixels;
    fseg_type type;
    int has_ignore;
    int64_t ignore;
} fseg_labels;

/* Logits or probabilities. A NaN is refused, unless the pixel is ignored, or its pixel is skipped. */
typedef struct {
    const void *pixels;
    fseg_type type;
    double threshold;
    int skip_nan;
} fseg_values;

/* Add the pixels of two masks, any byte but 0 is foreground, to the four counts: true background,
 * falsely foreground, falsely background, true foreground. Cost: one read of both. */
void fseg_count_masks(const uint8_t *prediction, const uint8_t *target, size_t pixels,
                      int64_t counts[4]);

/* The same of values over a threshold (compared as doubles) and targets that are not 0. FSEG_NAN:
 * position: the pixel. */
fseg_status fseg_count_above(const fseg_values *values, const fseg_labels *target, size_t pixels,
                             int64_t counts[4], fseg_fault *fault);

/* Add each pair of labels to `matrix`, (classes, classes) in row-major order, rows the target and
 * columns the prediction. All labels but those of ignored pixels must be under `classes`, which is 1
 * to 256. Counts are exact up to 2^63 - 1 pixels. Cost: one read of both. */
fseg_status fseg_confusion(const fseg_labels *prediction, const fseg_labels *target, size_t pixels,
                           unsigned classes, int64_t *matrix, fseg_fault *fault);

/* The same where the prediction is the class with the highest value, the first of equal ones. Class c
 * of pixel i is element i * pixel_step + c * class_step. */
typedef struct {
    unsigned classes;
    ptrdiff_t class_step;
    ptrdiff_t pixel_step;
} fseg_classes;
fseg_status fseg_confusion_highest(const fseg_values *values, const fseg_classes *classes,
                                   const fseg_labels *target, size_t pixels, int64_t *matrix,
                                   fseg_fault *fault);

/* Ascending thresholds, prepared for a sweep: `thresholds` has `n` + FSEG_SLACK elements, `lowest`
 * FSEG_RANKS. `wide` are the thresholds as they were given. Values have ranks, which ascend with
 * them. If thresholds have even distances, each has a rank of its own, in the middle of it: from
 * `first` on, `scale` to each unit. If not, `scale` is 0 and the rank is the upper half of a value's
 * bits; the thresholds under all values of a rank are the first `lowest`. Up to `steps` thresholds
 * are within a rank. */
enum { FSEG_RANKS = 1 << 16, FSEG_MOST_THRESHOLDS = 4096 };
typedef struct {
    const double *wide;
    size_t n;
    float *thresholds;
    uint32_t *lowest;
    unsigned steps;
    float first;
    float scale;
} fseg_ladder;

/* Fill what `thresholds` and `lowest` point to, and set the last three. The thresholds are no NaN, and at
 * most FSEG_MOST_THRESHOLDS. */
void fseg_ladder_fill(fseg_ladder *ladder);

/* Add each pixel to `table`, (2, n + 1): the row is whether its target is not 0, the column the
 * number of thresholds that its value is over. */
fseg_status fseg_sweep(const fseg_values *values, const fseg_ladder *ladder,
                       const fseg_labels *target, size_t pixels, int64_t *table,
                       fseg_fault *fault);

/* Add each pixel, by its probability, to one of `bins` of equal width: `counts` (2, bins), the row as
 * above, and `sums` (bins) of the probabilities. FSEG_NO_PROBABILITY: position: the pixel. */
fseg_status fseg_calibrate(const fseg_values *values, size_t bins, const fseg_labels *target,
                           size_t pixels, int64_t *counts, double *sums, fseg_fault *fault);

#endif
