"""Tables of the results of `bench_rle.py`, `bench_metrics.py` and `bench_train.py`.

python benchmarks/table.py RESULTS.json            the summary, on the screen
python benchmarks/table.py RESULTS.json --write    all tables, into the documents
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (
    ROOT / "docs" / "benchmarks.md",
    ROOT / "docs" / "frames.md",
    ROOT / "docs" / "inference.md",
    ROOT / "docs" / "metrics.md",
    ROOT / "docs" / "results.md",
    ROOT / "README.md",
)
PATTERNS = ["ellipse", "smooth", "sparse", "noise", "empty", "full"]
SIZES = {"256": "256²", "512": "512²", "1080p": "1080 × 1920"}
# The versions that have targets, fastest first.
AIMED = ("avx512", "avx2")
IN_README = (
    "C-order mask → COCO string",
    "mask → Kaggle text, column-major",
    "float32 logits > 0 → COCO string",
    "COCO string → C-order mask",
    "Kaggle text, column-major → mask",
    "1080p RLE → 384 x 384, nearest",
    "area from COCO string",
    "IoU matrix, 32 x 32",
    "union of 8",
)

Row = dict[str, Any]


def load(path: Path) -> Row:
    """Return a file of results, its rows by case, size and pattern."""
    result: Row = json.loads(path.read_text(encoding="utf-8"))
    result["rows"].sort(key=_order)
    return result


def _order(row: Row) -> tuple[int, int, int]:
    sizes = ["tiny", *SIZES]
    return row["place"], sizes.index(row["size"]), PATTERNS.index(row["pattern"])


def micro(row: Row, name: str) -> float:
    """Return a contender's time in microseconds."""
    return float(row["times"][name]["us"])


def best_peer(row: Row) -> str:
    """Return the name of the fastest peer."""
    return min(row["peers"], key=lambda name: micro(row, name))


def ratio(row: Row, version: str) -> float | None:
    """Return how many times faster than the best peer a version of ours is."""
    name = f"faceseg {version}"
    return micro(row, best_peer(row)) / micro(row, name) if name in row["times"] else None


def number(value: float) -> str:
    """Return a number with two or three significant digits."""
    if value >= 99.5:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"


def versions(result: Row) -> list[str]:
    """Return our versions that were timed, the fastest first."""
    names = [n.split()[1] for n in result["rows"][0]["times"] if n.startswith("faceseg ")]
    order = ["avx512", "neon", "avx2", "sse2", "scalar"]
    return sorted(names, key=order.index)


def call_costs(result: Row) -> dict[str, dict[str, float]]:
    """Return for each case what a call takes on a mask of 4 x 4, by contender."""
    return {
        row["case"]: {name: time["us"] for name, time in row["times"].items()}
        for row in result["rows"]
        if row["size"] == "tiny"
    }


def heading(result: Row) -> str:
    """Return what was measured on, with what, and when."""
    machine, speed = result["machine"], result.get("bandwidth")
    line = (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; {result['date']}, "
        f"commit {result['commit']}; {_used(result['versions'], result['subject'])}."
    )
    if speed is None:
        return line
    return (
        f"{line}\n\n"
        f"Memory, on 8 buffers of 1080 × 1920 bytes in turn: read {speed['read']:.1f} GB/s, "
        f"memset {speed['memset']:.1f} GB/s, memcpy {speed['memcpy']:.1f} GB/s."
    )


def _used(found: dict[str, str], subject: str = "rle") -> str:
    """Return the versions that matter."""
    names = ["python", "numpy", "pycocotools", "rlemasklib", "faster-coco-eval", "hotcoco", "numba"]
    if subject == "rle":
        names += ["opencv-python-headless"]
    elif subject == "inference":
        names = ["python", "numpy", "torch", "onnxruntime", "onnxruntime-gpu", "openvino"]
        names.append("opencv-python-headless")
    elif subject == "models":
        names = ["python", "numpy", "onnxruntime", "opencv-python-headless"]
    else:
        names += [
            "torch", "scikit-learn", "torchmetrics", "segmentation-models-pytorch", "monai",
            "lightning",
        ]  # fmt: skip
    return ", ".join(f"{name} {found[name]}" for name in names if name in found)


def _aims(row: Row) -> str:
    aims = row["targets"]
    first, second = (aims.get(version) for version in AIMED)
    if first is None:
        return "" if second is None else f"[{second:g}]"
    return f"{first:g}" if second in (None, first) else f"{first:g} [{second:g}]"


def _ratios(row: Row) -> str:
    found = [ratio(row, version) for version in AIMED]
    shown = [number(value) if value is not None else "" for value in found]
    text = shown[0] + (f" [{shown[1]}]" if shown[1] else "")
    return f"**{text}**" if missed(row) else text


def missed(row: Row) -> bool:
    """Whether a version of ours is under its aim."""
    return any(
        round(found, 2) < aim
        for version, aim in row["targets"].items()
        if (found := ratio(row, version)) is not None
    )


def summary(result: Row) -> str:
    """Return a table of the ellipses: a line for each case."""
    calls = call_costs(result)
    best = versions(result)[0]
    cases: dict[str, dict[str, Row]] = {}
    for row in result["rows"]:
        if row["pattern"] == "ellipse" and row["size"] != "tiny":
            cases.setdefault(row["case"], {})[row["size"]] = row
    lines = [
        "| case | 256² | 512² | 1080p | aim | ours, µs | of that the call | best peer |",
        "|---|---:|---:|---:|---|---:|---:|---|",
    ]
    section = ""
    for case, rows in cases.items():
        first = next(iter(rows.values()))
        if first["section"] != section:
            section = first["section"]
            lines.append(f"| *{section}* | | | | | | | |")
        cells = [_ratios(rows[size]) if size in rows else "" for size in SIZES]
        aims = list(dict.fromkeys(_aims(row) for row in rows.values()))
        ours = " / ".join(number(micro(row, f"faceseg {best}")) for row in rows.values())
        call = number(calls[case][f"faceseg {best}"]) if case in calls else ""
        peers = ", ".join(dict.fromkeys(best_peer(row) for row in rows.values()))
        lines.append(
            f"| {case} | {' | '.join(cells)} | {' / '.join(aims)} | {ours} | {call} | {peers} |"
        )
    return "\n".join(lines)


def readme(result: Row) -> str:
    """Return a small table of the ellipses."""
    best, second = AIMED
    rows = {
        (row["case"], row["size"]): row for row in result["rows"] if row["pattern"] == "ellipse"
    }
    lines = [
        "| masks of 512² | ours, µs | best peer, µs | × | × with AVX2 |",
        "|---|---:|---:|---:|---:|",
    ]
    for case in IN_README:
        row = rows.get((case, "512")) or rows.get((case, "1080p"))
        if row and f"faceseg {best}" in row["times"]:
            peer = best_peer(row)
            lines.append(
                f"| {case} | {number(micro(row, f'faceseg {best}'))} "
                f"| {number(micro(row, peer))}, {peer} "
                f"| {number(ratio(row, best) or 0)} | {number(ratio(row, second) or 0)} |"
            )
    return "\n".join(lines)


def shortfalls(result: Row) -> str:
    """Return a table of every row under its aim or slower than a peer."""
    lines = [
        "| case | masks | size | version | × best peer | aim | memory allows | ours, µs "
        "| best peer, µs |",
        "|---|---|---|---|---:|---:|---:|---:|---|",
    ]
    for row in result["rows"]:
        for version, aim in row["targets"].items():
            found = ratio(row, version)
            if found is not None and round(found, 2) < aim:
                peer = best_peer(row)
                time = micro(row, peer)
                most = number(time / micro(row, row["ceiling"])) if row["ceiling"] else ""
                lines.append(
                    f"| {row['case']} | {row['pattern']} | {SIZES[row['size']]} | {version} "
                    f"| {number(found)} | {aim:g} | {most} "
                    f"| {number(micro(row, f'faceseg {version}'))} | {number(time)}, {peer} |"
                )
    return "\n".join(lines) if len(lines) > 2 else "None."


def ceilings(result: Row) -> str:
    """Return a table of the shares of what memory allows, ellipses of 1080 x 1920."""
    lines = ["| case | ceiling | share | aim |", "|---|---|---:|---:|"]
    for row in result["rows"]:
        if row["ceiling"] and (row["pattern"], row["size"]) == ("ellipse", "1080p"):
            top = micro(row, row["ceiling"])
            shares = [
                f"{100 * top / micro(row, f'faceseg {version}'):.0f} %"
                for version in AIMED
                if f"faceseg {version}" in row["times"]
            ]
            aims = [f"{100 * aim:.0f} %" for aim in row["share"] if aim]
            lines.append(
                f"| {row['case']} | {row['ceiling']}, {number(top)} µs "
                f"| {_bracketed(shares)} | {_bracketed(aims)} |"
            )
    return "\n".join(lines)


def _bracketed(values: list[str]) -> str:
    if len(values) == 2 and values[0] != values[1]:
        return f"{values[0]} [{values[1]}]"
    return values[0] if values else ""


def other_patterns(result: Row) -> str:
    """Return a table of the ratios on all other masks, least and median over the sizes."""
    patterns = PATTERNS[1:]
    cases: dict[str, dict[str, list[Row]]] = {}
    for row in result["rows"]:
        if row["size"] != "tiny" and row["pattern"] in patterns:
            cases.setdefault(row["case"], {}).setdefault(row["pattern"], []).append(row)
    lines = ["| case | " + " | ".join(patterns) + " |", "|---|" + "---:|" * len(patterns)]
    for case, found in cases.items():
        cells = []
        for pattern in patterns:
            rows = found.get(pattern, [])
            least = [
                min((ratio(row, version) or 0 for row in rows), default=None)
                for version in AIMED
                if rows and ratio(rows[0], version)
            ]
            text = _bracketed([number(value) for value in least if value is not None])
            cells.append(f"**{text}**" if any(missed(row) for row in rows) else text)
        lines.append(f"| {case} | {' | '.join(cells)} |")
    return "\n".join(lines)


def full(result: Row) -> str:
    """Return everything: a line for each case, pattern and size."""
    ours = versions(result)
    calls = call_costs(result)
    lines = [
        "# Run lengths against peers",
        "",
        heading(result),
        "",
        "Medians of interleaved rounds, microseconds for one input. *call*: the same on a mask of "
        "4 × 4, which is inside the times. ×: the best peer's median over ours.",
        "",
        "## Under the aim, or slower than a peer",
        "",
        shortfalls(result),
        "",
        "## Share of what memory allows",
        "",
        ceilings(result),
        "",
        "## All",
        "",
        "| case | masks | size | " + " | ".join(ours) + " | call | best peer | its time | "
        + " | ".join(f"× {v}" for v in ours) + " | aim | other peers | wrong |",
        "|---|---|---|" + "---:|" * len(ours) + "---:|---|---:|" + "---:|" * len(ours)
        + "---|---|---|",
    ]  # fmt: skip
    for row in result["rows"]:
        if row["size"] == "tiny":
            continue
        peer = best_peer(row)
        call = calls.get(row["case"], {}).get(f"faceseg {ours[0]}")
        others = ", ".join(
            f"{name} {number(micro(row, name))}" for name in row["peers"] if name != peer
        )
        lines.append(
            f"| {row['case']} | {row['pattern']} | {SIZES[row['size']]} | "
            + " | ".join(number(micro(row, f"faceseg {v}")) for v in ours)
            + f" | {number(call) if call is not None else ''} | {peer} | {number(micro(row, peer))}"
            + " | " + " | ".join(number(ratio(row, v) or 0) for v in ours)
            + f" | {_aims(row)} | {others} | {', '.join(row['wrong'])} |"
        )  # fmt: skip
    return "\n".join(lines) + "\n"


def counts(result: Row) -> str:
    """Return the page of a file of results of `bench_metrics.py`."""
    return f"# Counting of pixels against peers\n\n{counts_table(result)}\n"


def counts_table(result: Row) -> str:
    """Return all lines of these results, and what they were measured on."""
    ours = versions(result)
    lines = [
        heading(result),
        "",
        "Medians of interleaved rounds, microseconds. ×: a peer's median over ours, its aim in "
        "brackets. *read*: the time to read the same bytes over ours.",
        "",
        "| case | size | " + " | ".join(ours) + " | read | × peers |",
        "|---|---|" + "---:|" * (len(ours) + 1) + "---|",
    ]
    for row in result["rows"]:
        best = micro(row, f"faceseg {ours[0]}")
        aims = row["targets"]
        aims = {name if name else best_peer(row): aim for name, aim in aims.items()}
        times = [f"faceseg {v}" for v in ours]
        shown = [number(micro(row, name)) if name in row["times"] else "" for name in times]
        share = f"{100 * micro(row, 'read') / best:.0f} %" if "read" in row["times"] else ""
        aim = f" [{100 * row['share']:.0f} %]" if row["share"] else ""
        ratios = sorted((micro(row, name) / best, name) for name in row["peers"])
        peers = ", ".join(
            f"{name} {number(ratio)}" + (f" [{aims[name]:g}]" if name in aims else "")
            for ratio, name in ratios
        )
        lines.append(
            f"| {row['case']} | {row['size']} | {' | '.join(shown)} | {share}{aim} | {peers} |"
        )
    return "\n".join(lines)


def counts_readme(result: Row) -> str:
    """Return the lines of eight pictures, × the libraries that people use."""
    libraries = ["numba", "numpy", "torch", "torchmetrics", "scikit-learn"]
    best = versions(result)[0]
    lines = ["| 8 pictures of 512² | ours, µs | × " + " | × ".join(libraries) + " |"]
    lines.append("|---|" + "---:|" * (len(libraries) + 1))
    for row in result["rows"]:
        if row["size"] != "8x512" or row["case"].startswith(("random", "sweep")):
            continue
        ours = micro(row, f"faceseg {best}")
        cells = [
            number(micro(row, name) / ours) if name in row["peers"] else "" for name in libraries
        ]
        lines.append(f"| {row['case']} | {number(ours)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def training(result: Row) -> str:
    """Return the tables of a file of results of `bench_train.py`."""
    lines = ["# Training against the usual recipe and the rivals' loops", "", heading(result), ""]
    lines += [
        "Medians of rounds in turns, milliseconds; ×: a contender's median over ours, the aim in "
        "brackets.",
    ]
    for row in result["rows"]:
        lines += ["", f"## {row['case'][0].upper()}{row['case'][1:]}", ""]
        if row["times"]:
            lines += ["| contender | ms | × ours |", "|---|---:|---:|"]
        for name, time in row["times"].items():
            aim = f" [{row['targets'][name]:g}]" if name in row["targets"] else ""
            times = micro(row, name) / micro(row, "faceseg")
            lines.append(f"| {name} | {number(time['us'] / 1000)} | {times:.2f}{aim} |")
        lines += [""] if row["times"] else []
        for name, value in row["notes"].items():
            values = value.items() if isinstance(value, dict) else [("", value)]
            shown = ", ".join(f"{k} {_short(v)}".strip() for k, v in values)
            lines.append(f"- {name}: {shown}")
    return "\n".join(lines) + "\n"


def inference(result: Row) -> str:
    """Return the page of a file of results of `bench_inference.py`."""
    lines = [heading(result), ""]
    if result["gpu"] is None:
        lines += ["GPU: none on this machine, nothing was timed there.", ""]
    for case in (case for cases in result["cases"].values() for case in cases):
        lines += [f"**{case['title']}**", "", *_inference(case), ""]
    return "\n".join(lines)


def inference_readme(result: Row) -> str:
    """Return what a single picture takes in each runtime, a column for each network."""
    cases = [case for case in result["cases"]["cpu"] if "batch 1, 256" in case["title"]]
    columns = [
        {(row["name"], row["precision"]): row for row in case.get("rows", [])} for case in cases
    ]
    names = dict.fromkeys(name for column in columns for name in column)
    titles = [case["title"].partition(",")[0] for case in cases]
    lines = [f"| runtime | precision | {' | '.join(titles)} |", "|---|---|" + "---:|" * len(cases)]
    for name, precision in names:
        cells = []
        for column in columns:
            row = column.get((name, precision))
            cells.append(f"{number(row['median_ms'])}, {row['speed']:.2f} ×" if row else "")
        lines.append(f"| {name} | {precision} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _inference(case: Row) -> list[str]:
    if "failed" in case:
        return [f"Not timed: {case['failed']}"]
    titles = ["median, ms", "p99", "× eager", "IoU", "load, ms", "start, ms", "memory, MB"]
    keys = ["median_ms", "p99_ms", "speed", "iou", "load_ms", "start_ms", "memory_mb", "file_mb"]
    titles.append("file, MB")
    if case["device"] != "cpu":
        titles.append("on the device, ms")
        keys.append("device_ms")
    lines = [
        f"Threads: {case['threads']}, rounds: {case['repeats']}, device: {case['device']}, network "
        f"{case['network_size'][0]} × {case['network_size'][1]}.",
        "",
        f"| runtime | precision | {' | '.join(titles)} |",
        f"|---|---|{'---:|' * len(titles)}",
    ]
    for row in case["rows"]:
        row = {**row, "start_ms": row["load_ms"] + row["first_ms"]}
        cells = ["" if row[key] is None else number(row[key]) for key in keys]
        cells[keys.index("iou")] = "" if row["iou"] is None else f"{row['iou']:.4f}"
        lines.append(f"| {row['name']} | {row['precision']} | {' | '.join(cells)} |")
    for each in case["missing"]:
        lines += ["", f"{each['name']} {each['precision']}: not here: {each['reason']}."]
    return lines


def models(result: Row) -> str:
    """Return the tables of a file of results of `score_models.py`."""
    lines = ["# Shipped models and classical methods", "", heading(result), ""]
    for part in result["parts"]:
        lines += [f"**{part['title'][0].upper()}{part['title'][1:]}**", "", _models(part), ""]
    lines += ["In brackets the 95 % interval over subjects; ms: one picture, one thread."]
    return "\n".join(lines) + "\n"


_SCORES = ("iou", "dice", "pixel_accuracy", "boundary_iou")


def _models(part: Row, *, intervals: bool = True) -> str:
    lines = [
        "| model | IoU | Dice | pixel accuracy | boundary IoU | parameters | ms |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in part["rows"]:
        cells = []
        for name in _SCORES:
            found = row[name]
            between = f" ({found['low']:.3f} to {found['high']:.3f})" if intervals else ""
            cells.append(f"{found['score']:.3f}{between}")
        count = f"{row['parameters']:,}" if row["parameters"] else ""
        name = f"**{row['model']}**" if count else f"`{row['model']}`"
        lines.append(f"| {name} | {' | '.join(cells)} | {count} | {row['median_ms']:.1f} |")
    return "\n".join(lines)


def models_readme(result: Row) -> str:
    """Return the shipped models and the best classical method of each set, in one table."""
    chosen = []
    for part in result["parts"]:
        shipped = [row for row in part["rows"] if row["parameters"]]
        rest = [row for row in part["rows"] if not row["parameters"]]
        title = f"{part['title'][0].upper()}{part['title'][1:]}"
        chosen.append(f"{title}:\n\n{_models({'rows': shipped + rest[:1]}, intervals=False)}")
    return "\n\n".join(chosen)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return f"({', '.join(f'{k} {_short(v)}' for k, v in value.items())})"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def latest(subject: str) -> Path:
    """Return the newest file of results of a subject: a name's last part is a commit, no time."""
    found = RESULTS.glob(f"{subject}_*.json")
    return max(found, key=lambda path: (json.loads(path.read_text(encoding="utf-8"))["date"], path))


def parts(rle: Path, robustness: Path, page: Path) -> dict[str, str]:
    """Return the generated parts of a page, by their marker, from two files of results."""
    result = load(rle)
    other = json.loads(robustness.read_text(encoding="utf-8"))
    counted = latest("metrics").with_suffix(".json")
    counting = json.loads(counted.read_text(encoding="utf-8"))
    shipped = latest("models").with_suffix(".json")
    scored = json.loads(shipped.read_text(encoding="utf-8"))
    framed = latest("frames").with_suffix(".md")
    runtimes = latest("inference").with_suffix(".md")
    timed = json.loads(runtimes.with_suffix(".json").read_text(encoding="utf-8"))
    nets = latest("networks").with_suffix(".md")
    up = "../" * (len(page.relative_to(ROOT).parts) - 1)
    here = f"{up}{RESULTS.relative_to(ROOT).as_posix()}"
    return {
        "machine": f"{heading(result)}\n\nEvery line: [{rle.stem}]({here}/{rle.stem}.md).",
        "summary": summary(result),
        "shortfalls": shortfalls(result),
        "ceilings": ceilings(result),
        "patterns": other_patterns(result),
        "readme": f"{readme(result)}\n\n{result['machine']['cpu']}, {result['date'][:10]}, "
        f"[all results]({here}/{rle.stem}.md).",
        "robustness": f"{robustness_counts(other)}\n\n{_used(other['versions'])}; "
        f"[every input]({here}/{robustness.stem}.md).",
        "counts": f"{counts_table(counting)}\n\nThe same as JSON: "
        f"[{counted.stem}]({here}/{counted.name}).",
        "models": models(scored).partition("\n\n")[2].rstrip(),
        "models_readme": f"{models_readme(scored)}\n\n{scored['machine']['cpu']}, one thread, "
        f"{scored['date'][:10]}, [with intervals]({here}/{shipped.stem}.md).",
        "frames": framed.read_text(encoding="utf-8").rstrip(),
        "inference_readme": f"{inference_readme(timed)}\n\n{timed['machine']['cpu']}, "
        f"{timed['date'][:10]}, [all results]({here}/{runtimes.stem}.md).",
        "networks": f"{nets.read_text(encoding='utf-8').rstrip()}\n\n"
        f"![IoU over milliseconds]({here}/{nets.stem}.svg)",
        "inference": f"{runtimes.read_text(encoding='utf-8').rstrip()}\n\nThe same as JSON: "
        f"[{runtimes.stem}]({here}/{runtimes.stem}.json).",
        "counts_readme": f"{counts_readme(counting)}\n\n{counting['machine']['cpu']}, "
        f"{counting['date'][:10]}, [all results]({here}/{counted.stem}.md).",
    }


def robustness_counts(result: Row) -> str:
    """Return a table of how often each library did what."""
    words = list(result["meaning"])
    lines = ["| library | " + " | ".join(words) + " |", "|---|" + "---:|" * len(words)]
    for name, verdicts in result["verdicts"].items():
        tally = [sum(v["verdict"] == word for v in verdicts) for word in words]
        lines.append(f"| {name} | {' | '.join(str(n) if n else '' for n in tally)} |")
    return "\n".join(lines)


def fill(text: str, parts: dict[str, str]) -> str:
    """Replace what stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``."""

    def part(found: re.Match[str]) -> str:
        return f"{found[1]}\n{parts[found[2]]}\n{found[3]}"

    return re.sub(r"(<!-- generated: (\w+) -->)\n.*?(<!-- end -->)", part, text, flags=re.DOTALL)


def named(text: str, kind: str) -> Path:
    """Return the file of results that a page was made from, by the subject in its name."""
    found = re.search(rf"benchmarks/results/({kind}_[\w.-]+?)\.md", text)
    if not found:
        raise ValueError(f"no link to benchmarks/results/{kind}_*.md; expected one")
    return RESULTS / f"{found[1]}.json"


def main() -> None:
    """Print the summary of a file of results, or write it into the documents."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="benchmarks/results/rle_*.json")
    parser.add_argument("robustness", type=Path, nargs="?", help="robustness_*.json; the newest")
    parser.add_argument("--write", action="store_true", help="into the documents")
    arguments = parser.parse_args()
    robustness = arguments.robustness or latest("robustness").with_suffix(".json")
    for page in PAGES:
        found = parts(arguments.results, robustness, page)
        if arguments.write:
            page.write_text(fill(page.read_text(encoding="utf-8"), found), encoding="utf-8")
        else:
            shown = ("machine", "summary", "shortfalls", "ceilings")
            print("\n\n".join(found[name] for name in shown))
            break


if __name__ == "__main__":
    main()
