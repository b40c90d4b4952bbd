# --- masks to runs -----------------------------------------------------------------------------

# A mask to encode, and what comes of it.
cdef struct Encoding:
    fseg_source source
    bint turned  # the rows in memory are the columns of the mask
    bint transposed  # the lines of the runs are the columns in memory
    size_t lines
    size_t length
    uint32_t *counts
    size_t runs
    int status
    fseg_fault fault


cdef object _readable(object mask, object threshold, int dimensions, fseg_source *source):
    """Return an array of a dtype that the kernels read, and how they are to read it."""
    cdef cnp.ndarray pixels
    cdef int kind
    cdef Py_ssize_t height, width
    pixels = mask if cnp.PyArray_Check(mask) else np.asarray(mask)
    if cnp.PyArray_NDIM(pixels) != dimensions:
        if pixels.dtype == object:
            raise TypeError(f"mask is {type(mask).__name__}; expected an array")
        raise ValueError(
            f"mask has shape {np.shape(pixels)}; expected "
            + ("(height, width)" if dimensions == 2 else "(masks, height, width)"))
    height = cnp.PyArray_DIM(pixels, dimensions - 2)
    width = cnp.PyArray_DIM(pixels, dimensions - 1)
    if _check_shape(height, width) < 0:
        raise _faults.shape_error((height, width), "mask")
    kind = cnp.PyArray_TYPE(pixels)
    source.test = FSEG_NONZERO_U8
    source.label = 0
    source.threshold = 0
    if threshold is None:
        if kind == cnp.NPY_UINT8 or kind == cnp.NPY_BOOL or kind == cnp.NPY_INT8:
            return pixels
        _check_kind(pixels)
        return pixels != 0
    try:
        source.threshold = threshold
    except TypeError:
        raise TypeError(f"threshold is {threshold!r}; expected a number") from None
    if source.threshold != source.threshold:
        raise ValueError("threshold is nan; expected a number")
    if kind == cnp.NPY_FLOAT32 or kind == cnp.NPY_FLOAT64:
        if not cnp.PyArray_ISBEHAVED_RO(pixels):
            pixels = np.array(pixels, dtype=pixels.dtype.newbyteorder("="))
    elif kind == cnp.NPY_FLOAT16:
        pixels = pixels.astype(np.float32)
    else:
        _check_kind(pixels)
        return _above(pixels, threshold)
    source.test = (
        FSEG_ABOVE_F64 if cnp.PyArray_TYPE(pixels) == cnp.NPY_FLOAT64 else FSEG_ABOVE_F32)
    return pixels


cdef int _check_kind(cnp.ndarray pixels) except -1:
    if pixels.dtype.kind not in "biuf":
        raise ValueError(f"mask has dtype {pixels.dtype}; expected bool, integer or float")
    return 0


cdef object _above(cnp.ndarray pixels, object threshold):
    """Compare integers, of any width, exactly; and floats of more than 64 bits."""
    if pixels.dtype.kind == "f":
        for place in np.argwhere(np.isnan(pixels)):
            raise ValueError(f"mask{place.tolist()} is nan; expected numbers to compare")
        return pixels > threshold
    if pixels.dtype.kind == "b":
        pixels = (pixels.view(np.uint8) != 0).view(np.uint8)
    limits = np.iinfo(pixels.dtype)
    if threshold < limits.min:
        return np.ones_like(pixels, bool)
    if threshold >= limits.max:
        return np.zeros_like(pixels, bool)
    return pixels > pixels.dtype.type(math.floor(threshold))


cdef bint _lay_out(
    Encoding *job, const char *data, size_t height, size_t width, ptrdiff_t down, ptrdiff_t across,
    ptrdiff_t size, bint columns,
) noexcept:
    """Describe a mask's memory by its strides; False if neither rows nor columns are unbroken."""
    cdef fseg_source *source = &job.source
    job.turned = width > 1 and across != size
    if job.turned and height > 1 and down != size:
        return False
    source.pixels = data
    source.rows = width if job.turned else height
    source.columns = height if job.turned else width
    source.stride = across if job.turned else down
    job.transposed = columns != job.turned
    if source.rows <= 1 or source.columns == 1:
        # One line is the same in both orders; lines of one pixel would each take a word.
        job.transposed = source.rows > 1
    elif not job.transposed and source.stride == <ptrdiff_t>source.columns * size:
        source.columns *= source.rows
        source.rows = 1
    job.lines = source.columns if job.transposed else source.rows
    job.length = source.rows if job.transposed else source.columns
    job.counts = NULL
    return True


cdef object _plan(Encoding *job, object mask, object threshold, bint columns, RLE rle):
    """Describe the encoding of a mask; return the array whose memory it reads."""
    cdef cnp.ndarray pixels = _readable(mask, threshold, 2, &job.source)
    cdef Py_ssize_t height = cnp.PyArray_DIM(pixels, 0), width = cnp.PyArray_DIM(pixels, 1)
    rle.height = height
    rle.width = width
    rle.columns = columns
    if not _lay_out(
        job, cnp.PyArray_BYTES(pixels), height, width, cnp.PyArray_STRIDE(pixels, 0),
        cnp.PyArray_STRIDE(pixels, 1), cnp.PyArray_ITEMSIZE(pixels), columns,
    ):
        pixels = np.ascontiguousarray(pixels)
        _lay_out(
            job, cnp.PyArray_BYTES(pixels), height, width, cnp.PyArray_STRIDE(pixels, 0),
            cnp.PyArray_STRIDE(pixels, 1), cnp.PyArray_ITEMSIZE(pixels), columns)
    return pixels


cdef void _encode(Encoding *job, Space *space) noexcept nogil:
    cdef fseg_plane plane
    cdef void *memory
    job.status = NO_MEMORY
    if job.lines == 0 or job.length == 0:
        job.runs = 1
        job.counts = <uint32_t *>calloc(1, sizeof(uint32_t))
        job.status = NO_MEMORY if job.counts == NULL else FSEG_OK
        return
    memory = _get(space, _plane_size(job.lines, job.length))
    if memory == NULL:
        return
    _set_plane(&plane, memory, job.lines, job.length)
    job.status = fseg_pack(&job.source, job.transposed, &plane, &job.runs, &job.fault)
    if job.status == FSEG_OK:
        job.counts = _emit(&plane, job.runs)
        if job.counts == NULL:
            job.status = NO_MEMORY


cdef uint32_t *_emit(const fseg_plane *plane, size_t runs) noexcept nogil:
    """Return the runs of a plane, or NULL."""
    cdef uint32_t local[ROOM_ON_STACK]
    cdef uint32_t *counts
    if runs <= RUNS_ON_STACK:
        fseg_plane_emit(plane, local, runs)
        return _keep(local, runs, NULL)
    counts = _make_runs(runs)
    if counts != NULL:
        fseg_plane_emit(plane, counts, runs)
    return counts


cdef object _encoding_error(const Encoding *job, RLE rle):
    """Return why a mask was not encoded."""
    cdef size_t length, row, column
    if job.status == NO_MEMORY:
        return MemoryError()
    length = rle.height if job.turned else rle.width
    row = job.fault.position / length
    column = job.fault.position % length
    if job.turned:
        row, column = column, row
    error = ValueError(f"mask[{row}, {column}] is nan; expected numbers to compare")
    return _faults.caused(error, _fault(job.status, &job.fault))


# --- runs to masks -----------------------------------------------------------------------------

# Runs to decode, and where to.
cdef struct Decoding:
    const uint32_t *counts
    size_t runs
    size_t lines
    size_t length
    bint transposed  # the lines of the runs are the columns in memory
    bint resized
    size_t new_lines
    size_t new_length
    fseg_target target
    int status


cdef bint _aim(
    Decoding *job, RLE rle, char *data, size_t height, size_t width, ptrdiff_t down,
    ptrdiff_t across, ptrdiff_t size,
) noexcept:
    """Describe a decoding by the strides of its memory; False if they have gaps in both ways."""
    cdef fseg_target *target = &job.target
    cdef bint turned = width > 1 and across != size
    if turned and height > 1 and down != size:
        return False
    job.counts = rle.data
    job.runs = rle.runs
    job.lines = _lines(rle)
    job.length = _length(rle)
    job.resized = height != rle.height or width != rle.width
    job.new_lines = width if rle.columns else height
    job.new_length = height if rle.columns else width
    target.pixels = data
    target.rows = width if turned else height
    target.columns = height if turned else width
    target.stride = across if turned else down
    target.size = size
    target.paint = 0
    job.transposed = rle.columns != turned
    if job.resized:
        return True
    # One line is the same in both orders, and so is a mask of one colour.
    if target.rows <= 1 or target.columns == 1 or _is_plain(rle):
        job.transposed = False
    if not job.transposed and target.stride == <ptrdiff_t>target.columns * size:
        target.columns *= target.rows
        target.rows = 1
    return True


cdef void _decode(Decoding *job, Space *space) noexcept nogil:
    cdef fseg_plane plane
    cdef size_t plane_size
    cdef char *memory
    job.status = FSEG_OK
    if job.target.rows == 0 or job.target.columns == 0:
        return
    if not job.resized and not job.transposed:
        fseg_decode(job.counts, job.runs, &job.target)
        return
    if not job.resized:
        memory = <char *>_get(
            space,
            fseg_across_scratch(job.target.rows, job.target.columns) * sizeof(uint64_t))
        if memory == NULL:
            job.status = NO_MEMORY
        else:
            fseg_decode_across(job.counts, job.runs, &job.target, <uint64_t *>memory)
        return
    plane_size = _plane_size(job.new_lines, job.new_length)
    memory = <char *>_get(space, plane_size + _mapped_size(job.length))
    if memory == NULL:
        job.status = NO_MEMORY
        return
    _set_plane(&plane, memory, job.new_lines, job.new_length)
    fseg_plane_fill_resized(
        job.counts, job.runs, job.lines, job.length, &plane, <uint32_t *>(memory + plane_size))
    fseg_expand(&plane, job.transposed, &job.target)


cdef int _read_size(object size, RLE rle, size_t *height, size_t *width) except -1:
    """Read the size to decode to, by default the mask's own."""
    height[0] = rle.height
    width[0] = rle.width
    if size is None:
        return 0
    _read_shape(size, height, width, "size")
    if (rle.height == 0 or rle.width == 0) and height[0] and width[0]:
        raise ValueError(
            f"size is {size}; a mask of shape {rle.shape} has no pixels to resize")
    return 0


cdef cnp.ndarray _make_pixels(size_t height, size_t width, object dtype, bint turned, bint blank):
    """Return new memory, cleared if it is all that a blank mask takes."""
    cdef cnp.npy_intp sides[2]
    sides[0] = height
    sides[1] = width
    if dtype is _UINT8:
        if blank:
            return cnp.PyArray_ZEROS(2, sides, cnp.NPY_UINT8, turned)
        return cnp.PyArray_EMPTY(2, sides, cnp.NPY_UINT8, turned)
    return (np.zeros if blank else np.empty)((height, width), dtype, "F" if turned else "C")


cdef object _check_out(object out, tuple shape):
    """Return `out` if it can be written to: an array of this shape that is writeable."""
    cdef Py_ssize_t i
    cdef bint same
    if not cnp.PyArray_Check(out):
        raise TypeError(f"out is {type(out).__name__}; expected a NumPy array")
    same = cnp.PyArray_NDIM(out) == len(shape)
    for i in range(cnp.PyArray_NDIM(out)):
        same = same and cnp.PyArray_DIM(out, i) == <Py_ssize_t>shape[i]
    if not same or not cnp.PyArray_ISWRITEABLE(out):
        protected = "" if cnp.PyArray_ISWRITEABLE(out) else "read-only "
        raise ValueError(
            f"out has {protected}shape {np.shape(out)} and dtype {out.dtype}; "
            f"expected writeable memory of shape {shape}")
    return out


cdef object _stride_error(cnp.ndarray out):
    return ValueError(
        f"out has strides {tuple(out.strides[i] for i in range(out.ndim))}; expected pixels of a "
        "row, or of a column, that follow each other")
