"""Contenders in turns, so that a change of the machine's load meets all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

# Threads of a runtime spin for some milliseconds after their work and would slow the next one.
_PAUSE = 0.01


def take_turns(
    timers: Sequence[Callable[[], tuple[float, float]]],
    rounds: int,
    progress: Callable[[range], Iterator[int]] = iter,
) -> NDArray[np.float64]:
    """Call each timer once in a round, in an order that changes from round to round.

    Parameters
    ----------
    timers
        Each gives the seconds from array to array, and those without copies to and from a GPU.
    rounds
        Number of calls of each.
    progress
        Wraps the rounds to show progress, as `tqdm` does.

    Returns
    -------
    (len(timers), rounds, 2) float64 array
        Seconds; NaN where there is no GPU.
    """
    seconds = np.full((len(timers), rounds, 2), np.nan)
    for round_ in progress(range(rounds)):
        for turn in range(len(timers)):
            index = (turn + round_) % len(timers)
            time.sleep(_PAUSE)
            seconds[index, round_] = timers[index]()
    return seconds
