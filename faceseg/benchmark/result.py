"""Rows of figures, as plain values for JSON and as a table of at most 80 columns."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

_WIDTH = 80


@dataclass(frozen=True)
class Row:
    """Result of one contender.

    Attributes
    ----------
    name, runtime
        As in `faceseg.benchmark.ways.Way`.
    precision, runs_on
        As in `faceseg.benchmark.loaders.Loaded`: what the runtime says that it does.
    differing
        Pixels whose class is not eager's in float32, of `pixels` that were compared. Pixels that
        eager itself finds undecided are left out, as in `faceseg.export.verify`.
    pixels
        Number of pixels compared.
    iou
        Intersection over union with eager in float32, the mean over the classes but the
        background; None where neither finds anything.
    file, file_mb
        Name of the exported file, and its size on disk; empty and None for a checkpoint.
    load_ms
        From the file to a model that can run, in a fresh process, the runtime imported; the median
        of three if it takes less than a second.
    first_ms
        Of the first run, which compiles or tunes in some runtimes.
    memory_mb
        Growth of the peak of memory by loading and the first run; None where it is not told.
    median_ms, p99_ms
        Of the time for a batch, from NumPy to NumPy.
    speed
        Median of the first contender over this median.
    device_ms
        Median with the pictures on the GPU already, and the masks left there; None on a CPU.
    """

    name: str
    runtime: str
    precision: str
    runs_on: str
    differing: int
    pixels: int
    iou: float | None
    file: str
    file_mb: float | None
    load_ms: float
    first_ms: float
    memory_mb: float | None
    median_ms: float
    p99_ms: float
    speed: float
    device_ms: float | None

    @property
    def start_ms(self) -> float:
        """Milliseconds from the file to the first mask."""
        return self.load_ms + self.first_ms


@dataclass(frozen=True)
class Benchmark:
    """Rows with all that is needed to judge and repeat them; plain values, so JSON holds it.

    Attributes
    ----------
    missing
        Name, precision and reason of each way that could not be gone.
    """

    model: str
    rows: tuple[Row, ...]
    missing: tuple[dict[str, str], ...]
    size: tuple[int, int]
    network_size: tuple[int, int]
    batch: int
    threads: int
    repeats: int
    device: str
    weights_sha256: str
    date: str
    commit: str | None
    machine: dict[str, str | int]
    versions: dict[str, str]

    def table(self) -> str:
        """Return the rows as text of at most 80 columns."""
        height, width = self.size
        cuda = any(row.device_ms is not None for row in self.rows)
        lines = [
            f"{self.model}, batch {self.batch}, {height} x {width} pixels (network "
            f"{self.network_size[0]} x {self.network_size[1]}), threads: {self.threads}, "
            f"interleaved rounds: {self.repeats}",
            f"{self.machine['cpu']}, device {self.device}",
        ]
        lines = [part for line in lines for part in textwrap.wrap(line, _WIDTH)]
        lines += [
            "",
            f"{'ms, MB':<20} {'':<9}{'median':>8}{'p99':>8}{'speed':>7}{'IoU':>7}{'start':>7}"
            f"{'file':>6}{'on GPU' if cuda else 'memory':>7}",
        ]
        for row in self.rows:
            iou = "-" if row.iou is None else f"{row.iou:.4f}"
            speed = f"{row.speed:.{2 if row.speed < 100 else 0}f}x"
            lines.append(
                f"{shortened(row.name, 20):<20} {row.precision:<9}{_number(row.median_ms):>8}"
                f"{_number(row.p99_ms):>8}{speed:>7}{iou:>7}{_number(row.start_ms):>7}"
                f"{_number(row.file_mb):>6}"
                f"{_number(row.device_ms if cuda else row.memory_mb):>7}"
            )
        reasons: dict[str, list[str]] = {}
        for each in self.missing:
            ways = reasons.setdefault(each["reason"], [])
            ways.append(f"{each['name']} {each['precision']}")
        notes = [f"not here: {', '.join(ways)}: {reason}" for reason, ways in reasons.items()]
        with_ = "eager fp32" if self.rows[0].runtime == "eager" else "the first row"
        notes.append(f"start: from the file to the first mask; IoU: with {with_}, drawn pictures")
        for note in notes:
            lines += textwrap.wrap(note, _WIDTH, subsequent_indent="  ")
        return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def shortened(text: str, width: int) -> str:
    """Shorten the middle of a name: both ends of a file's name tell what it is."""
    return text if len(text) <= width else f"{text[: width - 11]}~{text[-10:]}"
