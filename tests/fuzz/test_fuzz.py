"""Whatever stands in the source: no traceback, no hang, no silent change, no unverified publication."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.fuzz.rounds import Fuzzer, Round


@pytest.mark.parametrize("seconds", [5, pytest.param(120, marks=pytest.mark.full)])
def test_whatever_the_source_holds_the_product_keeps_its_promises(fuzzer: Fuzzer, seconds: int) -> None:
    done = [check(fuzzer, seed) for seed in seeds(float(os.environ.get("FUZZ_SECONDS", seconds)))]
    print(summary(done))
    assert done


@pytest.mark.full
@pytest.mark.parametrize("rounds", [20])
def test_so_does_the_command_that_a_person_runs(fuzzer: Fuzzer, rounds: int) -> None:
    fuzzer.process = True
    for _ in range(rounds):
        check(fuzzer, new_seed())


@pytest.mark.parametrize("seconds", [5, pytest.param(120, marks=pytest.mark.full)])
def test_what_was_published_and_written_there_goes_back_or_is_refused(fuzzer: Fuzzer, seconds: int) -> None:
    done = []
    for seed in seeds(float(os.environ.get("FUZZ_SECONDS", seconds))):
        fuzzer.back = seed
        done.append(check(fuzzer, seed))
    print(f"{summary(done)}; {fuzzer.came_back} went back")
    # Many are refused, for a value that SQLite does not take.
    assert fuzzer.came_back or len(done) < 20


def seeds(seconds: float) -> Iterator[int]:
    """FUZZ_SEED alone, or ever new ones until the time is over."""
    if given := os.environ.get("FUZZ_SEED"):
        yield int(given)
        return
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield new_seed()


def new_seed() -> int:
    return random.SystemRandom().getrandbits(40)


def check(fuzzer: Fuzzer, seed: int) -> Round:
    done = fuzzer.round(seed)
    assert not done.lies, done.told()
    return done


def summary(done: list[Round]) -> str:
    """How the runs ended; many that publish, and many that do not, make a useful fuzz."""
    ends = Counter((run.mode.name, "published" if run.published else run.stage) for round in done for run in round.runs)
    return f"{len(done)} databases; " + ", ".join(f"{mode} {end}: {n}" for (mode, end), n in sorted(ends.items()))
