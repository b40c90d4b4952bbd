# --- many masks --------------------------------------------------------------------------------


cdef class Batch:
    """Pieces of work, which threads may share: `run` the parts, then take the `results`."""

    cdef readonly size_t n

    cdef void one(self, size_t i, Space *space) noexcept nogil:
        pass

    def run(self, size_t first, size_t last):
        """Do the pieces from `first` to before `last`, without the interpreter."""
        cdef Space space
        cdef size_t i
        space.memory = NULL
        with nogil:
            for i in range(first, min(last, self.n)):
                self.one(i, &space)
            free(space.memory)


cdef object _within(object error, str name, size_t i):
    """Return the error of one piece, with its place in the batch."""
    if isinstance(error, (ValueError, TypeError)):
        kind = TypeError if isinstance(error, TypeError) else ValueError
        return _faults.caused(kind(f"{name}[{i}]: {error}"), error)
    return error


@cython.final
cdef class Encode(Batch):
    """Masks, or classes of one label map, to runs."""

    cdef Encoding *jobs
    cdef list kept  # the memory that is read
    cdef list rles

    def __cinit__(self, masks, order, threshold, bytes classes=None):
        cdef bint columns = _read_order(order)
        cdef Encoding *job
        cdef RLE rle
        self.kept = []
        self.rles = []
        if classes is not None:
            self.plan_classes(masks, classes, columns)
        elif cnp.PyArray_Check(masks):
            self.plan_array(masks, threshold, columns)
        else:
            masks = list(masks)
            self.make_jobs(len(masks))
            for i, mask in enumerate(masks):
                job = &self.jobs[<size_t>i]
                rle = RLE.__new__(RLE)
                self.rles.append(rle)
                try:
                    self.kept.append(_plan(job, mask, threshold, columns, rle))
                except (ValueError, TypeError) as error:
                    raise _within(error, "masks", i) from None

    cdef int make_jobs(self, size_t n) except -1:
        self.jobs = <Encoding *>calloc(n + 1, sizeof(Encoding))
        if self.jobs == NULL:
            raise MemoryError
        self.n = n
        return 0

    cdef int plan_array(self, cnp.ndarray masks, object threshold, bint columns) except -1:
        cdef fseg_source source
        cdef size_t i
        cdef ptrdiff_t step
        masks = _readable(masks, threshold, 3, &source)
        self.make_jobs(cnp.PyArray_DIM(masks, 0))
        if self.n and not self.plan_slice(masks, 0, 0, source, columns):
            masks = np.ascontiguousarray(masks)
        step = cnp.PyArray_STRIDE(masks, 0)
        for i in range(self.n):
            self.plan_slice(masks, i, <ptrdiff_t>i * step, source, columns)
            self.rles.append(_shaped(masks, 1, columns))
        self.kept.append(masks)
        return 0

    cdef bint plan_slice(
        self, cnp.ndarray masks, size_t i, ptrdiff_t at, fseg_source source, bint columns
    ) noexcept:
        """Describe the mask at an offset in memory; False if it has gaps in both ways."""
        cdef int first = cnp.PyArray_NDIM(masks) - 2
        self.jobs[i].source = source
        return _lay_out(
            &self.jobs[i], cnp.PyArray_BYTES(masks) + at, cnp.PyArray_DIM(masks, first),
            cnp.PyArray_DIM(masks, first + 1), cnp.PyArray_STRIDE(masks, first),
            cnp.PyArray_STRIDE(masks, first + 1), cnp.PyArray_ITEMSIZE(masks), columns)

    cdef int plan_classes(self, cnp.ndarray labels, bytes classes, bint columns) except -1:
        cdef fseg_source source
        cdef size_t i
        source.test = FSEG_EQUAL_U8
        source.threshold = 0
        self.make_jobs(len(classes))
        for i in range(self.n):
            source.label = <uint8_t>classes[i]
            if not self.plan_slice(labels, i, 0, source, columns):
                labels = np.ascontiguousarray(labels)
                self.plan_slice(labels, i, 0, source, columns)
            self.rles.append(_shaped(labels, 0, columns))
        self.kept.append(labels)
        return 0

    cdef void one(self, size_t i, Space *space) noexcept nogil:
        _encode(&self.jobs[i], space)

    def results(self):
        """Return the list of `RLE`; raise the first error."""
        cdef size_t i
        cdef RLE rle
        for i in range(self.n):
            rle = self.rles[i]
            if self.jobs[i].status != FSEG_OK:
                raise _within(_encoding_error(&self.jobs[i], rle), "masks", i)
            rle.data = self.jobs[i].counts
            rle.runs = self.jobs[i].runs
            self.jobs[i].counts = NULL
        return self.rles

    def __dealloc__(self):
        cdef size_t i
        for i in range(self.n):
            free(self.jobs[i].counts)
        free(self.jobs)


cdef RLE _shaped(cnp.ndarray masks, int first, bint columns):
    """Return a mask without runs, of the shape that two dimensions of an array have."""
    cdef RLE rle = RLE.__new__(RLE)
    rle.height = cnp.PyArray_DIM(masks, first)
    rle.width = cnp.PyArray_DIM(masks, first + 1)
    rle.columns = columns
    return rle


@cython.final
cdef class Parse(Batch):
    """Texts, Kaggle's or COCO's, to runs."""

    cdef Parsing *jobs
    cdef list kept  # the items, then the texts that are read
    cdef list rles
    cdef str name
    cdef bint kaggle

    def __cinit__(self, items, shapes, order, bint kaggle, base=None):
        cdef size_t i
        self.name = "texts" if kaggle else "counts"
        self.kaggle = kaggle
        self.kept = list(items)
        self.rles = []
        self.jobs = <Parsing *>calloc(len(self.kept) + 1, sizeof(Parsing))
        if self.jobs == NULL:
            raise MemoryError
        self.n = len(self.kept)
        for i in range(self.n):
            try:
                self.plan(i, shapes[i] if isinstance(shapes, list) else shapes, order, base)
            except (ValueError, TypeError) as error:
                raise _within(error, self.name, i) from None

    cdef int plan(self, size_t i, object shape, object order, object base) except -1:
        cdef RLE rle = RLE.__new__(RLE)
        self.rles.append(rle)
        if not self.kaggle:
            kept = _plan_coco(&self.jobs[i], self.kept[i], shape, _read_order(order), rle)
        else:
            rle.columns = _read_order(order)
            _read_shape(shape, &rle.height, &rle.width)
            self.jobs[i].base = _read_base(base)
            kept = _plan_kaggle(&self.jobs[i], self.kept[i], rle)
        self.kept[i] = kept
        return 0

    cdef void one(self, size_t i, Space *space) noexcept nogil:
        if self.jobs[i].text != NULL:
            _parse(&self.jobs[i])

    def results(self):
        """Return the list of `RLE`; raise the first error."""
        cdef size_t i
        for i in range(self.n):
            if self.jobs[i].text == NULL:
                continue
            try:
                _take_parsed(&self.jobs[i], self.rles[i], self.kept[i])
            except ValueError as error:
                raise _within(error, self.name, i) from None
        return self.rles

    def __dealloc__(self):
        cdef size_t i
        for i in range(self.n):
            if self.jobs[i].counts != self.jobs[i].few:
                free(self.jobs[i].counts)
        free(self.jobs)


# Runs to write, and their text.
cdef struct Writing:
    const uint32_t *counts
    size_t runs
    char *text
    size_t length


@cython.final
cdef class Write(Batch):
    """Runs to texts, Kaggle's or COCO's."""

    cdef Writing *jobs
    cdef list rles
    cdef bint kaggle
    cdef uint32_t base

    def __cinit__(self, rles, bint kaggle, base=None):
        cdef size_t i
        cdef RLE rle
        self.rles = _as_masks(rles, "rles")
        self.kaggle = kaggle
        self.base = _read_base(base) if kaggle else 0
        self.jobs = <Writing *>calloc(len(self.rles) + 1, sizeof(Writing))
        if self.jobs == NULL:
            raise MemoryError
        self.n = len(self.rles)
        for i in range(self.n):
            rle = self.rles[i]
            self.jobs[i].counts = rle.data
            self.jobs[i].runs = rle.runs

    cdef void one(self, size_t i, Space *space) noexcept nogil:
        cdef Writing *job = &self.jobs[i]
        cdef size_t room = (
            FSEG_KAGGLE_ROOM(job.runs) if self.kaggle else FSEG_COCO_ROOM(job.runs))
        cdef char *text = <char *>_get(space, room)
        if text == NULL:
            return
        if self.kaggle:
            job.length = fseg_write_kaggle(job.counts, job.runs, self.base, text)
        else:
            job.length = fseg_write_coco(job.counts, job.runs, text)
        job.text = <char *>malloc(job.length + 1)
        if job.text != NULL:
            memcpy(job.text, text, job.length)

    def results(self):
        """Return the list of str or bytes."""
        cdef size_t i
        cdef list texts = []
        for i in range(self.n):
            if self.jobs[i].text == NULL:
                raise MemoryError
            text = PyBytes_FromStringAndSize(self.jobs[i].text, self.jobs[i].length)
            texts.append((<bytes>text).decode("ascii") if self.kaggle else text)
        return texts

    def __dealloc__(self):
        cdef size_t i
        for i in range(self.n):
            free(self.jobs[i].text)
        free(self.jobs)


@cython.final
cdef class Decode(Batch):
    """Masks to the planes of an array (N, H, W)."""

    cdef Decoding *jobs
    cdef list rles
    cdef cnp.ndarray pixels

    def __cinit__(self, rles, cnp.ndarray pixels, list values):
        cdef size_t i, height, width
        self.rles = _as_masks(rles, "rles")
        self.pixels = pixels
        self.jobs = <Decoding *>calloc(len(self.rles) + 1, sizeof(Decoding))
        if self.jobs == NULL:
            raise MemoryError
        self.n = len(self.rles)
        height = cnp.PyArray_DIM(pixels, 1)
        width = cnp.PyArray_DIM(pixels, 2)
        for i in range(self.n):
            self.jobs[i].target.value = values[i]
            if not _aim(
                &self.jobs[i], self.rles[i],
                cnp.PyArray_BYTES(pixels) + <ptrdiff_t>i * cnp.PyArray_STRIDE(pixels, 0),
                height, width, cnp.PyArray_STRIDE(pixels, 1), cnp.PyArray_STRIDE(pixels, 2),
                cnp.PyArray_ITEMSIZE(pixels),
            ):
                raise _stride_error(pixels)

    cdef void one(self, size_t i, Space *space) noexcept nogil:
        _decode(&self.jobs[i], space)

    def results(self):
        """Return the array."""
        cdef size_t i
        for i in range(self.n):
            if self.jobs[i].status != FSEG_OK:
                raise MemoryError
        return self.pixels

    def __dealloc__(self):
        free(self.jobs)


# The decodings of few masks are described on the stack.
cdef extern from *:
    """
    enum { LABELS_ON_STACK = 32 };
    """
    enum:
        LABELS_ON_STACK


def decode_labels(list masks, list labels, background, out, dtype):
    """Write a label map: masks of one shape, one or more unless there is `out`, the last on top."""
    cdef size_t i, height, width, used = 0, n = len(masks)
    cdef uint64_t ground
    cdef Decoding local[LABELS_ON_STACK]
    cdef Decoding *jobs = local
    cdef cnp.ndarray pixels
    cdef RLE rle
    cdef cnp.dtype kind
    cdef bint numbered
    cdef PyThreadState *state
    cdef int status
    if not n:
        if np.ndim(out) != 2:
            raise ValueError(f"out has shape {np.shape(out)}; expected (height, width)")
        _check_out(out, np.shape(out))
        _value_of(out.dtype, background, "background", True)
        out[...] = background
        return out
    _common_shape(masks, &height, &width)
    if out is None:
        pixels = _make_pixels(height, width, dtype, False, False)
    else:
        pixels = _check_out(out, (height, width))
    kind = pixels.dtype
    numbered = labels is None and kind.type_num == cnp.NPY_UINT8 and n < 256
    if n > LABELS_ON_STACK:
        jobs = <Decoding *>malloc(n * sizeof(Decoding))
        if jobs == NULL:
            raise MemoryError
    try:
        # Masks without foreground are left out, but for the first, which has the target.
        for i in range(n):
            rle = masks[i]
            if numbered:
                jobs[used].target.value = i + 1
            else:
                label = i + 1 if labels is None else labels[i]
                jobs[used].target.value = _value_of(kind, label, "label", True)
            if (rle.runs > 1 or i == 0) and _aim(
                &jobs[used], rle, cnp.PyArray_BYTES(pixels), height, width,
                cnp.PyArray_STRIDE(pixels, 0), cnp.PyArray_STRIDE(pixels, 1),
                cnp.PyArray_ITEMSIZE(pixels),
            ):
                jobs[used].target.paint = 1
                used += 1
        ground = _value_of(kind, background, "background", True)
        if used == 0:
            raise _stride_error(pixels)
        state = _leave(height * width >= WORTH_PIXELS)
        status = _decode_labels(jobs, used, ground)
        _enter(state)
        if status != FSEG_OK:
            raise MemoryError
    finally:
        if jobs != local:
            free(jobs)
    return pixels


cdef int _decode_labels(Decoding *jobs, size_t n, uint64_t background) noexcept nogil:
    """Write the masks that are read in the order of memory at once, up to the first that is not."""
    cdef size_t i, together = 0
    cdef int status = FSEG_OK
    cdef const uint32_t **counts
    cdef size_t *runs
    cdef uint64_t *values
    cdef fseg_target target = jobs[0].target
    cdef Space space
    space.memory = NULL
    while together < n and not jobs[together].transposed:
        together += 1
    values = <uint64_t *>_get(
        &space,
        together * (sizeof(uint64_t) + sizeof(void *) + sizeof(size_t))
        + fseg_labels_scratch(together))
    if values == NULL:
        return NO_MEMORY
    counts = <const uint32_t **>(values + together)
    runs = <size_t *>(counts + together)
    for i in range(together):
        values[i] = jobs[i].target.value
        counts[i] = jobs[i].counts
        runs[i] = jobs[i].runs
    fseg_decode_labels(
        <const uint32_t *const *>counts, runs, values, together, background, &target,
        runs + together)
    for i in range(together, n):
        if status == FSEG_OK:
            _decode(&jobs[i], &space)
            status = jobs[i].status
    free(space.memory)
    return status


@cython.final
cdef class Intersections(Batch):
    """Sizes of the intersections of all masks of two lists; the pieces are those of the first."""

    cdef list first
    cdef list second
    cdef const uint32_t **counts
    cdef size_t *runs
    cdef uint64_t *areas
    cdef uint64_t *table
    cdef size_t columns
    cdef uint32_t pixels
    cdef bint failed

    def __cinit__(self, first, second):
        cdef size_t i, n
        cdef RLE rle, one
        self.first = _as_masks(first, "a")
        self.second = _as_masks(second, "b")
        self.n = len(self.first)
        self.columns = len(self.second)
        n = self.n + self.columns
        self.counts = <const uint32_t **>malloc(n * sizeof(void *) + 1)
        self.runs = <size_t *>malloc(n * sizeof(size_t) + 1)
        self.areas = <uint64_t *>malloc(n * sizeof(uint64_t) + 1)
        self.table = <uint64_t *>calloc(self.n * self.columns + 1, sizeof(uint64_t))
        if self.counts == NULL or self.runs == NULL or self.areas == NULL or self.table == NULL:
            raise MemoryError
        for i in range(n):
            rle = self.first[i] if i < self.n else self.second[i - self.n]
            if i == 0:
                one = rle
                self.pixels = <uint32_t>_pixels(rle)
            elif not _alike(one, rle):
                name = f"a[{i}]" if i < self.n else f"b[{i - self.n}]"
                error = _pair_error(one, rle)
                raise ValueError(f"{'a' if self.n else 'b'}[0] and {name}: {error}")
            self.counts[i] = rle.data
            self.runs[i] = rle.runs
            self.areas[i] = fseg_area(rle.data, rle.runs)

    def run(self, size_t first, size_t last):
        """Do the masks from `first` to before `last` of the first list, without the interpreter."""
        cdef const uint32_t *const *other = <const uint32_t *const *>self.counts + self.n
        cdef const size_t *other_runs = self.runs + self.n
        cdef Space space
        cdef void *scratch
        last = min(last, self.n)
        if first >= last or self.columns == 0:
            return
        space.memory = NULL
        with nogil:
            scratch = _get(&space, fseg_intersections_scratch(
                <const uint32_t *const *>self.counts + first, self.runs + first, last - first,
                other, other_runs, self.columns, self.pixels))
            if scratch == NULL:
                self.failed = True
            else:
                fseg_intersections(
                    <const uint32_t *const *>self.counts + first, self.runs + first, last - first,
                    other, other_runs, self.columns, self.pixels,
                    self.table + first * self.columns, scratch)
            free(space.memory)

    def ious(self, crowd, double undefined=NAN, bint turned=False):
        """Return the intersections over the unions, for crowds over the areas of the first.

        Where that is 0 / 0 they are `undefined`. The array is column-major if `turned`.
        """
        cdef cnp.npy_intp[2] shape = [self.n, self.columns]
        cdef cnp.ndarray result = cnp.PyArray_EMPTY(2, shape, cnp.NPY_FLOAT64, turned)
        cdef double *values = <double *>cnp.PyArray_DATA(result)
        cdef const char *crowds = NULL
        cdef size_t i, j, at
        cdef uint64_t both, total
        cdef bytes flags
        if self.failed:
            raise MemoryError
        if crowd is not None:
            flags = bytes(map(bool, crowd))
            if <size_t>len(flags) != self.columns:
                raise ValueError(
                    f"iscrowd has {len(flags)} elements; expected {self.columns}, as many as b")
            crowds = PyBytes_AS_STRING(flags)
        for i in range(self.n):
            for j in range(self.columns):
                both = self.table[i * self.columns + j]
                total = self.areas[i]
                if crowds == NULL or not crowds[j]:
                    total += self.areas[self.n + j] - both
                at = j * self.n + i if turned else i * self.columns + j
                values[at] = <double>both / <double>total if total else undefined
        return result

    def __dealloc__(self):
        free(self.counts)
        free(self.runs)
        free(self.areas)
        free(self.table)


cdef list _as_masks(object rles, str name):
    """Return a list of masks, checked to be that."""
    cdef list masks
    cdef size_t i
    if isinstance(rles, RLE):
        raise TypeError(f"{name} is RLE; expected a list of RLE")
    masks = list(rles)
    for i, rle in enumerate(masks):
        if not isinstance(rle, RLE):
            raise TypeError(f"{name}[{i}] is {type(rle).__name__}; expected RLE")
    return masks


def merge(rles, bint intersect):
    """Return the union or the intersection of one mask or more."""
    cdef list masks = _as_masks(rles, "rles")
    cdef size_t i
    if not masks:
        raise ValueError("rles are empty; expected one mask or more")
    for i in range(1, <size_t>len(masks)):
        if not _alike(masks[0], masks[i]):
            error = _pair_error(masks[0], masks[i])
            raise ValueError(f"rles[0] and rles[{i}]: {error}")
    return _merge_all(FSEG_AND if intersect else FSEG_OR, masks)


# --- for faceseg.coco_mask ---------------------------------------------------------------------


def read_coco(segmentations, str name):
    """Return the masks of COCO segmentations, read one after the other."""
    cdef list rles = []
    cdef size_t i = 0
    try:
        for item in segmentations:
            rles.append(_from_coco(item, None, True))
            i += 1
    except (ValueError, TypeError) as error:
        raise _within(error, name, i) from None
    return rles


def areas(list rles):
    """Return the numbers of foreground pixels, (N,), uint32."""
    cdef cnp.npy_intp n = len(rles)
    cdef cnp.ndarray result = cnp.PyArray_EMPTY(1, &n, cnp.NPY_UINT32, False)
    cdef uint32_t *values = <uint32_t *>cnp.PyArray_DATA(result)
    cdef size_t i
    cdef RLE rle
    for i, rle in enumerate(rles):
        values[i] = <uint32_t>fseg_area(rle.data, rle.runs)
    return result


def boxes(list rles):
    """Return the boxes around the foreground, (N, 4), float64."""
    cdef cnp.npy_intp[2] shape = [len(rles), 4]
    cdef cnp.ndarray result = cnp.PyArray_EMPTY(2, shape, cnp.NPY_FLOAT64, False)
    cdef double *values = <double *>cnp.PyArray_DATA(result)
    cdef Box box
    cdef RLE rle
    for rle in rles:
        box = _bounds(rle)
        values[0] = <double>box.x
        values[1] = <double>box.y
        values[2] = <double>box.width
        values[3] = <double>box.height
        values += 4
    return result


# --- for faceseg.rle ---------------------------------------------------------------------------


def check_shape(shape, str name):
    """Return (height, width), checked to be a mask's."""
    cdef size_t height, width
    _read_shape(shape, &height, &width, name)
    return height, width


def common_shape(list rles):
    """Return the shape that all masks have; (0, 0) if there are none."""
    cdef size_t height = 0, width = 0
    if rles:
        _common_shape(rles, &height, &width)
    return height, width


cdef int _common_shape(list rles, size_t *height, size_t *width) except -1:
    """Find the shape that all masks, one or more, have."""
    cdef RLE first, rle
    cdef size_t i
    for i in range(<size_t>len(rles)):
        if not isinstance(rles[i], RLE):
            raise TypeError(f"rles[{i}] is {type(rles[i]).__name__}; expected RLE")
        rle = rles[i]
        first = rles[0]
        if rle.height != first.height or rle.width != first.width:
            raise ValueError(
                f"rles[0] and rles[{i}] have shapes {first.shape} and {rle.shape}; "
                "expected one shape")
    height[0] = first.height
    width[0] = first.width
    return 0


def check_out(out, tuple shape):
    """Raise an error unless `out` is an array of this shape that can be written to."""
    _check_out(out, shape)


def value_of(dtype, value):
    """Return the bit pattern of a foreground element."""
    return _value_of(dtype, value)


def occurring(cnp.ndarray labels):
    """Return the labels, uint8, that occur in an array (H, W), ascending."""
    cdef Encoding place
    cdef bint seen[256]
    cdef size_t y, x, rows, columns, i
    cdef const uint8_t *row
    cdef uint64_t word, before
    if not _lay_out(
        &place, cnp.PyArray_BYTES(labels), cnp.PyArray_DIM(labels, 0), cnp.PyArray_DIM(labels, 1),
        cnp.PyArray_STRIDE(labels, 0), cnp.PyArray_STRIDE(labels, 1), 1, False,
    ):
        return occurring(np.ascontiguousarray(labels))
    rows = place.source.rows
    columns = place.source.columns
    for i in range(256):
        seen[i] = False
    with nogil:
        for y in range(rows):
            row = <const uint8_t *>place.source.pixels + <ptrdiff_t>y * place.source.stride
            x = 0
            # Labels come in patches: eight that are as the eight before are known.
            if columns >= 8:
                memcpy(&before, row, 8)
                before = ~before
                while x + 8 <= columns:
                    memcpy(&word, row + x, 8)
                    if word != before:
                        before = word
                        for i in range(x, x + 8):
                            seen[row[i]] = True
                    x += 8
            for i in range(x, columns):
                seen[row[i]] = True
    return [i for i in range(256) if seen[i]]
