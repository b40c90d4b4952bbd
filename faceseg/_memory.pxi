# --- memory, and leaving the interpreter -------------------------------------------------------

# Few runs are written on the stack and copied: a mask then takes no more memory than its runs, and
# one allocation of the right size is quicker than one with slack that is made smaller. Fewer still
# are kept in the mask itself.
cdef extern from *:
    """
    enum { FEW_RUNS = 4, RUNS_ON_STACK = 512, ROOM_ON_STACK = RUNS_ON_STACK + FSEG_SLACK };
    """
    enum:
        FEW_RUNS
        RUNS_ON_STACK
        ROOM_ON_STACK

# Scratch memory that grows and is used again; `_get` loses what was in it.
cdef struct Space:
    char *memory
    size_t size


cdef void *_get(Space *space, size_t size) noexcept nogil:
    """Return `size` bytes, aligned to 64, or NULL."""
    if space.memory == NULL or space.size < size:
        free(space.memory)
        space.memory = <char *>malloc(size + 64)
        if space.memory == NULL:
            return NULL
        space.size = size
    return space.memory + (64 - <size_t>space.memory % 64)


cdef inline uint32_t *_make_runs(size_t runs) noexcept nogil:
    """Return room for runs and the slack, or NULL."""
    if runs > (<size_t>-1) / sizeof(uint32_t) - FSEG_SLACK:
        return NULL
    return <uint32_t *>malloc((runs + FSEG_SLACK) * sizeof(uint32_t))


cdef inline uint32_t *_make_exactly(size_t runs, uint32_t *few) noexcept nogil:
    """Return room for runs and no more, or NULL: `few`, which may be NULL, if they fit there."""
    if few != NULL and runs <= FEW_RUNS:
        return few
    return <uint32_t *>malloc(runs * sizeof(uint32_t))


cdef inline uint32_t *_keep(const uint32_t *counts, size_t runs, uint32_t *few) noexcept nogil:
    """Return a copy of runs in such room, or NULL."""
    cdef uint32_t *kept = _make_exactly(runs, few)
    if kept != NULL:
        memcpy(kept, counts, runs * sizeof(uint32_t))
    return kept


cdef inline size_t _plane_size(size_t lines, size_t length) noexcept nogil:
    """Return the bytes of a plane and its slack, a multiple of 64."""
    return (lines * ((length + 63) / 64) + FSEG_SLACK + 7) / 8 * 64


cdef inline size_t _mapped_size(size_t length) noexcept nogil:
    """Return the bytes of the scratch to resize lines of this length."""
    return (min(length + 1, <size_t>FSEG_MOST_MAPPED) + FSEG_SLACK) * sizeof(uint32_t)


cdef inline void _set_plane(
    fseg_plane *plane, void *memory, size_t lines, size_t length
) noexcept nogil:
    plane.bits = <uint64_t *>memory
    plane.lines = lines
    plane.length = length
    plane.words = (length + 63) / 64


# Kernels run without the interpreter when they take about ten microseconds or more. To leave and
# come back costs 60 ns when nobody else wants in; but whoever gets in meanwhile may stay for the
# switch interval of five milliseconds, which a short call had better not risk. Batches always do.
cdef enum:
    WORTH_PIXELS = 1 << 18
    WORTH_RUNS = 1 << 14
    WORTH_CHARACTERS = 1 << 14


cdef inline PyThreadState *_leave(bint worth) noexcept:
    return PyEval_SaveThread() if worth else NULL


cdef inline void _enter(PyThreadState *state) noexcept nogil:
    if state != NULL:
        PyEval_RestoreThread(state)
