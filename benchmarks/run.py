"""``make bench``: the contestants side by side, interleaved, medians; the table, docs/benchmarks.md and a plot.

In: the number of rows. Out: what was measured, on standard output and in docs/, with the targets, met or missed.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import shapes
from benchmarks.contestants import ROOT, Bench, Run, Sides, make_source
from benchmarks.plot import scaling_plot
from migrate_to_pg.postgres import embedded, embedded_directory
from migrate_to_pg.postgres.versions import versions

FOLDER = ROOT / ".bench"
DOCUMENT = ROOT / "docs" / "benchmarks.md"
PLOT = ROOT / "docs" / "images" / "scaling.svg"
#: The rest of the document is left as it is.
BY_HAND = "## What is behind the figures"
LOADDATA_ROWS = 30_000
SIZES = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 20_000_000)


@dataclass
class Results:
    """Seconds of each round."""

    rows: int
    floor: list[float] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    #: The same with one core for the command and the server.
    one_core: list[Run] = field(default_factory=list)
    #: The way back of what each of these published.
    back: list[Run] = field(default_factory=list)
    pgloader: list[float] = field(default_factory=list)
    pgloader_by_default: list[float] = field(default_factory=list)
    #: Seconds a row.
    loaddata: list[float] = field(default_factory=list)
    scaling: list[tuple[int, Run]] = field(default_factory=list)
    shapes: list[tuple[shapes.Shape, Run]] = field(default_factory=list)

    @property
    def load(self) -> float:
        """Median of the load stage."""
        return median(run.stages["load"] for run in self.runs)

    @property
    def whole(self) -> float:
        """Median of whole runs, from the start of the process to its end."""
        return median(run.seconds for run in self.runs)

    @property
    def exponent(self) -> float:
        """The exponent of time over rows."""
        return slope([(rows, run.seconds) for rows, run in self.scaling])


def slope(measured: Sequence[tuple[int, float]]) -> float:
    """Return the slope of log(time) over log(size), by least squares: 1 where twice the size takes twice the time."""
    points = [(math.log(size), math.log(seconds)) for size, seconds in measured]
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    return float(sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and the plot")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    FOLDER.chmod(0o755)
    server = embedded.start(FOLDER / "postgresql")
    try:
        bench = Bench(server, psql(), FOLDER)
        results = measure(bench, options.rows, options.rounds, options.sizes)
        text = "\n".join(document(results))
        print(text)
        if options.write:
            DOCUMENT.write_text(f"{text}\n\n{written_by_hand()}")
            PLOT.parent.mkdir(exist_ok=True)
            PLOT.write_text(scaling_plot([(rows, run.seconds, run.stages["load"]) for rows, run in results.scaling]))
    finally:
        server.stop()


def written_by_hand() -> str:
    """What stands in the document from the heading on that this program does not write."""
    _, heading, rest = DOCUMENT.read_text().partition(BY_HAND) if DOCUMENT.exists() else ("", BY_HAND, "\n")
    return heading + rest


def psql() -> Path:
    """The wheel's own client, of the server's version."""
    return embedded_directory.installed(embedded.DEFAULT_VERSION) / "bin" / "psql"


def measure(bench: Bench, rows: int, rounds: int, sizes: Sequence[int]) -> Results:
    """Every contestant once in each round, so that a slow minute of the machine falls on all of them."""
    source = make_source(FOLDER, rows)
    small = make_source(FOLDER, LOADDATA_ROWS)
    bench.ready_made(source)
    results = Results(rows)
    for number in range(1, rounds + 1):
        progress(f"round {number} of {rounds}")
        results.floor.append(bench.floor())
        results.runs.append(bench.run(source))
        results.back.append(bench.run_back())
        if shutil.which("pgloader"):
            results.pgloader.append(bench.pgloader(source))
            results.pgloader_by_default.append(bench.pgloader_by_default(source))
        seconds, loaded = bench.loaddata(small)
        results.loaddata.append(seconds / loaded)
    progress("one core")
    with bench.one_core():
        results.one_core.append(bench.run(source))
    for size in sizes:
        progress(f"{size:,} rows")
        results.scaling.append((size, bench.run(make_source(FOLDER, size))))
    progress("odd shapes")
    results.shapes.extend(shapes.measure(bench))
    return results


def progress(text: str) -> None:
    """Progress, apart from the table."""
    print(text, file=sys.stderr, flush=True)


def document(results: Results) -> Iterator[str]:
    """docs/benchmarks.md."""
    yield "# Benchmarks"
    yield ""
    yield "Written by `make bench`: every figure below is of one run of it, the medians of interleaved rounds."
    yield ""
    yield f"    {machine()}"
    yield f"    {', '.join(f'{name} {version}' for name, version in used().items())}"
    yield ""
    yield (
        f"The application's own schema with {results.rows:,} attributions and their teachers and courses; PostgreSQL"
        " with its stock settings on the same machine, reached over a Unix socket."
    )
    yield ""
    yield "| what | seconds | of the floor |"
    yield "|---|---:|---:|"
    floor = median(results.floor)
    yield from (f"| {what} | {seconds:.2f} | {seconds / floor:.2f} |" for what, seconds in contestants(results))
    yield ""
    yield from targets(results)
    yield ""
    yield from stages(results)
    if results.scaling:
        yield ""
        yield from scaling(results)
    yield ""
    yield from odd_shapes(results)


def contestants(results: Results) -> Iterator[tuple[str, float]]:
    """What stands in the table, with its median."""
    rows = results.rows
    yield "floor: psql's binary COPY of ready-made files into bare tables", median(results.floor)
    yield "migrate_to_pg, its load into the same bare tables", results.load
    yield "migrate_to_pg --verify, the whole run, published", results.whole
    yield "migrate_to_pg --verify, the same with one core for it and the server", results.one_core[0].seconds
    back = median(run.seconds for run in results.back)
    yield "migrate_from_pg, the whole run: a new SQLite file of the same rows, every cell compared", back
    if results.pgloader:
        yield "pgloader, data only, into the same bare tables", median(results.pgloader)
        yield (
            "pgloader by default, into an empty database: schema, data, indexes, foreign keys, sequences",
            median(results.pgloader_by_default),
        )
    each = median(results.loaddata)
    yield f"loaddata, scaled to {rows:,} rows from {LOADDATA_ROWS:,} attributions (dumpdata not counted)", each * rows


def targets(results: Results) -> Iterator[str]:
    """Each target with its figure, met or missed."""
    floor, load = median(results.floor), results.load
    yield "| target | measured | |"
    yield "|---|---:|---|"
    yield goal("load at most 1.1 x the floor", load / floor, "x", at_most=1.1)
    if results.pgloader:
        pgloader = median(results.pgloader)
        yield goal("load at least 4 x faster than pgloader", pgloader / load, "x", at_least=4)
        yield goal("whole run at most 1.0 x pgloader's load alone", results.whole / pgloader, "x", at_most=1.0)
        by_default = median(results.pgloader_by_default)
        yield goal("whole run at most 0.7 x pgloader by default", results.whole / by_default, "x", at_most=0.7)
    outside = median(run.seconds - sum(run.stages.values()) + run.stages["start"] for run in results.runs)
    yield goal("outside of the stages (start, last fingerprint, report) at most 0.8 s", outside, " s", at_most=0.8)
    both = median(run.here + run.server for run in results.runs)
    yield goal("processor time of both sides at most 16 s", both, " s", at_most=16)
    per_row = median(results.loaddata) * results.rows / load
    yield goal("load at least 300 x faster than loaddata, by the row", per_row, "x", at_least=300)
    verify = median(run.stages["prove"] for run in results.runs)
    yield goal("verification of every cell at most 0.8 x the load", verify / load, "x", at_most=0.8)
    examine = median(run.stages["examine"] for run in results.runs)
    yield goal("examine at most 1.0 x the load", examine / load, "x", at_most=1.0)
    yield goal("way back: load and indexes at most 2.0 x those of the way there", ratio_back(results), "x", at_most=2.0)
    back = max(run.memory for run in results.back) / 2**20
    yield goal("way back: at most 250 MB of memory", back, " MB", at_most=250)
    if results.scaling:
        yield goal("time exponent at most 1.02", results.exponent, "", at_most=1.02)
        peak = max(run.memory for _, run in results.scaling) / 2**20
        yield goal("at most 250 MB of memory at any size", peak, " MB", at_most=250)
    for shape, run in results.shapes:
        yield goal(f"at most 400 MB of memory for {shape.what}", run.memory / 2**20, " MB", at_most=400)


def rows_and_indexes(run: Run) -> float:
    """Return the seconds in which rows are loaded and indexes built."""
    return run.stages["load"] + run.stages["restore"]


def ratio_back(results: Results) -> float:
    """Return the time of the way back over that of the way there, without what they compare."""
    return median(map(rows_and_indexes, results.back)) / median(map(rows_and_indexes, results.runs))


def goal(what: str, measured: float, unit: str, *, at_most: float = math.inf, at_least: float = -math.inf) -> str:
    """One line of the table."""
    met = at_least <= measured <= at_most
    return f"| {what} | {measured:.2f}{unit} | {'met' if met else '**missed**'} |"


def stages(results: Results) -> Iterator[str]:
    """Where the whole run's time goes."""
    yield "Where the whole run's time goes; what is left is start-up, the source's last fingerprint and the report:"
    yield ""
    yield "| stage | seconds | processor: command | server | on the way back, seconds | command | server |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for name in results.runs[0].stages:
        cells = [cell for runs in (results.runs, results.back) for cell in stage_cells(name, runs)]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    memory = max(run.memory for run in results.runs) / 2**20
    here, server = (median(getattr(run, side) for run in results.runs) for side in ("here", "server"))
    yield f"{results.runs[0].cells:,} cells were compared; {memory:.0f} MB at most."
    yield f"Processor time: {here:.1f} s of the command and what it starts, {server:.1f} s of the server."


def stage_cells(name: str, runs: Sequence[Run]) -> Iterator[str]:
    """Yield the medians of a stage: seconds, and processor time of the command and of the server."""
    yield f"{median(run.stages.get(name, 0) for run in runs):.2f}"
    sides = [run.by_stage.get(name, Sides(0, 0)) for run in runs]
    yield from (f"{median(seconds):.2f}" for seconds in zip(*sides, strict=True))


def scaling(results: Results) -> Iterator[str]:
    """The same at several sizes, one run each."""
    yield "![seconds over rows, both logarithmic](images/scaling.svg)"
    yield ""
    yield "| attributions | whole run, seconds | load | peak memory, MB |"
    yield "|---:|---:|---:|---:|"
    for rows, run in results.scaling:
        yield f"| {rows:,} | {run.seconds:.1f} | {run.stages['load']:.2f} | {run.memory / 2**20:.0f} |"


def odd_shapes(results: Results) -> Iterator[str]:
    """Yield the table of odd shapes, one run each."""
    yield "| table | whole run, seconds | load | peak memory, MB |"
    yield "|---|---:|---:|---:|"
    for shape, run in results.shapes:
        seconds = run.stages["load"] + run.stages.get("leftovers", 0)
        yield f"| {shape.what} | {run.seconds:.1f} | {seconds:.2f} | {run.memory / 2**20:.0f} |"


def machine() -> str:
    """What it ran on."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def used() -> dict[str, str]:
    """Program -> version, pgloader's where it is there."""
    found = dict(versions(None))
    found.pop("platform", None)
    if program := shutil.which("pgloader"):
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        found["pgloader"] = told.split('"')[1] if '"' in told else told.split()[-1]
    found["PostgreSQL"] = subprocess.run(
        [psql(), "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[2]
    return found


if __name__ == "__main__":
    main()
