# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True, freethreading_compatible=True, autotestdict=False
# cython: embedsignature=True, embedsignature.format=clinic
"""The type `RLE`, its batches, and the confusion matrix; the algorithms are in csrc/.

What is read from Python is turned into plain structs; functions that are `nogil` work on those and
hand back a status. A new `RLE` is made before its runs, so that an error frees them with it.
"""

cimport cython
cimport numpy as cnp
from cpython.bool cimport PyBool_Check
from cpython.bytes cimport (
    PyBytes_AS_STRING, PyBytes_Check, PyBytes_FromStringAndSize, PyBytes_GET_SIZE)
from cpython.dict cimport PyDict_Check
from cpython.list cimport PyList_Check, PyList_CheckExact
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_Check, PyLong_CheckExact
from cpython.number cimport PyIndex_Check
from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF
from cpython.tuple cimport PyTuple_Check, PyTuple_CheckExact
from cpython.unicode cimport PyUnicode_Check
from libc.math cimport NAN
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy

import math
import operator
import os
import sys
from collections.abc import Mapping

import numpy as np

from faceseg import _faults
from faceseg._csrc cimport *
from faceseg._faults import Fault

cnp.import_array()

cdef extern from "Python.h":
    ctypedef struct PyThreadState
    PyThreadState *PyEval_SaveThread() noexcept
    void PyEval_RestoreThread(PyThreadState *state) noexcept nogil
    # By pointer where a new text is made shorter: the object may move.
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 largest)
    PyObject *_new_str "PyUnicode_New"(Py_ssize_t size, Py_UCS4 largest) except NULL
    void *_str_data "PyUnicode_DATA"(PyObject *text) noexcept
    int _resize_str "PyUnicode_Resize"(PyObject **text, Py_ssize_t size) except -1
    PyObject *_new_bytes "PyBytes_FromStringAndSize"(const char *, Py_ssize_t size) except NULL
    char *_bytes_data "PyBytes_AS_STRING"(PyObject *text) noexcept
    int _resize_bytes "_PyBytes_Resize"(PyObject **text, Py_ssize_t size) except -1
    Py_ssize_t PyNumber_AsSsize_t(object number, PyObject *error) except? -1
    int PyUnicode_IS_ASCII(object text) noexcept
    void *PyUnicode_DATA(object text) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(object text) noexcept

# Beside those of fseg_status.
cdef enum:
    NO_MEMORY = -1

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
    FSEG_NAN: "nan",
    FSEG_NO_PROBABILITY: "no probability",
    FSEG_BAD_VERTEX: "bad vertex",
}


cdef object _fault(int status, const fseg_fault *fault):
    """Return what a kernel said as an exception."""
    if status == NO_MEMORY:
        return MemoryError()
    return Fault(_REASONS[status], fault.position, fault.found, fault.expected)


include "_memory.pxi"
include "_arguments.pxi"
include "_pixels.pxi"
include "_rle.pxi"
include "_batches.pxi"


# --- versions of the inner loops ---------------------------------------------------------------


def versions():
    """List the versions of the inner loops that run here, the fastest last."""
    cdef const char *names[FSEG_MOST_VERSIONS]
    cdef size_t i, n = fseg_versions(names)
    return [names[i].decode("ascii") for i in range(n)]


def version():
    """Name the version of the inner loops in use."""
    return fseg_selected().decode("ascii")


def select(name=None):
    """Use a version of the inner loops, or the fastest; for tests, while nothing else runs."""
    cdef bytes text
    if name is None:
        fseg_select(NULL)
        return
    text = name.encode("utf-8")
    if b"\0" in text or not fseg_select(text):
        raise ValueError(f"kernels {name!r}: this machine has {', '.join(versions())}")


# What FACESEG_KERNELS asked for, if anything.
forced = os.environ.get("FACESEG_KERNELS") or None
try:
    select(forced)
except ValueError as error:
    raise ImportError(
        f"FACESEG_KERNELS is {forced!r}; expected a version that this machine can run: "
        + ", ".join(versions())
    ) from None


include "_confusion.pxi"
