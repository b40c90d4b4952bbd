# --- arguments that several functions take -----------------------------------------------------

cdef object _UINT8 = np.uint8

cdef extern from *:
    """
    #define MOST_PIXELS INT64_C(4294967295)
    """
    const int64_t MOST_PIXELS


cdef int _read_order(object order) except -1:
    """Return 1 for "F", 0 for "C"."""
    if PyUnicode_Check(order):
        if <str>order == "F":
            return 1
        if <str>order == "C":
            return 0
    raise ValueError(f"order is {order!r}; expected 'F' (down the columns) or 'C'")


cdef int _read_base(object base) except -1:
    if PyLong_Check(base):
        if base == 1:
            return 1
        if base == 0:
            return 0
    try:
        number = operator.index(base)
    except TypeError:
        number = -1
    if number not in (0, 1):
        raise ValueError(f"base is {base!r}; expected 0 or 1")
    return number


@cython.boundscheck(True)
cdef int _read_shape(object shape, size_t *height, size_t *width, str name="shape") except -1:
    """Read (height, width), checked so that the number of pixels fits a run."""
    cdef Py_ssize_t rows, columns
    try:
        sides = shape
        if not PyTuple_CheckExact(shape) and not PyList_CheckExact(shape):
            sides = tuple(shape)
        if len(sides) != 2:
            raise ValueError
        rows = sides[0]
        columns = sides[1]  # gone if the side before it is an object that took it away
    except (TypeError, ValueError, OverflowError, IndexError):
        raise _faults.shape_error(shape, name) from None
    if _check_shape(rows, columns) < 0:
        raise _faults.shape_error(shape, name)
    height[0] = rows
    width[0] = columns
    return 0


cdef inline int _check_shape(Py_ssize_t rows, Py_ssize_t columns) noexcept:
    if rows < 0 or columns < 0 or rows > MOST_PIXELS or columns > MOST_PIXELS:
        return -1
    return -1 if <uint64_t>rows * <uint64_t>columns > <uint64_t>MOST_PIXELS else 0


cdef int _read_connectivity(object connectivity) except -1:
    if connectivity == 8:
        return 8
    if connectivity == 4:
        return 4
    raise ValueError(f"connectivity is {connectivity!r}; expected 4 or 8")


cdef int _read_bitorder(object bitorder) except -1:
    """Return 1 for "big", 0 for "little"."""
    if bitorder == "big":
        return 1
    if bitorder == "little":
        return 0
    raise ValueError(f"bitorder is {bitorder!r}; expected 'big' or 'little'")


cdef object _read_text(object text, const char **characters, size_t *length):
    """Find the characters of a str or bytes; return the object that they lie in.

    What is not ASCII is encoded, to be found wrong by the parser.
    """
    if PyUnicode_Check(text):
        if PyUnicode_IS_ASCII(text):
            characters[0] = <const char *>PyUnicode_DATA(text)
            length[0] = PyUnicode_GET_LENGTH(text)
            return text
        text = (<str>text).encode("utf-8", "surrogatepass")
    characters[0] = PyBytes_AS_STRING(text)
    length[0] = PyBytes_GET_SIZE(text)
    return text


cdef object _index(object number, str name):
    """Return an integer."""
    try:
        return operator.index(number)
    except TypeError:
        raise TypeError(f"{name} is {number!r}; expected an integer") from None


cdef uint64_t _read_value(
    cnp.dtype dtype, object value, str name="value", bint zero=False
) except? 0:
    """Return the bit pattern of an element, which may be zero or not, and must fit the dtype."""
    if dtype.kind not in "biuf" or dtype.itemsize not in (1, 2, 4, 8):
        raise ValueError(
            f"dtype is {dtype}; expected bool, integer or float of 1, 2, 4 or 8 bytes")
    if dtype.kind == "f":
        if isinstance(value, (str, bytes, bytearray)):
            raise TypeError(f"{name} is {value!r}; expected a number")
        low = high = None
        try:
            number = operator.index(value)
        except TypeError:
            number = float(value)
        with np.errstate(over="ignore", under="ignore"):
            try:
                element = np.array(float(number), dtype)
            except OverflowError:
                element = np.array(math.inf, dtype)
        if isinstance(number, int):
            fits = bool(np.isfinite(element)) and int(element) == number
        else:
            fits = not math.isfinite(number) or bool(np.isfinite(element))
            fits = fits and (number == 0 or element != 0)
    else:
        number = _index(value, name)
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        fits = low <= number <= high
        element = np.array(number, dtype) if fits else None
    if not fits or (number == 0 and not zero):
        raise _faults.value_error(name, value, dtype, low, high, zero)
    return int.from_bytes(element.tobytes(), sys.byteorder)


cdef uint64_t _value_of(
    object dtype, object value, str name="value", bint zero=False
) except? 0:
    """Do what _read_value does, at once for the commonest."""
    cdef long long number
    cdef int overflow = 0, bits
    cdef float narrow
    cdef double wide
    cdef uint64_t pattern = 0
    cdef cnp.dtype kind
    if dtype is _UINT8:
        if PyLong_CheckExact(value) and 0 < value < 256:
            return <uint8_t>value
        dtype = np.dtype(np.uint8)
    kind = dtype
    if not PyLong_CheckExact(value) or not cnp.PyArray_ISNBO(kind.byteorder):
        return _read_value(kind, value, name, zero)
    number = PyLong_AsLongLongAndOverflow(value, &overflow)
    bits = 8 * <int>kind.itemsize
    if overflow or number < 0 or number >> 23 or (number == 0 and not zero):
        return _read_value(kind, value, name, zero)
    if kind.type_num == cnp.NPY_FLOAT32:
        narrow = <float>number
        memcpy(&pattern, &narrow, sizeof(narrow))
        return pattern if not FSEG_BIG_ENDIAN else pattern >> 32
    if kind.type_num == cnp.NPY_FLOAT64:
        wide = <double>number
        memcpy(&pattern, &wide, sizeof(wide))
        return pattern
    if kind.type_num == cnp.NPY_BOOL and number <= 1:
        return number
    if cnp.PyTypeNum_ISSIGNED(kind.type_num):
        bits -= 1
    if cnp.PyTypeNum_ISINTEGER(kind.type_num) and (bits > 24 or number >> bits == 0):
        return number
    return _read_value(kind, value, name, zero)


cdef bint _read_layout(object layout, bint columns) except -1:
    """Return whether memory is to be column-major."""
    if PyUnicode_Check(layout):
        if <str>layout == "C":
            return False
        if <str>layout == "F":
            return True
        if <str>layout == "K":
            return columns
    raise ValueError(
        f"layout is {layout!r}; expected 'C' (rows), 'F' (columns) or 'K' (as the runs)")


cdef int _read_runs(object counts, uint32_t **runs, size_t *n) except -1:
    """Make an array of runs, each of which fits uint32; nothing else is checked."""
    cdef cnp.ndarray array
    if PyList_Check(counts) or PyTuple_Check(counts):
        return _read_integers(tuple(counts), runs, n)
    array = np.asarray(counts)
    if cnp.PyArray_NDIM(array) != 1:
        raise ValueError(f"counts have shape {np.shape(array)}; expected one dimension")
    if array.dtype.kind not in "iu":
        return _read_integers(tuple(array.tolist()), runs, n)
    if array.dtype != np.uint32:
        for i in np.flatnonzero((array < 0) | (array > MOST_PIXELS)):
            raise ValueError(f"counts[{i}] is {array[i]}; expected 0 to {MOST_PIXELS}")
    array = np.ascontiguousarray(array, np.uint32)
    n[0] = cnp.PyArray_SIZE(array)
    runs[0] = _make_runs(n[0])
    if runs[0] == NULL:
        raise MemoryError
    memcpy(runs[0], cnp.PyArray_DATA(array), n[0] * sizeof(uint32_t))
    return 0


cdef int _read_integers(tuple counts, uint32_t **runs, size_t *n) except -1:
    cdef size_t i = 0
    cdef int overflow = 0
    cdef long long run
    runs[0] = _make_runs(len(counts))
    if runs[0] == NULL:
        raise MemoryError
    n[0] = len(counts)
    for item in counts:
        if PyBool_Check(item) or not PyIndex_Check(item):
            raise ValueError(f"counts[{i}] is {item!r}; expected an integer")
        if not PyLong_Check(item):
            item = operator.index(item)
        run = PyLong_AsLongLongAndOverflow(item, &overflow)
        if overflow or not 0 <= run <= MOST_PIXELS:
            raise ValueError(f"counts[{i}] is {item}; expected 0 to {MOST_PIXELS}")
        runs[0][i] = <uint32_t>run
        i += 1
    return 0
