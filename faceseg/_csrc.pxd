# C declarations, a mirror of csrc/faceseg.h.

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "faceseg.h" nogil:
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
        FSEG_CHANGED

    ctypedef struct fseg_fault:
        size_t position
        int64_t found
        int64_t expected

    fseg_status fseg_count_rows(
        const uint8_t *mask, size_t rows, size_t columns, ptrdiff_t stride,
        size_t *runs, fseg_fault *fault)
    fseg_status fseg_encode_rows(
        const uint8_t *mask, size_t rows, size_t columns, ptrdiff_t stride,
        uint32_t *counts, size_t runs, fseg_fault *fault)
    fseg_status fseg_count_columns(
        const uint8_t *mask, size_t rows, size_t columns, ptrdiff_t stride,
        uint32_t *starts, size_t *runs, fseg_fault *fault)
    fseg_status fseg_encode_columns(
        const uint8_t *mask, size_t rows, size_t columns, ptrdiff_t stride,
        uint32_t *starts, uint32_t *counts, size_t runs, fseg_fault *fault)
    fseg_status fseg_check_runs(
        const uint32_t *counts, size_t runs, uint32_t area, fseg_fault *fault)
    fseg_status fseg_decode_rows(
        const uint32_t *counts, size_t runs, uint8_t value, uint8_t *mask, size_t area,
        fseg_fault *fault)
    fseg_status fseg_decode_columns(
        const uint32_t *counts, size_t runs, uint8_t value, uint8_t *mask,
        size_t rows, size_t columns, fseg_fault *fault)
    uint64_t fseg_area(const uint32_t *counts, size_t runs)

    size_t fseg_kaggle_tokens(const char *text, size_t length)
    fseg_status fseg_parse_kaggle(
        const char *text, size_t length, uint32_t base, uint32_t area,
        uint32_t *counts, size_t capacity, size_t *runs, fseg_fault *fault)
    size_t fseg_kaggle_length(const uint32_t *counts, size_t runs, uint32_t base)
    fseg_status fseg_write_kaggle(
        const uint32_t *counts, size_t runs, uint32_t base, char *text, size_t length,
        fseg_fault *fault)
    size_t fseg_coco_runs(const char *text, size_t length)
    fseg_status fseg_parse_coco(
        const char *text, size_t length, uint32_t area, uint32_t *counts, size_t runs,
        fseg_fault *fault)
    size_t fseg_coco_length(const uint32_t *counts, size_t runs)
    fseg_status fseg_write_coco(
        const uint32_t *counts, size_t runs, char *text, size_t length, fseg_fault *fault)

    fseg_status fseg_confusion_u8(
        const uint8_t *prediction, const uint8_t *target, size_t pixels, unsigned int classes,
        int has_ignore, int64_t ignore, int64_t *matrix, fseg_fault *fault)
    fseg_status fseg_confusion_i64(
        const int64_t *prediction, const int64_t *target, size_t pixels, unsigned int classes,
        int has_ignore, int64_t ignore, int64_t *matrix, fseg_fault *fault)
