"""The ``faceseg`` command: one file per group of subcommands, errors worded in one place."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import faceseg
from faceseg.cli import data, deploy, learn, video
from faceseg.cli.extras import extra_of, install, missing
from faceseg.errors import InputError, suggest


class _Parser(argparse.ArgumentParser):
    """Errors in one line on stderr, exit status 2; a mistyped command is met with the nearest."""

    def error(self, message: str) -> None:  # type: ignore[override]
        words = message.removeprefix("unrecognized arguments: ")
        if words != message and not words.startswith("-"):
            message += "; files and names stand together, before the options"
        print(f"faceseg: error: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(action, f"unknown {value!r}{suggest(str(value), known)}")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command."""
    parser = _Parser(
        prog="faceseg",
        description="Segment faces and the medical masks people wear: data, training, export, use.",
        epilog="start here:\n"
        "  faceseg demo                       the whole road on drawn portraits\n"
        "  faceseg data check DIR             look for defects in a data set\n"
        "  faceseg train DIR --task face      train a model\n"
        "  faceseg predict photo.jpg          masks from a shipped model, or one of yours",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"faceseg {faceseg.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for group in (data, learn, deploy, video):
        group.register(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Returns
    -------
    int
        0 on success, 1 where a check found defects, 2 on bad input or usage, 130 on Ctrl-C.
    """
    args = build_parser().parse_args(argv)
    try:
        return int(args.run(args))
    except ModuleNotFoundError as error:
        root = (error.name or "").partition(".")[0]
        extra = extra_of(root)
        if extra is None:
            raise
        # A command that needs more than one module names all that is missing at once.
        extras = missing(getattr(args, "extras", ())) or [extra]
        what = f"this command needs {root}: {install(extras)}"
    except ImportError as error:
        if not str(error).startswith("FACESEG_KERNELS is "):
            raise
        what = str(error)
    except BrokenPipeError:
        # The reader (head, less) has gone; nothing is wrong and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except InputError as error:
        what = " ".join(str(error).split())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        what = f"{error.filename}: {reason}" if error.filename else reason
    except KeyboardInterrupt:
        print("faceseg: interrupted", file=sys.stderr)
        return 130
    print(f"faceseg: error: {what}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
