# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: autotestdict=False
"""Buffers in, arrays or a `Fault` out; the algorithms are in csrc/.

Arguments are taken as they are: `faceseg.rle` and `faceseg.metrics` check them and word the faults.
A pointer to the first element of an empty buffer is made but never read.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

import numpy as np

from faceseg._csrc cimport *


class Fault(ValueError):
    """Why a kernel refused its input: `reason`, `position`, and the two numbers that disagree."""

    def __init__(self, reason, position, found, expected):
        super().__init__(reason, position, found, expected)
        self.reason = reason
        self.position = position
        self.found = found
        self.expected = expected


cdef dict _REASONS = {
    FSEG_TOO_LARGE: "too large",
    FSEG_NO_RUNS: "no runs",
    FSEG_BAD_RUN: "bad run",
    FSEG_TOO_LONG: "too long",
    FSEG_TOO_SHORT: "too short",
    FSEG_BAD_CHARACTER: "bad character",
    FSEG_BAD_NUMBER: "bad number",
    FSEG_BAD_START: "bad start",
    FSEG_OVERLAP: "overlap",
    FSEG_ODD_TOKENS: "odd tokens",
    FSEG_TRUNCATED: "truncated",
    FSEG_OVERLONG: "overlong",
    FSEG_BAD_PREDICTION: "bad prediction",
    FSEG_BAD_TARGET: "bad target",
    FSEG_CHANGED: "changed",
}


cdef int _check(fseg_status status, const fseg_fault *fault) except -1:
    if status != FSEG_OK:
        raise Fault(_REASONS[status], fault.position, fault.found, fault.expected)
    return 0


def implementation():
    """Name the inner loops in use."""
    return "scalar"


def encode_rows(const uint8_t[:, :] mask):
    """Return the runs of a mask read row by row; the bytes of a row must follow each other."""
    cdef size_t rows = mask.shape[0], columns = mask.shape[1], runs = 0
    cdef ptrdiff_t stride = mask.strides[0]
    cdef const uint8_t *pixels = &mask[0, 0]
    cdef uint32_t[::1] counts
    cdef fseg_fault fault
    cdef fseg_status status
    with nogil:
        status = fseg_count_rows(pixels, rows, columns, stride, &runs, &fault)
    _check(status, &fault)
    array = np.empty(runs, np.uint32)
    counts = array
    with nogil:
        status = fseg_encode_rows(pixels, rows, columns, stride, &counts[0], runs, &fault)
    _check(status, &fault)
    return array


def encode_columns(const uint8_t[:, :] mask):
    """Return the runs of a mask read column by column, its bytes laid out as for encode_rows."""
    cdef size_t rows = mask.shape[0], columns = mask.shape[1], runs = 0
    cdef ptrdiff_t stride = mask.strides[0]
    cdef const uint8_t *pixels = &mask[0, 0]
    cdef uint32_t[::1] starts = np.empty(columns, np.uint32)
    cdef uint32_t[::1] counts
    cdef fseg_fault fault
    cdef fseg_status status
    with nogil:
        status = fseg_count_columns(pixels, rows, columns, stride, &starts[0], &runs, &fault)
    _check(status, &fault)
    array = np.empty(runs, np.uint32)
    counts = array
    with nogil:
        status = fseg_encode_columns(
            pixels, rows, columns, stride, &starts[0], &counts[0], runs, &fault)
    _check(status, &fault)
    return array


def decode_rows(const uint32_t[::1] counts, uint8_t value, uint8_t[:, ::1] mask):
    """Fill `mask` from runs read row by row."""
    cdef size_t area = <size_t>mask.shape[0] * <size_t>mask.shape[1]
    cdef fseg_fault fault
    cdef fseg_status status
    with nogil:
        status = fseg_decode_rows(
            &counts[0], counts.shape[0], value, &mask[0, 0], area, &fault)
    _check(status, &fault)


def decode_columns(const uint32_t[::1] counts, uint8_t value, uint8_t[:, ::1] mask):
    """Fill `mask` from runs read column by column."""
    cdef fseg_fault fault
    cdef fseg_status status
    with nogil:
        status = fseg_decode_columns(
            &counts[0], counts.shape[0], value, &mask[0, 0], mask.shape[0], mask.shape[1], &fault)
    _check(status, &fault)


def check_runs(const uint32_t[::1] counts, uint32_t area):
    """Raise a `Fault` unless the runs are those of a mask of `area` pixels."""
    cdef fseg_fault fault
    cdef fseg_status status
    with nogil:
        status = fseg_check_runs(&counts[0], counts.shape[0], area, &fault)
    _check(status, &fault)


def area(const uint32_t[::1] counts):
    """Add up the runs of ones."""
    cdef uint64_t pixels
    with nogil:
        pixels = fseg_area(&counts[0], counts.shape[0])
    return pixels


def parse_kaggle(bytes text, uint32_t base, uint32_t area):
    """Read the runs of a text "start length ..."."""
    cdef const char *characters = PyBytes_AS_STRING(text)
    cdef size_t length = len(text), runs = 0, capacity = 0
    cdef uint32_t[::1] counts
    cdef fseg_fault fault
    cdef fseg_status status
    with nogil:
        capacity = fseg_kaggle_tokens(characters, length) + 1
    array = np.empty(capacity, np.uint32)
    counts = array
    with nogil:
        status = fseg_parse_kaggle(
            characters, length, base, area, &counts[0], capacity, &runs, &fault)
    _check(status, &fault)
    return array[:runs]


def write_kaggle(const uint32_t[::1] counts, uint32_t base):
    """Write the runs as "start length ..."."""
    cdef size_t length
    cdef fseg_fault fault
    cdef fseg_status status
    with nogil:
        length = fseg_kaggle_length(&counts[0], counts.shape[0], base)
    cdef bytes text = PyBytes_FromStringAndSize(NULL, length)
    cdef char *characters = PyBytes_AS_STRING(text)
    with nogil:
        status = fseg_write_kaggle(
            &counts[0], counts.shape[0], base, characters, length, &fault)
    _check(status, &fault)
    return text


def parse_coco(bytes text, uint32_t area):
    """Read the runs of COCO's compressed text."""
    cdef const char *characters = PyBytes_AS_STRING(text)
    cdef size_t length = len(text), runs
    cdef uint32_t[::1] counts
    cdef fseg_fault fault
    cdef fseg_status status
    with nogil:
        runs = fseg_coco_runs(characters, length)
    array = np.empty(runs, np.uint32)
    counts = array
    with nogil:
        status = fseg_parse_coco(characters, length, area, &counts[0], runs, &fault)
    _check(status, &fault)
    return array


def write_coco(const uint32_t[::1] counts):
    """Write the runs as COCO's compressed text."""
    cdef size_t length
    cdef fseg_fault fault
    cdef fseg_status status
    with nogil:
        length = fseg_coco_length(&counts[0], counts.shape[0])
    cdef bytes text = PyBytes_FromStringAndSize(NULL, length)
    cdef char *characters = PyBytes_AS_STRING(text)
    with nogil:
        status = fseg_write_coco(&counts[0], counts.shape[0], characters, length, &fault)
    _check(status, &fault)
    return text


def confusion(prediction, target, unsigned int classes, ignore):
    """Count the pairs of two flat arrays of one length, both uint8 or both int64."""
    cdef const uint8_t[::1] prediction_u8, target_u8
    cdef const int64_t[::1] prediction_i64, target_i64
    cdef int has_ignore = ignore is not None
    cdef int64_t ignored = ignore if has_ignore else 0
    cdef size_t pixels = len(prediction)
    cdef fseg_fault fault
    cdef fseg_status status
    array = np.zeros((classes, classes), np.int64)
    cdef int64_t[:, ::1] matrix = array
    if prediction.dtype == np.uint8:
        prediction_u8 = prediction
        target_u8 = target
        with nogil:
            status = fseg_confusion_u8(
                &prediction_u8[0], &target_u8[0], pixels, classes, has_ignore, ignored,
                &matrix[0, 0], &fault)
    else:
        prediction_i64 = prediction
        target_i64 = target
        with nogil:
            status = fseg_confusion_i64(
                &prediction_i64[0], &target_i64[0], pixels, classes, has_ignore, ignored,
                &matrix[0, 0], &fault)
    _check(status, &fault)
    return array
