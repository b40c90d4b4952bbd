# --- one mask ----------------------------------------------------------------------------------

cdef object _MISSING = object()


@cython.final
@cython.freelist(64)
@cython.no_gc
cdef class RLE:
    """A binary mask as run lengths: immutable, hashable, picklable.

    The pixels are read in some order, ``"F"`` (down the columns, as Kaggle and COCO do) or ``"C"``
    (along the rows). `counts` says how many zeros come first (perhaps none), how many ones follow,
    and so on. A mask has at most 2**32 - 1 pixels.

    Operators take masks of one shape and one order: ``&``, ``|``, ``^``, ``-`` (in the first and
    not in the second), ``~``. Masks are equal (``==``) if shape, order and pixels are.

    Examples
    --------
    >>> mask = RLE.from_mask([[0, 1, 1], [0, 0, 1]])
    >>> mask
    <RLE 2 x 3, order F, 4 runs, area 3>
    >>> mask.counts
    array([2, 1, 1, 2], dtype=uint32)
    >>> mask.to_kaggle(), mask.to_coco()
    ('3 1 5 2', b'2111')
    >>> (~mask).decode()
    array([[1, 0, 0],
           [1, 1, 0]], dtype=uint8)
    """

    cdef uint32_t *data
    cdef uint32_t few[FEW_RUNS]  # where `data` lies if they fit
    cdef size_t runs
    cdef size_t height
    cdef size_t width
    cdef bint columns  # the order is "F"
    cdef Py_hash_t hashed  # 0 until it is asked for

    __array_ufunc__ = None  # ``array == mask`` and ``array & mask`` are for us to refuse

    # What this alone makes is a mask without pixels.
    def __cinit__(self):
        self.data = self.few
        self.runs = 1

    def __init__(self, *arguments, **named):
        raise TypeError(
            "a mask is made by RLE.from_mask, from_counts, from_kaggle, from_coco, from_packed, "
            "from_polygons, from_box or full")

    def __dealloc__(self):
        if self.data != self.few:
            free(self.data)

    # --- what it is ---

    @property
    def shape(self):
        """Height and width."""
        return self.height, self.width

    @property
    def order(self):
        """How the pixels are read: ``"F"`` down the columns, ``"C"`` along the rows."""
        return "F" if self.columns else "C"

    @property
    def counts(self):
        """The runs: a read-only view, (N,), uint32; the first counts zeros."""
        cdef cnp.npy_intp n = self.runs
        cdef cnp.ndarray view = cnp.PyArray_SimpleNewFromData(1, &n, cnp.NPY_UINT32, self.data)
        cnp.PyArray_CLEARFLAGS(view, cnp.NPY_ARRAY_WRITEABLE)
        cnp.set_array_base(view, self)
        return view

    @property
    def area(self):
        """Number of foreground pixels."""
        return fseg_area(self.data, self.runs)

    @property
    def bbox(self):
        """The smallest box around the foreground: x, y, width, height; zeros if there is none."""
        cdef Box box = _bounds(self)
        return box.x, box.y, box.width, box.height

    @property
    def centroid(self):
        """Mean row and column of the foreground pixels; NaN if there are none."""
        cdef double lines, places, area = fseg_area(self.data, self.runs)
        if area == 0:
            return NAN, NAN
        fseg_moments(self.data, self.runs, _length(self), &lines, &places)
        if self.columns:
            return places / area, lines / area
        return lines / area, places / area

    def __repr__(self):
        return (
            f"<RLE {self.height} x {self.width}, order {self.order}, {self.runs} "
            f"run{'s' if self.runs > 1 else ''}, area {self.area}>")

    def __eq__(self, other):
        if not isinstance(other, RLE):
            return NotImplemented
        cdef RLE that = <RLE>other
        return (
            self.runs == that.runs and self.height == that.height and self.width == that.width
            and self.columns == that.columns
            and memcmp(self.data, that.data, self.runs * sizeof(uint32_t)) == 0)

    def __hash__(self):
        cdef uint64_t mixed
        cdef size_t i
        # Threads that meet here compute the same.
        if self.hashed == 0:
            mixed = self.height * UINT64_C(0x9e3779b97f4a7c15) + self.width * 2 + self.columns
            for i in range(self.runs):
                mixed = (mixed ^ self.data[i]) * UINT64_C(0xff51afd7ed558ccd)
                mixed ^= mixed >> 32
            mixed >>= 1
            self.hashed = <Py_hash_t>mixed if mixed else 1
        return self.hashed

    def __reduce__(self):
        return _restore, (_coco_text(self), self.height, self.width, self.order)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    # --- from other formats ---

    @staticmethod
    def from_mask(mask, *, order="F", threshold=None):
        """Encode a mask.

        Parameters
        ----------
        mask : array_like, (H, W), bool, integer or float
            Masks of bool, uint8 and int8 (and float32 and float64, with a threshold) are read where
            they lie if the pixels of a row, or those of a column, follow each other; gaps between
            rows and negative strides are fine. Others are copied.
        order : {"F", "C"}
            Read the pixels down the columns or along the rows.
        threshold : float, optional
            Pixels over it are foreground; NaN is refused. Without a threshold anything but zero is,
            NaN included. Floats are compared as float64 and integers exactly.

        Raises
        ------
        ValueError
            Unless the mask has two dimensions, a numeric dtype and fewer than 2**32 pixels.

        Examples
        --------
        >>> RLE.from_mask([[0, 1, 1], [0, 0, 1]]).counts
        array([2, 1, 1, 2], dtype=uint32)
        >>> RLE.from_mask([[-0.5, 0.5], [3.0, 0.0]], threshold=0.2, order="C").counts
        array([1, 2, 1], dtype=uint32)
        """
        cdef Encoding job
        cdef Space space
        cdef RLE rle = RLE.__new__(RLE)
        cdef object pixels = _plan(&job, mask, threshold, _read_order(order), rle)
        cdef PyThreadState *state = _leave(job.lines * job.length >= WORTH_PIXELS)
        space.memory = NULL
        _encode(&job, &space)
        free(space.memory)
        _enter(state)
        if job.status != FSEG_OK:
            raise _encoding_error(&job, rle)
        rle.data = job.counts
        rle.runs = job.runs
        return rle

    @staticmethod
    def from_counts(counts, shape, *, order="F"):
        """Take over runs, such as the ``counts`` of an uncompressed COCO annotation.

        Parameters
        ----------
        counts : sequence of int, (N,)
            Runs: zeros, ones, zeros and so on; only the first may be empty.
        shape : (int, int)
            Height and width.
        order : {"F", "C"}
            How the pixels were read.

        Raises
        ------
        ValueError
            If there is no run, a run but the first is empty, one is negative or no integer, or
            their sum is not the number of pixels.

        Examples
        --------
        >>> RLE.from_counts([2, 1, 1, 2], (2, 3)).decode()
        array([[0, 1, 1],
               [0, 0, 1]], dtype=uint8)
        >>> RLE.from_counts([2, 1, 1], (2, 3))
        Traceback (most recent call last):
        ...
        ValueError: counts end after 4 pixels; the mask has 6
        """
        cdef RLE rle = _new(shape, order)
        _take_counts(rle, counts)
        return rle

    @staticmethod
    def from_kaggle(text, shape, *, order="F", base=1):
        """Read Kaggle's text, ``"start length start length ..."``.

        Parameters
        ----------
        text : str
            Decimal numbers between white space. Runs ascend; those that touch are joined.
        shape : (int, int)
            Height and width.
        order : {"F", "C"}
            How the pixels were read; Kaggle reads down the columns.
        base : {1, 0}
            The number of the first pixel.

        Raises
        ------
        ValueError
            If a token is no decimal number or has no partner, or a run is empty, starts before the
            first pixel or inside an earlier run, or ends after the last pixel.

        Examples
        --------
        >>> RLE.from_kaggle("3 1 5 2", (2, 3)).counts
        array([2, 1, 1, 2], dtype=uint32)
        """
        cdef Parsing job
        cdef PyThreadState *state
        cdef RLE rle = _new(shape, order)
        job.base = _read_base(base)
        kept = _plan_kaggle(&job, text, rle)
        state = _leave(job.length >= WORTH_CHARACTERS)
        _parse(&job)
        _enter(state)
        _take_parsed(&job, rle, text)
        return rle

    @staticmethod
    def from_coco(counts, shape=None, *, order="F"):
        """Read COCO's run lengths, compressed or not.

        Parameters
        ----------
        counts : bytes, str, sequence of int, or dict
            The compressed text or the runs; or a whole segmentation, ``{"size": [height, width],
            "counts": ...}``.
        shape : (int, int), optional
            Height and width; needed unless a dict tells them.
        order : {"F", "C"}
            How the pixels were read; COCO reads down the columns.

        Raises
        ------
        ValueError
            If a character does not belong, a number is cut short or longer than needed, a run is
            not positive, or the runs do not add up to the number of pixels.

        Examples
        --------
        >>> RLE.from_coco(b"2111", (2, 3)).counts
        array([2, 1, 1, 2], dtype=uint32)
        >>> RLE.from_coco({"size": [2, 3], "counts": "2111"}).area
        3
        """
        return _from_coco(counts, shape, _read_order(order))

    @staticmethod
    def from_packed(packed, shape, *, order="F", bitorder="big"):
        """Read one bit per pixel, as from ``np.packbits(mask.ravel(order), bitorder=...)``.

        Parameters
        ----------
        packed : array_like, ((H * W + 7) // 8,), uint8, or bytes
            The bits after the last pixel are zero.
        shape : (int, int)
            Height and width.
        order : {"F", "C"}
            How the pixels were read.
        bitorder : {"big", "little"}
            Whether the first pixel is the highest or the lowest bit of the first byte.

        Raises
        ------
        ValueError
            If there are more or fewer bytes than that, or bits are set after the last pixel.

        Examples
        --------
        >>> RLE.from_packed(np.array([0b00101100], np.uint8), (2, 3)).counts
        array([2, 1, 1, 2], dtype=uint32)
        """
        cdef RLE rle = _new(shape, order)
        _unpack(rle, packed, _read_bitorder(bitorder))
        return rle

    @staticmethod
    def from_polygons(polygons, shape, *, order="F", overlap="union"):
        """Draw polygons, to the same pixels as COCO does.

        Parameters
        ----------
        polygons : sequence of array_like, each (N, 2) or flat
            Vertices x, y; the corner of the image is (0, 0), the middle of its first pixel
            (0.5, 0.5). None or two are an empty mask.
        shape : (int, int)
            Height and width.
        order : {"F", "C"}
            How to read the pixels.
        overlap : {"union", "xor"}
            Whether pixels in several polygons are foreground, as in COCO, or only those in an odd
            number of them, so that holes can be polygons.

        Raises
        ------
        ValueError
            If a polygon has another shape or one vertex, or a coordinate that is no number or beyond 2**32.

        Examples
        --------
        >>> RLE.from_polygons([[0, 0, 3, 0, 3, 2]], (2, 3)).decode()
        array([[0, 1, 1],
               [0, 0, 1]], dtype=uint8)
        """
        cdef list drawn = []
        cdef cnp.ndarray xy
        cdef RLE rle
        if overlap not in ("union", "xor"):
            raise ValueError(f"overlap is {overlap!r}; expected 'union' or 'xor'")
        rle = _new(shape, order)
        rle.columns = True
        for i, polygon in enumerate(polygons):
            # A copy: the room is found first, and nobody may move a vertex in between.
            xy = np.array(polygon, np.float64, order="C")
            if not (xy.ndim == 2 and xy.shape[1] == 2) and (xy.ndim != 1 or xy.shape[0] % 2):
                raise ValueError(
                    f"polygons[{i}] has shape {np.shape(xy)}; expected (vertices, 2), or "
                    "x, y, x, y, ...")
            if xy.size == 2:
                raise ValueError(
                    f"polygons[{i}] has one vertex; expected three or more: one polygon is given as "
                    "a list of one")
            drawn.append(_draw(rle, xy, f"polygons[{i}]"))
        if not drawn:
            _fill(rle, False)
        else:
            rle = _merge_all(FSEG_OR if overlap == "union" else FSEG_XOR, drawn)
        return rle.with_order(order)

    @staticmethod
    def from_box(box, shape, *, order="F"):
        """Draw a box, to the same pixels as COCO does.

        Parameters
        ----------
        box : (float, float, float, float)
            x, y, width, height.
        shape : (int, int)
            Height and width of the mask.
        order : {"F", "C"}
            How to read the pixels.

        Examples
        --------
        >>> RLE.from_box((1, 0, 2, 1), (2, 3)).decode()
        array([[0, 1, 1],
               [0, 0, 0]], dtype=uint8)
        """
        cdef cnp.ndarray corners = np.ascontiguousarray(box, np.float64)
        cdef cnp.ndarray xy = np.empty(8)
        cdef RLE rle = _new(shape, order)
        if corners.ndim != 1 or corners.shape[0] != 4:
            raise ValueError(f"box has shape {np.shape(corners)}; expected (x, y, width, height)")
        rle.columns = True
        fseg_box(<double *>cnp.PyArray_DATA(corners), <double *>cnp.PyArray_DATA(xy))
        rle = _draw(rle, xy, "box")
        return rle.with_order(order)

    @staticmethod
    def full(shape, value, *, order="F"):
        """Make a mask of one colour, all foreground or none.

        Examples
        --------
        >>> RLE.full((2, 3), True)
        <RLE 2 x 3, order F, 2 runs, area 6>
        """
        cdef RLE rle = _new(shape, order)
        _fill(rle, value)
        return rle

    # --- to other formats ---

    def to_kaggle(self, *, base=1):
        """Write Kaggle's text, ``"start length start length ..."``.

        Parameters
        ----------
        base : {1, 0}
            The number of the first pixel.

        Returns
        -------
        str
            The runs of this mask in its own order (Kaggle's is ``"F"``); empty if there are none.

        Examples
        --------
        >>> RLE.from_mask([[0, 1, 1], [0, 0, 1]]).to_kaggle()
        '3 1 5 2'
        """
        return _kaggle_text(self, _read_base(base))

    def to_coco(self):
        """Write COCO's compressed text.

        Returns
        -------
        bytes
            ASCII, the runs of this mask in its own order (COCO's is ``"F"``).

        Examples
        --------
        >>> RLE.from_mask([[0, 1, 1], [0, 0, 1]]).to_coco()
        b'2111'
        """
        return _coco_text(self)

    def to_coco_dict(self, *, compressed=True):
        """Return a COCO segmentation of the runs of this mask in its own order (COCO's is ``"F"``).

        Parameters
        ----------
        compressed : bool
            Whether the ``counts`` are bytes, as pycocotools has them, or a list of int.

        Examples
        --------
        >>> mask = RLE.from_mask([[0, 1, 1], [0, 0, 1]])
        >>> mask.to_coco_dict()
        {'size': [2, 3], 'counts': b'2111'}
        >>> mask.to_coco_dict(compressed=False)
        {'size': [2, 3], 'counts': [2, 1, 1, 2]}
        """
        counts = _coco_text(self) if compressed else self.counts.tolist()
        return {"size": [self.height, self.width], "counts": counts}

    def to_packed(self, *, bitorder="big"):
        """Return one bit per pixel, as ``np.packbits(mask.ravel(order), bitorder=...)`` does.

        Returns
        -------
        ndarray, ((H * W + 7) // 8,), uint8
            The bits after the last pixel are zero.

        Examples
        --------
        >>> RLE.from_mask([[0, 1, 1], [0, 0, 1]]).to_packed()
        array([44], dtype=uint8)
        """
        return _pack(self, _read_bitorder(bitorder))

    def decode(self, *, out=None, dtype=np.uint8, value=1, size=None, layout="C"):
        """Write the pixels.

        Parameters
        ----------
        out : ndarray, (H, W), optional
            Filled and returned, instead of a new array, whatever its dtype and layout.
        dtype : dtype
            Of a new array: bool, or integers or floats of 1, 2, 4 or 8 bytes.
        value : int or float
            What foreground pixels become; not zero, and within the dtype.
        size : (int, int), optional
            Resize to this height and width, by nearest neighbour: pixel i of n is pixel
            ``i * m // n`` of m. No mask of the full size is made.
        layout : {"C", "F", "K"}
            Of a new array: row-major, column-major, or in the order of the runs (the fastest).

        Returns
        -------
        ndarray, (H, W)
            0 and `value`.

        Examples
        --------
        >>> mask = RLE.from_kaggle("3 1 5 2", (2, 3))
        >>> mask.decode(value=255)
        array([[  0, 255, 255],
               [  0,   0, 255]], dtype=uint8)
        >>> mask.decode(size=(1, 6), dtype=bool)
        array([[False, False,  True,  True,  True,  True]])
        """
        cdef Decoding job
        cdef Space space
        cdef PyThreadState *state
        cdef size_t height, width
        cdef cnp.ndarray pixels
        cdef bint turned = False, fresh = out is None
        _read_size(size, self, &height, &width)
        if fresh:
            turned = _read_layout(layout, self.columns)
            if dtype is not _UINT8:
                dtype = np.dtype(dtype)
            job.target.value = _value_of(dtype, value)
            pixels = _make_pixels(height, width, dtype, turned, self.runs == 1)
            if self.runs == 1:
                return pixels
        else:
            pixels = _check_out(out, (height, width))
            job.target.value = _value_of(pixels.dtype, value)
        if not _aim(
            &job, self, cnp.PyArray_BYTES(pixels), height, width, cnp.PyArray_STRIDE(pixels, 0),
            cnp.PyArray_STRIDE(pixels, 1), cnp.PyArray_ITEMSIZE(pixels),
        ):
            raise _stride_error(pixels)
        space.memory = NULL
        state = _leave(height * width >= WORTH_PIXELS)
        _decode(&job, &space)
        free(space.memory)
        _enter(state)
        if job.status != FSEG_OK:
            raise MemoryError
        return pixels

    # --- sets ---

    def __and__(self, other):
        if not isinstance(other, RLE):
            return NotImplemented
        return _merge(FSEG_AND, self, <RLE>other)

    def __or__(self, other):
        if not isinstance(other, RLE):
            return NotImplemented
        return _merge(FSEG_OR, self, <RLE>other)

    def __xor__(self, other):
        if not isinstance(other, RLE):
            return NotImplemented
        return _merge(FSEG_XOR, self, <RLE>other)

    def __sub__(self, other):
        if not isinstance(other, RLE):
            return NotImplemented
        return _merge(FSEG_MINUS, self, <RLE>other)

    def __invert__(self):
        cdef RLE rle = _like(self)
        cdef bint starts = self.data[0] == 0 and self.runs > 1
        if _pixels(self) == 0:
            return self
        if starts:
            _copy_runs(rle, self.data + 1, self.runs - 1, 0)
        else:
            _copy_runs(rle, self.data, self.runs, 1)
        return rle

    def intersection(self, RLE other not None):
        """Return the number of pixels that are foreground in both masks.

        Examples
        --------
        >>> mask = RLE.from_kaggle("3 1 5 2", (2, 3))
        >>> mask.intersection(RLE.from_kaggle("1 3", (2, 3)))
        1
        """
        return _intersection(self, other)

    def iou(self, RLE other not None):
        """Return intersection over union (Jaccard index), NaN for two empty masks.

        Examples
        --------
        >>> RLE.from_kaggle("3 1 5 2", (2, 3)).iou(RLE.from_kaggle("1 3", (2, 3)))
        0.2
        """
        cdef uint64_t both = _intersection(self, other)
        cdef uint64_t total = (
            fseg_area(self.data, self.runs) + fseg_area(other.data, other.runs) - both)
        return <double>both / <double>total if total else NAN

    def dice(self, RLE other not None):
        """Return the Dice coefficient (F1 score), NaN for two empty masks.

        Examples
        --------
        >>> RLE.from_kaggle("3 1 5 2", (2, 3)).dice(RLE.from_kaggle("1 3", (2, 3)))
        0.3333333333333333
        """
        cdef uint64_t both = _intersection(self, other)
        cdef uint64_t total = (
            fseg_area(self.data, self.runs) + fseg_area(other.data, other.runs))
        return 2 * <double>both / <double>total if total else NAN

    def contains(self, row, column):
        """Return whether a pixel of the mask is foreground.

        Raises
        ------
        ValueError
            If there is no such pixel.

        Examples
        --------
        >>> RLE.from_kaggle("3 1 5 2", (2, 3)).contains(1, 2)
        True
        """
        cdef Py_ssize_t y = PyNumber_AsSsize_t(row, NULL), x = PyNumber_AsSsize_t(column, NULL)
        if not (0 <= y < <Py_ssize_t>self.height and 0 <= x < <Py_ssize_t>self.width):
            raise ValueError(
                f"pixel ({row}, {column}) is outside the mask, whose shape is {self.shape}")
        cdef size_t at = x * self.height + y if self.columns else y * self.width + x
        return fseg_contains(self.data, self.runs, at) != 0

    # --- geometry ---

    def crop(self, top, left, height, width):
        """Return a part of the mask, as ``mask[top : top + height, left : left + width]``.

        Raises
        ------
        ValueError
            If it reaches beyond the mask; `pad` adds background.

        Examples
        --------
        >>> RLE.from_kaggle("3 1 5 2", (2, 3)).crop(0, 1, 2, 2).decode()
        array([[1, 1],
               [0, 1]], dtype=uint8)
        """
        cdef Py_ssize_t y = PyNumber_AsSsize_t(top, NULL), x = PyNumber_AsSsize_t(left, NULL)
        cdef Py_ssize_t h = PyNumber_AsSsize_t(height, NULL), w = PyNumber_AsSsize_t(width, NULL)
        if (
            y < 0 or x < 0 or h < 0 or w < 0 or h > <Py_ssize_t>self.height
            or w > <Py_ssize_t>self.width or y > <Py_ssize_t>self.height - h
            or x > <Py_ssize_t>self.width - w
        ):
            raise ValueError(
                f"crop at row {top} and column {left} of {height} x {width} pixels is not inside "
                f"the mask, whose shape is {self.shape}")
        return _window(self, y, x, h, w)

    def pad(self, top, bottom, left, right):
        """Return the mask with so many rows and columns of background around it.

        Examples
        --------
        >>> RLE.full((1, 1), True).pad(1, 0, 0, 2).decode()
        array([[0, 0, 0],
               [1, 0, 0]], dtype=uint8)
        """
        cdef Py_ssize_t y = PyNumber_AsSsize_t(top, NULL), x = PyNumber_AsSsize_t(left, NULL)
        cdef Py_ssize_t h = PyNumber_AsSsize_t(bottom, NULL), w = PyNumber_AsSsize_t(right, NULL)
        if y < 0 or x < 0 or h < 0 or w < 0:
            raise ValueError(
                f"pad is ({top}, {bottom}, {left}, {right}); expected no negative numbers")
        if (
            y > MOST_PIXELS or h > MOST_PIXELS or x > MOST_PIXELS or w > MOST_PIXELS
            or _check_shape(self.height + y + h, self.width + x + w) < 0
        ):
            raise _faults.shape_error(
                (self.height + top + bottom, self.width + left + right), "padded shape")
        return _window(self, -y, -x, self.height + y + h, self.width + x + w)

    def translate(self, rows, columns):
        """Return the mask moved down and to the right (or up, left); what leaves it is lost.

        Examples
        --------
        >>> RLE.from_kaggle("3 1 5 2", (2, 3)).translate(1, -1).decode()
        array([[0, 0, 0],
               [1, 1, 0]], dtype=uint8)
        """
        cdef Py_ssize_t y = PyNumber_AsSsize_t(rows, NULL), x = PyNumber_AsSsize_t(columns, NULL)
        cdef Py_ssize_t height = self.height, width = self.width
        y = max(-height, min(height, y))
        x = max(-width, min(width, x))
        return _window(self, -y, -x, height, width)

    def flip(self, axis):
        """Return the mask upside down (`axis` 0) or mirrored left to right (1).

        Examples
        --------
        >>> RLE.from_kaggle("3 1 5 2", (2, 3)).flip(1).decode()
        array([[1, 1, 0],
               [1, 0, 0]], dtype=uint8)
        """
        cdef RLE rle = _like(self)
        cdef size_t room
        cdef bint within
        if axis not in (0, 1):
            raise ValueError(f"axis is {axis!r}; expected 0 (upside down) or 1 (left to right)")
        within = self.columns == (axis == 0)
        if _pixels(self) == 0:
            return self
        room = fseg_flip_room(self.data, self.runs, _lines(self), _length(self))
        _make_room(rle, room)
        rle.runs = fseg_flip(
            self.data, self.runs, _lines(self), _length(self), within, not within, rle.data)
        _shrink(rle, room)
        return rle

    def transpose(self):
        """Return the mask with rows and columns exchanged, in the same order.

        Examples
        --------
        >>> RLE.from_kaggle("3 1 5 2", (2, 3)).transpose().decode()
        array([[0, 0],
               [1, 0],
               [1, 1]], dtype=uint8)
        """
        cdef RLE rle = _turn(self)
        rle.height = self.width
        rle.width = self.height
        rle.columns = self.columns
        return rle

    def with_order(self, order):
        """Return the same mask, read in an order, ``"F"`` or ``"C"``.

        Examples
        --------
        >>> RLE.from_kaggle("3 1 5 2", (2, 3)).with_order("C").counts
        array([1, 2, 2, 1], dtype=uint32)
        """
        return self if _read_order(order) == self.columns else _turn(self)

    def resize(self, size):
        """Return the mask in another height and width, by nearest neighbour.

        Pixel i of n is pixel ``i * m // n`` of m, as with ``cv2.INTER_NEAREST``.

        Examples
        --------
        >>> RLE.from_kaggle("3 1 5 2", (2, 3)).resize((2, 6)).decode()
        array([[0, 0, 1, 1, 1, 1],
               [0, 0, 0, 0, 1, 1]], dtype=uint8)
        """
        cdef RLE rle = _like(self)
        _read_size(size, self, &rle.height, &rle.width)
        _resize(self, rle)
        return rle

    def components(self, *, connectivity=8):
        """Return the connected components, by their first pixels.

        Parameters
        ----------
        connectivity : {8, 4}
            Whether pixels that share only a corner are connected.

        Returns
        -------
        list of RLE
            Their union is this mask.

        Examples
        --------
        >>> mask = RLE.from_mask([[1, 0, 1], [0, 1, 0], [0, 0, 0]])
        >>> len(mask.components()), len(mask.components(connectivity=4))
        (1, 3)
        """
        return _components(self, _read_connectivity(connectivity))

    def boundary(self, *, connectivity=8):
        """Return the foreground pixels beside background, or beside the edge of the image.

        Parameters
        ----------
        connectivity : {8, 4}
            Whether background that shares only a corner counts. The boundary is what an erosion by
            a square of 3 x 3 pixels takes away, or with 4 by a cross.

        Examples
        --------
        >>> RLE.full((3, 4), True).boundary().decode()
        array([[1, 1, 1, 1],
               [1, 0, 0, 1],
               [1, 1, 1, 1]], dtype=uint8)
        """
        cdef RLE rle = _like(self)
        _boundary(self, rle, _read_connectivity(connectivity))
        return rle

    def polygons(self, *, connectivity=8):
        """Return the outlines of the foreground, along the corners of the pixels.

        Parameters
        ----------
        connectivity : {8, 4}
            Whether pixels that share only a corner are inside one outline or two.

        Returns
        -------
        list of ndarray, each (N, 2), int32
            Vertices x, y. Outer outlines go clockwise as one sees the image, holes the other way.
            ``RLE.from_polygons(outlines, shape, overlap="xor")`` is this mask again, exactly.

        Examples
        --------
        >>> RLE.from_kaggle("3 1 5 2", (2, 3)).polygons()[0].tolist()
        [[1, 0], [3, 0], [3, 2], [2, 2], [2, 1], [1, 1]]
        """
        return _polygons(self, _read_connectivity(connectivity))


def _restore(bytes text, size_t height, size_t width, str order):
    """Make the mask that was pickled."""
    return RLE.from_coco(text, (height, width), order=order)


# --- its parts ---------------------------------------------------------------------------------


cdef inline size_t _lines(RLE rle) noexcept nogil:
    return rle.width if rle.columns else rle.height


cdef inline size_t _length(RLE rle) noexcept nogil:
    return rle.height if rle.columns else rle.width


cdef inline size_t _pixels(RLE rle) noexcept nogil:
    return rle.height * rle.width


cdef RLE _new(object shape, object order):
    """Return a mask without runs, which must get some before anybody sees it."""
    cdef RLE rle = RLE.__new__(RLE)
    rle.columns = _read_order(order)
    _read_shape(shape, &rle.height, &rle.width)
    return rle


cdef RLE _like(RLE other):
    """Return a mask of the same shape and order, without runs."""
    cdef RLE rle = RLE.__new__(RLE)
    rle.height = other.height
    rle.width = other.width
    rle.columns = other.columns
    return rle


cdef int _make_room(RLE rle, size_t runs) except -1:
    """Give a mask without runs the room for some."""
    cdef uint32_t *data = _make_runs(runs)
    if data == NULL:
        raise MemoryError
    rle.data = data
    return 0


cdef inline void _shrink(RLE rle, size_t room) noexcept nogil:
    """Give back the room, from malloc, that the runs do not take, and the slack."""
    cdef void *data
    if rle.runs < room:
        data = realloc(rle.data, rle.runs * sizeof(uint32_t))
        if data != NULL:
            rle.data = <uint32_t *>data


cdef int _copy_runs(RLE rle, const uint32_t *data, size_t runs, size_t empty) except -1:
    """Give a mask runs, perhaps after an empty one."""
    cdef uint32_t *room = _make_exactly(runs + empty, rle.few)
    if room == NULL:
        raise MemoryError
    room[0] = 0
    memcpy(room + empty, data, runs * sizeof(uint32_t))
    rle.data = room
    rle.runs = runs + empty
    return 0


cdef inline bint _is_plain(RLE rle) noexcept nogil:
    """Whether all pixels are of one colour."""
    return rle.runs == 1 or (rle.runs == 2 and rle.data[0] == 0)


cdef int _fill(RLE rle, bint value) except -1:
    cdef uint32_t area = <uint32_t>_pixels(rle)
    if area:
        _copy_runs(rle, &area, 1, value)
    return 0


# The smallest box around the foreground; all zero if there is none.
cdef struct Box:
    size_t x
    size_t y
    size_t width
    size_t height


cdef Box _bounds(RLE rle) noexcept:
    cdef size_t lines[2]
    cdef size_t places[2]
    cdef Box box = Box(0, 0, 0, 0)
    if not fseg_bounds(
        rle.data, rle.runs, _lines(rle), _length(rle), &lines[0], &lines[1], &places[0],
        &places[1],
    ):
        return box
    lines[1] -= lines[0] - 1
    places[1] -= places[0] - 1
    if rle.columns:
        return Box(lines[0], places[0], lines[1], places[1])
    return Box(places[0], lines[0], places[1], lines[1])


cdef inline bint _alike(RLE a, RLE b) noexcept:
    return a.height == b.height and a.width == b.width and a.columns == b.columns


cdef object _pair_error(RLE a, RLE b):
    return _faults.pair_error(a.shape, a.order, b.shape, b.order)


cdef int _check_pair(RLE a, RLE b) except -1:
    if not _alike(a, b):
        raise _pair_error(a, b)
    return 0


cdef RLE _merge(fseg_operation operation, RLE a, RLE b):
    cdef uint32_t local[ROOM_ON_STACK]
    cdef RLE rle = _like(a)
    cdef size_t room = a.runs + b.runs
    cdef PyThreadState *state
    _check_pair(a, b)
    if room <= RUNS_ON_STACK:
        room = fseg_merge(operation, a.data, a.runs, b.data, b.runs, local)
        _copy_runs(rle, local, room, 0)
        return rle
    _make_room(rle, room)
    state = _leave(room >= WORTH_RUNS)
    rle.runs = fseg_merge(operation, a.data, a.runs, b.data, b.runs, rle.data)
    _shrink(rle, room)
    _enter(state)
    return rle


cdef RLE _merge_all(fseg_operation operation, list rles):
    """Merge one mask or more of one shape and order, from left to right."""
    cdef uint32_t local[ROOM_ON_STACK]
    cdef size_t i, n = len(rles), room = 0
    cdef RLE other, rle = _like(rles[0])
    cdef PyThreadState *state
    cdef const uint32_t **counts
    cdef uint32_t *scratch = NULL
    cdef size_t *runs
    cdef void *memory
    for other in rles:
        room += other.runs
    if room > RUNS_ON_STACK:
        _make_room(rle, room)
    memory = malloc(n * (sizeof(void *) + sizeof(size_t)))
    scratch = _make_runs(room)
    if memory == NULL or scratch == NULL:
        free(memory)
        free(scratch)
        raise MemoryError
    counts = <const uint32_t **>memory
    runs = <size_t *>(counts + n)
    for i in range(n):
        counts[i] = (<RLE>rles[i]).data
        runs[i] = (<RLE>rles[i]).runs
    if room <= RUNS_ON_STACK:
        room = fseg_merge_many(operation, counts, runs, n, local, scratch)
        free(memory)
        free(scratch)
        _copy_runs(rle, local, room, 0)
        return rle
    state = _leave(room >= WORTH_RUNS)
    rle.runs = fseg_merge_many(operation, counts, runs, n, rle.data, scratch)
    _shrink(rle, room)
    free(memory)
    free(scratch)
    _enter(state)
    return rle


cdef int64_t _intersection(RLE a, RLE b) except -1:
    cdef PyThreadState *state
    cdef int64_t both
    _check_pair(a, b)
    state = _leave(a.runs + b.runs >= WORTH_RUNS)
    both = fseg_intersection(a.data, a.runs, b.data, b.runs)
    _enter(state)
    return both


cdef int _collect(const fseg_plane *plane, RLE rle) noexcept nogil:
    """Give a mask the runs of a plane."""
    cdef size_t runs = fseg_plane_runs(plane)
    cdef uint32_t *data = _emit(plane, runs)
    if data == NULL:
        return NO_MEMORY
    rle.data = data
    rle.runs = runs
    return FSEG_OK


cdef RLE _window(RLE self, ptrdiff_t row, ptrdiff_t column, size_t height, size_t width):
    cdef RLE rle = _like(self)
    cdef size_t room
    rle.height = height
    rle.width = width
    if height == 0 or width == 0:
        return rle
    if _pixels(self) == 0:
        _fill(rle, False)
        return rle
    room = fseg_window_room(
        self.data, self.runs, _lines(self), _length(self), _lines(rle), _length(rle))
    _make_room(rle, room)
    rle.runs = fseg_window(
        self.data, self.runs, _lines(self), _length(self), column if self.columns else row,
        row if self.columns else column, _lines(rle), _length(rle), rle.data)
    _shrink(rle, room)
    return rle


cdef RLE _turn(RLE self):
    """Return the mask read in the other order."""
    cdef RLE rle = _like(self)
    cdef size_t lines = _lines(self), length = _length(self), size = _plane_size(lines, length)
    cdef fseg_plane plane, turned
    cdef Space space
    cdef PyThreadState *state
    cdef char *memory
    cdef int status = NO_MEMORY
    rle.columns = not self.columns
    if lines <= 1 or length <= 1 or _is_plain(self):
        _copy_runs(rle, self.data, self.runs, 0)
        return rle
    space.memory = NULL
    state = _leave(_pixels(self) >= WORTH_PIXELS)
    memory = <char *>_get(&space, size + _plane_size(length, lines))
    if memory != NULL:
        _set_plane(&plane, memory, lines, length)
        _set_plane(&turned, memory + size, length, lines)
        fseg_plane_fill(self.data, self.runs, &plane)
        fseg_plane_transpose(&plane, &turned)
        status = _collect(&turned, rle)
    free(space.memory)
    _enter(state)
    if status != FSEG_OK:
        raise MemoryError
    return rle


cdef int _resize(RLE self, RLE rle) except -1:
    """Give `rle`, which has another shape, the pixels of this mask."""
    cdef size_t size = _plane_size(_lines(rle), _length(rle))
    cdef fseg_plane plane
    cdef Space space
    cdef PyThreadState *state
    cdef char *memory
    cdef int status = NO_MEMORY
    if self.runs == 1 or _pixels(rle) == 0:
        return _fill(rle, False)
    space.memory = NULL
    state = _leave(_pixels(rle) >= WORTH_PIXELS)
    memory = <char *>_get(&space, size + _mapped_size(_length(self)))
    if memory != NULL:
        _set_plane(&plane, memory, _lines(rle), _length(rle))
        fseg_plane_fill_resized(
            self.data, self.runs, _lines(self), _length(self), &plane, <uint32_t *>(memory + size))
        status = _collect(&plane, rle)
    free(space.memory)
    _enter(state)
    if status != FSEG_OK:
        raise MemoryError
    return 0


cdef int _boundary(RLE self, RLE rle, int connectivity) except -1:
    cdef size_t lines = _lines(self), length = _length(self), size = _plane_size(lines, length)
    cdef fseg_plane plane, found
    cdef Space space
    cdef PyThreadState *state
    cdef char *memory
    cdef int status = NO_MEMORY
    if self.runs == 1:
        return _fill(rle, False)
    space.memory = NULL
    state = _leave(_pixels(self) >= WORTH_PIXELS)
    memory = <char *>_get(&space, 2 * size)
    if memory != NULL:
        _set_plane(&plane, memory, lines, length)
        _set_plane(&found, memory + size, lines, length)
        fseg_plane_fill(self.data, self.runs, &plane)
        fseg_plane_boundary(&plane, connectivity, &found)
        status = _collect(&found, rle)
    free(space.memory)
    _enter(state)
    if status != FSEG_OK:
        raise MemoryError
    return 0


cdef list _components(RLE self, int connectivity):
    cdef size_t n, found, i
    cdef fseg_span *spans
    cdef uint32_t *labels
    cdef uint32_t *counts = NULL
    cdef size_t *starts = NULL
    cdef PyThreadState *state
    cdef list result = []
    cdef RLE rle
    if _is_plain(self):
        return [self] if self.runs == 2 else result
    n = fseg_spans(self.data, self.runs, _length(self))
    spans = <fseg_span *>malloc(n * sizeof(fseg_span) + 1)
    labels = <uint32_t *>malloc(n * sizeof(uint32_t) + 1)
    try:
        if spans == NULL or labels == NULL:
            raise MemoryError
        state = _leave(n >= WORTH_RUNS)
        found = fseg_components(self.data, self.runs, _length(self), connectivity, spans, labels)
        counts = _make_runs(2 * n + found)
        starts = <size_t *>malloc(2 * found * sizeof(size_t) + 1)
        if counts != NULL and starts != NULL:
            fseg_component_runs(
                spans, labels, n, found, <uint32_t>_pixels(self), counts, starts, starts + found)
        _enter(state)
        if counts == NULL or starts == NULL:
            raise MemoryError
        for i in range(found):
            rle = _like(self)
            _copy_runs(rle, counts + starts[i], starts[found + i], 0)
            result.append(rle)
    finally:
        free(spans)
        free(labels)
        free(counts)
        free(starts)
    return result


cdef RLE _draw(RLE like, cnp.ndarray xy, str name):
    """Return the column-major mask of a polygon, contiguous float64, of the shape of `like`."""
    cdef RLE rle = _like(like)
    cdef const double *vertices = <const double *>cnp.PyArray_DATA(xy)
    cdef size_t n = cnp.PyArray_SIZE(xy) // 2, room = 0, scratch_room = 0
    cdef uint64_t *scratch
    cdef PyThreadState *state
    cdef fseg_fault fault
    cdef fseg_status status = fseg_polygon_rooms(
        vertices, n, rle.height, rle.width, &room, &scratch_room, &fault)
    if status != FSEG_OK:
        raise _faults.vertex_error(_fault(status, &fault), name, xy)
    if _pixels(rle) == 0:
        return rle
    _make_room(rle, room)
    scratch = <uint64_t *>malloc(scratch_room * sizeof(uint64_t) + 1)
    if scratch == NULL:
        raise MemoryError
    state = _leave(room + scratch_room >= WORTH_RUNS)
    rle.runs = fseg_polygon(vertices, n, rle.height, rle.width, rle.data, scratch)
    _shrink(rle, room)
    free(scratch)
    _enter(state)
    return rle


cdef list _polygons(RLE self, int connectivity):
    cdef size_t vertices = 0, room = 0, outlines
    cdef cnp.ndarray xy, ends
    cdef void *scratch
    cdef PyThreadState *state
    cdef fseg_fault fault
    cdef fseg_status status = fseg_outline_rooms(
        self.data, self.runs, _lines(self), _length(self), &vertices, &room, &fault)
    if status != FSEG_OK:
        error = ValueError(
            f"mask of shape {self.shape} has too long outlines: {fault.found}; "
            f"the most is {fault.expected}")
        raise _faults.caused(error, _fault(status, &fault))
    xy = np.empty((vertices, 2), np.int32)
    ends = np.empty(vertices // 4, np.uintp)
    scratch = malloc(room + 1)
    if scratch == NULL:
        raise MemoryError
    state = _leave(self.runs >= WORTH_RUNS)
    outlines = fseg_outlines(
        self.data, self.runs, _lines(self), _length(self), self.columns, connectivity,
        <int32_t *>cnp.PyArray_DATA(xy), <size_t *>cnp.PyArray_DATA(ends), scratch)
    free(scratch)
    _enter(state)
    stops = ends[:outlines].tolist()
    return [xy[first:last] for first, last in zip([0, *stops], stops)]


# --- its texts ---------------------------------------------------------------------------------

cdef enum:
    KAGGLE = 0
    COCO = 1
    TEXT_ON_STACK = 1 << 14

# A text to read, and what comes of it.
cdef struct Parsing:
    const char *text
    size_t length
    uint32_t area
    int format
    uint32_t base
    uint32_t *few  # the mask's own room, which is not freed
    uint32_t *counts
    size_t runs
    int status
    fseg_fault fault


cdef object _plan_kaggle(Parsing *job, object text, RLE rle):
    """Describe the reading of a text, but for its base; return what must live as long."""
    if not PyUnicode_Check(text):
        empty = ", for an empty mask ''" if isinstance(text, float) else ""
        raise TypeError(f"text is {type(text).__name__}; expected str{empty}")
    job.format = KAGGLE
    job.few = rle.few
    job.area = <uint32_t>_pixels(rle)
    return _read_text(text, &job.text, &job.length)


cdef RLE _from_coco(object counts, object shape, bint columns):
    cdef Parsing job
    cdef PyThreadState *state
    cdef RLE rle = RLE.__new__(RLE)
    kept = _plan_coco(&job, counts, shape, columns, rle)
    if kept is None:
        return rle
    state = _leave(job.length >= WORTH_CHARACTERS)
    _parse(&job)
    _enter(state)
    _take_parsed(&job, rle, kept)
    return rle


cdef object _plan_coco(Parsing *job, object counts, object shape, bint columns, RLE rle):
    """Describe the reading of a text; return what must live as long, or None if it was no text."""
    rle.columns = columns
    if PyDict_Check(counts) or (
        not PyBytes_Check(counts) and not PyUnicode_Check(counts) and isinstance(counts, Mapping)
    ):
        counts = _read_segmentation(counts, shape, rle)
    elif shape is None:
        raise TypeError("shape is missing; expected (height, width), or a dict of size and counts")
    else:
        _read_shape(shape, &rle.height, &rle.width)
    if not PyBytes_Check(counts) and not PyUnicode_Check(counts):
        if not isinstance(counts, (list, tuple, np.ndarray)):
            raise TypeError(
                f"counts are {type(counts).__name__}; expected bytes or str, or a list of int")
        _take_counts(rle, counts)
        job.text = NULL
        return None
    job.format = COCO
    job.few = rle.few
    job.area = <uint32_t>_pixels(rle)
    text = _read_text(counts, &job.text, &job.length)
    if job.length == 0 and job.area == 0:
        job.text = NULL  # what pycocotools writes of a mask without pixels
        return None
    return text


cdef object _read_segmentation(object segmentation, object shape, RLE rle):
    """Give a mask the size of a COCO segmentation; return its counts."""
    size = segmentation.get("size", _MISSING)
    counts = segmentation.get("counts", _MISSING)
    if size is _MISSING or counts is _MISSING:
        lacking = "size" if size is _MISSING else "counts"
        raise ValueError(f"segmentation has no {lacking!r}; expected size and counts")
    try:
        _read_shape(size, &rle.height, &rle.width, "size")
    except TypeError as error:
        # It comes from a file, as often as not.
        raise ValueError(str(error)) from None
    if shape is not None and tuple(shape) != (rle.height, rle.width):
        raise ValueError(f"size is {size}; shape is {shape}: expected them to be the same")
    return counts


cdef int _take_counts(RLE rle, object counts) except -1:
    """Give a mask runs that come as numbers."""
    cdef uint32_t *runs = NULL
    cdef size_t n = 0
    cdef fseg_fault fault
    cdef fseg_status status
    try:
        _read_runs(counts, &runs, &n)
    except BaseException:
        free(runs)
        raise
    status = fseg_check_runs(runs, n, <uint32_t>_pixels(rle), &fault)
    if status != FSEG_OK:
        free(runs)
        raise _faults.worded(_fault(status, &fault), _faults.COUNTS)
    rle.data = runs
    rle.runs = n
    _shrink(rle, n + 1)
    return 0


cdef void _parse(Parsing *job) noexcept nogil:
    cdef uint32_t local[ROOM_ON_STACK]
    cdef size_t room = _parse_room(job)
    cdef void *shrunk
    if room <= RUNS_ON_STACK:
        _parse_into(job, local)
        if job.status == FSEG_OK:
            job.counts = _keep(local, job.runs, job.few)
            if job.counts == NULL:
                job.status = NO_MEMORY
        return
    job.counts = _make_runs(room)
    if job.counts == NULL:
        job.status = NO_MEMORY
        return
    _parse_into(job, job.counts)
    if job.status != FSEG_OK:
        free(job.counts)
        job.counts = NULL
        return
    shrunk = realloc(job.counts, job.runs * sizeof(uint32_t))
    if shrunk != NULL:
        job.counts = <uint32_t *>shrunk


cdef size_t _parse_room(const Parsing *job) noexcept nogil:
    """Return the most runs that a text can have: by its length, or counted if that is much."""
    cdef bint brief = job.length < 1 << 20
    if job.format == KAGGLE:
        return 1 + (job.length // 2 + 1 if brief else fseg_kaggle_tokens(job.text, job.length))
    return job.length if brief else fseg_coco_numbers(job.text, job.length)


cdef void _parse_into(Parsing *job, uint32_t *counts) noexcept nogil:
    if job.format == KAGGLE:
        job.status = fseg_parse_kaggle(
            job.text, job.length, job.base, job.area, counts, &job.runs, &job.fault)
    else:
        job.status = fseg_parse_coco(
            job.text, job.length, job.area, counts, &job.runs, &job.fault)


cdef int _take_parsed(Parsing *job, RLE rle, object text) except -1:
    """Give a mask the runs that were read, or say why there are none."""
    if job.status == NO_MEMORY:
        raise MemoryError
    if job.status != FSEG_OK:
        raise _faults.worded(
            _fault(job.status, &job.fault),
            _faults.KAGGLE if job.format == KAGGLE else _faults.COCO, text)
    rle.data = job.counts
    rle.runs = job.runs
    job.counts = NULL
    return 0


cdef object _kaggle_text(RLE rle, uint32_t base):
    cdef char local[TEXT_ON_STACK]
    cdef size_t length, room = FSEG_KAGGLE_ROOM(rle.runs)
    cdef PyThreadState *state
    cdef PyObject *text
    if room <= TEXT_ON_STACK:
        length = fseg_write_kaggle(rle.data, rle.runs, base, local)
        result = PyUnicode_New(length, 127)
        memcpy(PyUnicode_DATA(result), local, length)
        return result
    text = _new_str(room, 127)
    state = _leave(rle.runs >= WORTH_RUNS)
    length = fseg_write_kaggle(rle.data, rle.runs, base, <char *>_str_data(text))
    _enter(state)
    try:
        _resize_str(&text, length)
        return <object>text
    finally:
        Py_XDECREF(text)


cdef object _coco_text(RLE rle):
    cdef char local[TEXT_ON_STACK]
    cdef size_t length, room = FSEG_COCO_ROOM(rle.runs)
    cdef PyThreadState *state
    cdef PyObject *text
    if room <= TEXT_ON_STACK:
        length = fseg_write_coco(rle.data, rle.runs, local)
        return PyBytes_FromStringAndSize(local, length)
    text = _new_bytes(NULL, room)
    state = _leave(rle.runs >= WORTH_RUNS)
    length = fseg_write_coco(rle.data, rle.runs, _bytes_data(text))
    _enter(state)
    try:
        _resize_bytes(&text, length)
        return <object>text
    finally:
        Py_XDECREF(text)


# --- packed bits -------------------------------------------------------------------------------


cdef int _unpack(RLE rle, object packed, bint big) except -1:
    cdef cnp.ndarray array
    cdef size_t area = _pixels(rle), size = (area + 7) // 8, i
    cdef fseg_plane plane
    cdef Space space
    cdef PyThreadState *state
    cdef int status = NO_MEMORY
    cdef uint8_t last
    if isinstance(packed, (bytes, bytearray, memoryview)):
        packed = np.frombuffer(packed, np.uint8)
    array = np.asarray(packed)
    if array.ndim != 1 or array.dtype != np.uint8:
        raise ValueError(
            f"packed bits have shape {np.shape(array)} and dtype {array.dtype}; "
            f"expected ({size},) and uint8")
    if <size_t>cnp.PyArray_SIZE(array) != size:
        raise ValueError(
            f"packed bits are {cnp.PyArray_SIZE(array)} bytes; expected {size}, "
            f"for {area} pixels")
    if area == 0:
        return 0
    array = np.ascontiguousarray(array)
    space.memory = NULL
    state = _leave(area >= WORTH_PIXELS)
    memory = <uint64_t *>_get(&space, _plane_size(1, area))
    if memory != NULL:
        _set_plane(&plane, memory, 1, area)
        memory[plane.words - 1] = 0
        memcpy(memory, cnp.PyArray_DATA(array), size)
        _swap_bits(memory, plane.words, big)
        status = FSEG_OK
        if area % 64 and memory[plane.words - 1] >> area % 64:
            status = FSEG_TOO_LONG
        else:
            status = _collect(&plane, rle)
    free(space.memory)
    _enter(state)
    if status == NO_MEMORY:
        raise MemoryError
    if status == FSEG_TOO_LONG:
        raise ValueError(
            f"packed bits: byte {size - 1} is {array[size - 1]}; expected its last "
            f"{8 * size - area} bits to be 0, after {area} pixels")
    return 0


cdef cnp.ndarray _pack(RLE rle, bint big):
    cdef size_t area = _pixels(rle), size = (area + 7) // 8
    cdef cnp.ndarray packed = np.empty(size, np.uint8)
    cdef fseg_plane plane
    cdef Space space
    cdef PyThreadState *state
    cdef void *bytes_at = cnp.PyArray_DATA(packed)
    if area == 0:
        return packed
    space.memory = NULL
    state = _leave(area >= WORTH_PIXELS)
    memory = <uint64_t *>_get(&space, _plane_size(1, area))
    if memory != NULL:
        _set_plane(&plane, memory, 1, area)
        fseg_plane_fill(rle.data, rle.runs, &plane)
        _swap_bits(memory, plane.words, big)
        memcpy(bytes_at, memory, size)
    free(space.memory)
    _enter(state)
    if memory == NULL:
        raise MemoryError
    return packed


cdef void _swap_bits(uint64_t *words, size_t n, bint big) noexcept nogil:
    """Turn words of a plane into packed bytes, or back."""
    cdef size_t i
    cdef uint64_t word
    if FSEG_BIG_ENDIAN:
        for i in range(n):
            words[i] = fseg_swap(words[i])
    if big:
        for i in range(n):
            word = words[i]
            word = word >> 1 & UINT64_C(0x5555555555555555) | (
                word & UINT64_C(0x5555555555555555)) << 1
            word = word >> 2 & UINT64_C(0x3333333333333333) | (
                word & UINT64_C(0x3333333333333333)) << 2
            words[i] = word >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f) | (
                word & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4
