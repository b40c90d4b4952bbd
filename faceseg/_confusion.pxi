# --- counts of true and predicted pixels -------------------------------------------------------
# Arrays are flat, contiguous and aligned: uint8 or int64 labels; float16, float32 or float64 values,
# or uint16 for bfloat16. Counts are added to a row of `matrix`, (classes, classes), int64.


cdef fseg_type _type_of(cnp.ndarray array) except *:
    cdef int number = cnp.PyArray_TYPE(array)
    if number == cnp.NPY_UINT8:
        return FSEG_U8
    if number == cnp.NPY_UINT16:
        return FSEG_BF16
    if number == cnp.NPY_FLOAT16:
        return FSEG_F16
    if number == cnp.NPY_FLOAT32:
        return FSEG_F32
    if number == cnp.NPY_FLOAT64:
        return FSEG_F64
    return FSEG_I64


cdef fseg_labels _labels(cnp.ndarray array, object ignore) except *:
    cdef fseg_labels labels
    labels.pixels = cnp.PyArray_DATA(array)
    labels.type = _type_of(array)
    labels.has_ignore = ignore is not None
    labels.ignore = ignore if ignore is not None else 0
    return labels


cdef int64_t *_room(cnp.ndarray matrix) noexcept:
    return <int64_t *>cnp.PyArray_DATA(matrix)


def count_masks(cnp.ndarray prediction, cnp.ndarray target, cnp.ndarray matrix):
    """Count two masks, uint8."""
    cdef const uint8_t *predicted = <const uint8_t *>cnp.PyArray_DATA(prediction)
    cdef const uint8_t *true = <const uint8_t *>cnp.PyArray_DATA(target)
    cdef size_t pixels = cnp.PyArray_SIZE(prediction)
    cdef int64_t *counts = _room(matrix)
    with nogil:
        fseg_count_masks(predicted, true, pixels, counts)


cdef fseg_values _values(cnp.ndarray array, double threshold, bint skip_nan) except *:
    cdef fseg_values values
    values.pixels = cnp.PyArray_DATA(array)
    values.type = _type_of(array)
    values.threshold = threshold
    values.skip_nan = skip_nan
    return values


def count_above(
    cnp.ndarray values, double threshold, cnp.ndarray target, ignore, bint skip_nan,
    cnp.ndarray matrix,
):
    """Count values over a threshold against labels."""
    cdef fseg_values above = _values(values, threshold, skip_nan)
    cdef fseg_labels true = _labels(target, ignore)
    cdef size_t pixels = cnp.PyArray_SIZE(values)
    cdef int64_t *counts = _room(matrix)
    cdef fseg_fault fault
    cdef fseg_status status
    with nogil:
        status = fseg_count_above(&above, &true, pixels, counts, &fault)
    if status != FSEG_OK:
        raise _fault(status, &fault)


def confusion(
    cnp.ndarray prediction, cnp.ndarray target, unsigned int classes, ignore, cnp.ndarray matrix
):
    """Count pairs of labels."""
    cdef fseg_labels predicted = _labels(prediction, None), true = _labels(target, ignore)
    cdef size_t pixels = cnp.PyArray_SIZE(prediction)
    cdef int64_t *pairs = _room(matrix)
    cdef fseg_fault fault
    cdef fseg_status status
    with nogil:
        status = fseg_confusion(&predicted, &true, pixels, classes, pairs, &fault)
    if status != FSEG_OK:
        raise _fault(status, &fault)


def confusion_highest(
    cnp.ndarray values, unsigned int classes, ptrdiff_t class_step, ptrdiff_t pixel_step,
    cnp.ndarray target, ignore, bint skip_nan, cnp.ndarray matrix,
):
    """Count the class of the highest value of each pixel; steps are in elements of `values`."""
    cdef fseg_values logits = _values(values, 0, skip_nan)
    cdef fseg_classes layout
    cdef fseg_labels true = _labels(target, ignore)
    cdef size_t pixels = cnp.PyArray_SIZE(target)
    cdef int64_t *pairs = _room(matrix)
    cdef fseg_fault fault
    cdef fseg_status status
    layout.classes = classes
    layout.class_step = class_step
    layout.pixel_step = pixel_step
    with nogil:
        status = fseg_confusion_highest(&logits, &layout, &true, pixels, pairs, &fault)
    if status != FSEG_OK:
        raise _fault(status, &fault)


MOST_THRESHOLDS = FSEG_MOST_THRESHOLDS


@cython.final
cdef class Ladder:
    """Ascending thresholds, float64 and contiguous, prepared for `sweep`."""

    cdef fseg_ladder ladder
    cdef cnp.ndarray wide
    cdef cnp.ndarray narrow
    cdef cnp.ndarray lowest

    def __cinit__(self, cnp.ndarray thresholds):
        self.wide = np.array(thresholds, np.float64)
        self.narrow = np.empty(self.wide.size + FSEG_SLACK, np.float32)
        self.lowest = np.empty(FSEG_RANKS, np.uint32)
        self.ladder.wide = <const double *>cnp.PyArray_DATA(self.wide)
        self.ladder.n = cnp.PyArray_SIZE(self.wide)
        self.ladder.thresholds = <float *>cnp.PyArray_DATA(self.narrow)
        self.ladder.lowest = <uint32_t *>cnp.PyArray_DATA(self.lowest)
        if self.ladder.n > FSEG_MOST_THRESHOLDS:
            raise ValueError(
                f"thresholds are {self.ladder.n}; expected {MOST_THRESHOLDS} or fewer")
        fseg_ladder_fill(&self.ladder)


def sweep(
    cnp.ndarray values, Ladder thresholds, cnp.ndarray target, ignore, bint skip_nan,
    cnp.ndarray table,
):
    """Count pixels by target and by the number of thresholds that they are over: (2, n + 1)."""
    cdef fseg_values over = _values(values, 0, skip_nan)
    cdef fseg_labels true = _labels(target, ignore)
    cdef size_t pixels = cnp.PyArray_SIZE(values)
    cdef int64_t *counts = _room(table)
    cdef fseg_fault fault
    cdef fseg_status status
    with nogil:
        status = fseg_sweep(&over, &thresholds.ladder, &true, pixels, counts, &fault)
    if status != FSEG_OK:
        raise _fault(status, &fault)


def calibrate(
    cnp.ndarray values, cnp.ndarray target, ignore, bint skip_nan, cnp.ndarray counts,
    cnp.ndarray sums,
):
    """Count pixels by target and by probability, (2, bins), and sum the probabilities, (bins,)."""
    cdef fseg_values probabilities = _values(values, 0, skip_nan)
    cdef fseg_labels true = _labels(target, ignore)
    cdef size_t pixels = cnp.PyArray_SIZE(values), bins = cnp.PyArray_SIZE(sums)
    cdef int64_t *pairs = _room(counts)
    cdef double *totals = <double *>cnp.PyArray_DATA(sums)
    cdef fseg_fault fault
    cdef fseg_status status
    with nogil:
        status = fseg_calibrate(&probabilities, bins, &true, pixels, pairs, totals, &fault)
    if status != FSEG_OK:
        raise _fault(status, &fault)
