# C declarations, a mirror of csrc/faceseg.h.

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "<stdint.h>" nogil:
    uint64_t UINT64_C(uint64_t)


cdef extern from "faceseg.h" nogil:
    enum:
        FSEG_MOST_MAPPED
        FSEG_SLACK

    ctypedef struct fseg_plane:
        uint64_t *bits
        size_t lines
        size_t length
        size_t words

    ctypedef enum fseg_status:
        FSEG_OK
        FSEG_TOO_LARGE
        FSEG_NO_RUNS
        FSEG_BAD_RUN
        FSEG_TOO_LONG
        FSEG_TOO_SHORT
        FSEG_BAD_CHARACTER
        FSEG_BAD_NUMBER
        FSEG_BAD_START
        FSEG_OVERLAP
        FSEG_ODD_TOKENS
        FSEG_TRUNCATED
        FSEG_OVERLONG
        FSEG_BAD_PREDICTION
        FSEG_BAD_TARGET
        FSEG_NAN
        FSEG_NO_PROBABILITY
        FSEG_BAD_VERTEX

    ctypedef struct fseg_fault:
        size_t position
        int64_t found
        int64_t expected

    enum:
        FSEG_MOST_VERSIONS

    size_t fseg_versions(const char **names)
    int fseg_select(const char *name)
    const char *fseg_selected()

    ctypedef enum fseg_test:
        FSEG_NONZERO_U8
        FSEG_EQUAL_U8
        FSEG_ABOVE_F32
        FSEG_ABOVE_F64

    ctypedef struct fseg_source:
        const void *pixels
        size_t rows
        size_t columns
        ptrdiff_t stride
        fseg_test test
        uint8_t label
        double threshold

    fseg_status fseg_pack(
        const fseg_source *source, int transposed, const fseg_plane *plane, size_t *runs,
        fseg_fault *fault)
    size_t fseg_plane_runs(const fseg_plane *plane)
    void fseg_plane_emit(const fseg_plane *plane, uint32_t *counts, size_t runs)
    void fseg_plane_transpose(const fseg_plane *source, const fseg_plane *to)

    ctypedef struct fseg_target:
        void *pixels
        size_t rows
        size_t columns
        ptrdiff_t stride
        size_t size
        uint64_t value
        int paint

    void fseg_plane_fill(const uint32_t *counts, size_t runs, const fseg_plane *plane)
    void fseg_plane_fill_resized(
        const uint32_t *counts, size_t runs, size_t lines, size_t length,
        const fseg_plane *plane, uint32_t *scratch)
    void fseg_decode(const uint32_t *counts, size_t runs, const fseg_target *target)
    size_t fseg_across_scratch(size_t rows, size_t columns)
    void fseg_decode_across(
        const uint32_t *counts, size_t runs, const fseg_target *target, uint64_t *scratch)
    size_t fseg_labels_scratch(size_t n)
    void fseg_decode_labels(
        const uint32_t *const *counts, const size_t *runs, const uint64_t *values, size_t n,
        uint64_t background, const fseg_target *target, void *scratch)
    void fseg_expand(const fseg_plane *plane, int transposed, const fseg_target *target)

    size_t fseg_kaggle_tokens(const char *text, size_t length)
    fseg_status fseg_parse_kaggle(
        const char *text, size_t length, uint32_t base, uint32_t area, uint32_t *counts,
        size_t *runs, fseg_fault *fault)
    size_t FSEG_KAGGLE_ROOM(size_t runs)
    size_t fseg_write_kaggle(const uint32_t *counts, size_t runs, uint32_t base, char *text)

    size_t fseg_coco_numbers(const char *text, size_t length)
    fseg_status fseg_parse_coco(
        const char *text, size_t length, uint32_t area, uint32_t *counts, size_t *runs,
        fseg_fault *fault)
    size_t FSEG_COCO_ROOM(size_t runs)
    size_t fseg_write_coco(const uint32_t *counts, size_t runs, char *text)

    fseg_status fseg_check_runs(
        const uint32_t *counts, size_t runs, uint32_t area, fseg_fault *fault)
    uint64_t fseg_area(const uint32_t *counts, size_t runs)

    ctypedef enum fseg_operation:
        FSEG_AND
        FSEG_OR
        FSEG_XOR
        FSEG_MINUS

    size_t fseg_merge(
        fseg_operation operation, const uint32_t *a, size_t a_runs, const uint32_t *b,
        size_t b_runs, uint32_t *result)
    size_t fseg_merge_many(
        fseg_operation operation, const uint32_t *const *counts, const size_t *runs, size_t n,
        uint32_t *result, uint32_t *scratch)
    uint64_t fseg_intersection(
        const uint32_t *a, size_t a_runs, const uint32_t *b, size_t b_runs)
    size_t fseg_intersections_scratch(
        const uint32_t *const *a, const size_t *a_runs, size_t m, const uint32_t *const *b,
        const size_t *b_runs, size_t n, uint32_t area)
    void fseg_intersections(
        const uint32_t *const *a, const size_t *a_runs, size_t m, const uint32_t *const *b,
        const size_t *b_runs, size_t n, uint32_t area, uint64_t *table, void *scratch)

    int fseg_bounds(
        const uint32_t *counts, size_t runs, size_t lines, size_t length, size_t *first_line,
        size_t *last_line, size_t *first_position, size_t *last_position)
    void fseg_moments(
        const uint32_t *counts, size_t runs, size_t length, double *lines, double *positions)
    int fseg_contains(const uint32_t *counts, size_t runs, size_t at)
    size_t fseg_window_room(
        const uint32_t *counts, size_t runs, size_t lines, size_t length, size_t new_lines,
        size_t new_length)
    size_t fseg_window(
        const uint32_t *counts, size_t runs, size_t lines, size_t length, ptrdiff_t line,
        ptrdiff_t position, size_t new_lines, size_t new_length, uint32_t *result)
    size_t fseg_flip_room(const uint32_t *counts, size_t runs, size_t lines, size_t length)
    size_t fseg_flip(
        const uint32_t *counts, size_t runs, size_t lines, size_t length, int within_lines,
        int of_lines, uint32_t *result)
    void fseg_plane_boundary(const fseg_plane *source, int connectivity, const fseg_plane *to)

    ctypedef struct fseg_span:
        uint32_t start
        uint32_t length

    size_t fseg_spans(const uint32_t *counts, size_t runs, size_t length)
    size_t fseg_components(
        const uint32_t *counts, size_t runs, size_t length, int connectivity, fseg_span *spans,
        uint32_t *labels)

    void fseg_component_runs(
        const fseg_span *spans, const uint32_t *labels, size_t n, size_t components,
        uint32_t area, uint32_t *result, size_t *starts, size_t *runs)

    fseg_status fseg_polygon_rooms(
        const double *xy, size_t vertices, size_t rows, size_t columns, size_t *counts_room,
        size_t *scratch_room, fseg_fault *fault)
    size_t fseg_polygon(
        const double *xy, size_t vertices, size_t rows, size_t columns, uint32_t *counts,
        uint64_t *scratch)
    void fseg_box(const double *box, double *xy)
    fseg_status fseg_outline_rooms(
        const uint32_t *counts, size_t runs, size_t lines, size_t length, size_t *vertices,
        size_t *scratch_room, fseg_fault *fault)
    size_t fseg_outlines(
        const uint32_t *counts, size_t runs, size_t lines, size_t length, int columns,
        int connectivity, int32_t *xy, size_t *ends, void *scratch)

    ctypedef enum fseg_type:
        FSEG_U8
        FSEG_I64
        FSEG_F16
        FSEG_BF16
        FSEG_F32
        FSEG_F64

    ctypedef struct fseg_labels:
        const void *pixels
        fseg_type type
        int has_ignore
        int64_t ignore

    ctypedef struct fseg_values:
        const void *pixels
        fseg_type type
        double threshold
        int skip_nan

    ctypedef struct fseg_classes:
        unsigned classes
        ptrdiff_t class_step
        ptrdiff_t pixel_step

    void fseg_count_masks(
        const uint8_t *prediction, const uint8_t *target, size_t pixels, int64_t *counts)
    fseg_status fseg_count_above(
        const fseg_values *values, const fseg_labels *target, size_t pixels, int64_t *counts,
        fseg_fault *fault)
    fseg_status fseg_confusion(
        const fseg_labels *prediction, const fseg_labels *target, size_t pixels,
        unsigned classes, int64_t *matrix, fseg_fault *fault)
    fseg_status fseg_confusion_highest(
        const fseg_values *values, const fseg_classes *classes, const fseg_labels *target,
        size_t pixels, int64_t *matrix, fseg_fault *fault)

    enum:
        FSEG_RANKS
        FSEG_MOST_THRESHOLDS

    ctypedef struct fseg_ladder:
        const double *wide
        size_t n
        float *thresholds
        uint32_t *lowest

    void fseg_ladder_fill(fseg_ladder *ladder)
    fseg_status fseg_sweep(
        const fseg_values *values, const fseg_ladder *ladder, const fseg_labels *target,
        size_t pixels, int64_t *table, fseg_fault *fault)
    fseg_status fseg_calibrate(
        const fseg_values *values, size_t bins, const fseg_labels *target, size_t pixels,
        int64_t *counts, double *sums, fseg_fault *fault)


cdef extern from "portable.h" nogil:
    const int FSEG_BIG_ENDIAN
    uint64_t fseg_swap(uint64_t word)
