"""OpenVINO, loaded once for this process."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from typing import Any

from faceseg.errors import InputError

_LOCK = threading.Lock()


def import_openvino() -> Any:
    """Return OpenVINO.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return import_module("openvino")
    except ImportError as error:
        if getattr(error, "name", None) == "openvino":
            raise InputError("openvino: not installed; pip install openvino") from None
        raise InputError(f"openvino: installed, but does not load: {error}") from error


def core() -> Any:
    """Return this process's one `openvino.Core`, which nothing frees.

    Where the CPU has AMX, each gives the thread that loads its CPU plugin another stack for
    signals, and unmaps that memory when it is freed, whatever came after it. With two of them
    Ctrl-C ended the process by SIGSEGV instead of KeyboardInterrupt. So there is one, and the
    thread that loaded it is gone.

    Raises
    ------
    InputError
        If OpenVINO is not installed.
    """
    with _LOCK:
        return _core()


@cache
def _core() -> Any:
    made = import_openvino().Core()
    with ThreadPoolExecutor(1) as thread:
        # Any question about the CPU loads the plugin for it.
        thread.submit(made.get_property, "CPU", "OPTIMIZATION_CAPABILITIES").result()
    return made
