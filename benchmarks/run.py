"""Run the benchmarks and keep raw JSON and a table: ``python benchmarks/run.py [rle|metrics|...]``.

Each ``bench_<subject>.py`` gives ``results/<subject>_<cpu>_<date>_<commit>.json``, medians without
the samples, and a table beside it. Arguments after ``--`` go to pytest: ``run.py rle -- -k union``;
of ``inference``, which is a program, to that.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import table

from faceseg.files import write_json, write_text
from faceseg.machine import machine, versions

HERE = Path(__file__).parent
PEERS = (
    "pycocotools", "rlemasklib", "faster-coco-eval", "hotcoco", "numba", "scikit-learn",
    "torchmetrics", "segmentation-models-pytorch", "monai", "lightning",
)  # fmt: skip


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True
    )
    return done.stdout.strip() or "no-commit"


def _versions() -> dict[str, str]:
    found = versions()
    for name in PEERS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _contender(bench: dict[str, Any]) -> str:
    """Name a row by its parameters, less those that the group's title already says."""
    said = bench["group"] or ""
    values = [str(v) for k, v in (bench["params"] or {}).items() if k not in ("pattern", "size")]
    left = [value for value in values if value not in said]
    name = bench["name"].split("[")[0].removeprefix("test_").replace("_", " ")
    return " ".join(left) if left else name


def _table(result: dict[str, Any]) -> str:
    groups: dict[str, list[dict[str, Any]]] = {}
    for bench in result["benchmarks"]:
        groups.setdefault(bench["group"] or bench["name"], []).append(bench)
    lines = [f"{result['machine']['cpu']}, {result['date']}, commit {result['commit']}", ""]
    lines += [", ".join(f"{name} {v}" for name, v in result["versions"].items() if v), ""]
    lines += ["| case | contender | median | × first |", "|---|---|---:|---:|"]
    for title, rows in groups.items():
        first = rows[0]["stats"]["median"]
        for place, row in enumerate(rows):
            median = row["stats"]["median"]
            ratio = f"{median / first:.2f}" if place else "1"
            shown = f"{median * 1e3:.3f} ms" if median >= 1e-3 else f"{median * 1e6:.1f} µs"
            name = title if not place else ""
            lines.append(f"| {name} | {_contender(row)} | {shown} | {ratio} |")
    return "\n".join(lines) + "\n"


def heading(subject: str) -> dict[str, Any]:
    """Return what every result says of itself: when, of which commit, on what."""
    return {
        "subject": subject,
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        "commit": _commit(),
        "machine": machine(),
        "versions": _versions(),
    }


def stem_of(about: dict[str, Any]) -> Path:
    """Return the path of a result's files, less the suffix."""
    cpu = re.sub(r"[^a-z0-9]+", "-", str(about["machine"]["cpu"]).lower()).strip("-")
    name = f"{about['subject']}_{cpu}_{about['date'][:10]}_{about['commit']}"
    return HERE / "results" / name


def run(subject: str, more: list[str]) -> Path:
    """Run one file of benchmarks and return the path of its table."""
    about = heading(subject)
    stem = stem_of(about)
    raw = stem.with_suffix(".raw.json")
    raw.parent.mkdir(exist_ok=True)
    command = [
        sys.executable, "-m", "pytest", str(HERE / f"bench_{subject}.py"), "--benchmark-only",
        "--quiet", "--benchmark-columns=median,iqr,rounds", "--benchmark-group-by=group",
        "--benchmark-sort=fullname", f"--benchmark-json={raw}", *more,
    ]  # fmt: skip
    subprocess.run(command, cwd=HERE, check=True)
    benchmarks = json.loads(raw.read_text())["benchmarks"]
    raw.unlink()
    result = dict(about)
    if subject in ("rle", "metrics", "train"):
        from ceiling import bandwidth

        result |= {"bandwidth": bandwidth(), "rows": [b["extra_info"] for b in benchmarks]}
    else:
        # The samples themselves make nine tenths of the file.
        result["benchmarks"] = [
            {
                "name": b["name"],
                "group": b["group"],
                "params": b["params"],
                "extra_info": b["extra_info"],
                "stats": {k: v for k, v in b["stats"].items() if k != "data"},
            }
            for b in benchmarks
        ]
    write_json(stem.with_suffix(".json"), result)
    if subject == "rle":
        text = table.full(table.load(stem.with_suffix(".json")))
    else:
        tables = {"metrics": table.counts, "train": table.training}
        text = tables.get(subject, _table)(result)
    write_text(stem.with_suffix(".md"), text)
    return stem.with_suffix(".md")


def main() -> None:
    """Run the subjects named on the command line, or all."""
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    wanted, more = sys.argv[1:], []
    if "--" in wanted:
        place = wanted.index("--")
        wanted, more = wanted[:place], wanted[place + 1 :]
    for subject in wanted or known:
        if subject not in known:
            raise SystemExit(f"unknown benchmark {subject!r}; known: {', '.join(known)}")
        if subject == "inference":
            # Times whole processes, which pytest-benchmark cannot.
            from bench_inference import main as inference

            print(f"table: {inference(more)}")
        else:
            print(f"table: {run(subject, more)}")


if __name__ == "__main__":
    main()
