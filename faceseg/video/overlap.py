"""Stages that overlap: an iterable run in a thread of its own, a few items ahead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from queue import Empty, Full, Queue
from typing import Any, TypeVar

T = TypeVar("T")

_PATIENCE = 0.05


def overlapped(
    items: Generator[T, None, None], depth: int, dropped: Callable[[], None] | None = None
) -> Generator[T, None, None]:
    """Give the items of a generator that runs in another thread.

    OpenCV, ONNX Runtime and NumPy let go of the GIL while they work, so stages chained by this use
    as many cores as there are stages. An error of the generator is raised here. When this iterator
    is closed, the generator is, too.

    Parameters
    ----------
    items
        What to run.
    depth
        Items that may wait.
    dropped
        If given, the generator never waits: where `depth` items do, the oldest is thrown away and
        this is called.
    """
    waiting: Queue[tuple[str, Any]] = Queue(depth)
    gone = threading.Event()

    def put(kind: str, value: Any, drop: Callable[[], None] | None) -> None:
        while not gone.is_set():
            try:
                waiting.put((kind, value), timeout=None if drop else _PATIENCE, block=drop is None)
                return
            except Full:
                if drop:
                    _take_one(waiting, drop)

    def work() -> None:
        try:
            for item in items:
                put("item", item, dropped)
                if gone.is_set():
                    break
            items.close()
            put("end", None, None)
        except BaseException as error:
            put("error", error, None)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            kind, value = waiting.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        gone.set()
        thread.join()


def _take_one(waiting: Queue[tuple[str, Any]], dropped: Callable[[], None]) -> None:
    try:
        waiting.get_nowait()
    except Empty:
        return  # it was taken meanwhile
    dropped()
