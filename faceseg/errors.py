"""The one error for bad input, and how a name that does not exist is answered."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something a user gave cannot be used.

    The message is one line: what came, what was expected, where (file, row, field) and what to
    do. The command line prints it and exits with status 2.
    """


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name.

    Parameters
    ----------
    name
        What was given.
    known
        The names that exist.

    Returns
    -------
    str
        ``"; did you mean 'unet'?"`` when one is near, otherwise the list of known names.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(names)}"
