"""What a person sees of a run while it runs: bars on a terminal, plain lines in a pipe, nothing when quiet."""

from __future__ import annotations

import io
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from migrate_to_pg.records import Event
from migrate_to_pg.report.progress import INTERVAL, Kind, display

HOSTILE = ["[red]x[/red]", "\x1b[31mred", "a\ud800b", "nul\x00", "[/]", "{0}"]


class Clock:
    """A clock that stands still until it is told otherwise."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and what is left on the screen of it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    @property
    def screen(self) -> list[str]:
        """The lines that remain: carriage returns, erasures and moves up are done, colours are left out."""
        screen, row = [""], 0
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\n|\r|[^\x1b\n\r]+|\x1b", self.getvalue()):
            if part == "\n":
                row += 1
                screen += [""] * (row + 1 - len(screen))
            elif part == "\x1b[1A":
                row -= 1
            elif part in ("\r", "\x1b[2K"):
                screen[row] = ""
            elif not part.startswith("\x1b["):
                screen[row] += part
        return [text.rstrip() for text in screen if text.strip()]


class Ascii(Terminal):
    encoding = "ascii"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")


def event(kind: str, stage: str = "load", message: str = "", done: int = 0, total: int = 0) -> Event:
    return Event(kind=kind, stage=stage, message=message, done=done, total=total)


def plain(*steps: tuple[float, Event], verbosity: int = 1) -> list[str]:
    """The lines of a pipe, each event coming some seconds after the one before."""
    stream, clock = io.StringIO(), Clock()
    with display(stream, clock=clock, verbosity=verbosity) as show:
        for seconds, each in steps:
            clock.now += seconds
            show(each)
    return stream.getvalue().splitlines()


def drawn(*events: Event, stream: Terminal | None = None, no_color: bool = False) -> Terminal:
    """What a terminal was sent."""
    stream = stream or Terminal()
    with display(stream, no_color=no_color) as show:
        for each in events:
            show(each)
    return stream


# --- in a pipe --------------------------------------------------------------------------------------------------------


def test_a_stage_is_a_line_when_it_begins_and_a_line_when_it_ends() -> None:
    shown = plain((0, event("stage")), (2.5, event("stage_done", message="7 tables, 2,070,000 rows")))
    assert shown == ["load ...", "load: done in 2.50 s: 7 tables, 2,070,000 rows"]


def test_a_stage_that_has_something_to_say_at_its_beginning_says_it() -> None:
    assert plain((0, event("stage", message="copying")), (0, event("stage_done")))[0] == "load: copying ..."


def test_progress_is_at_most_one_line_each_interval() -> None:
    steps = [(1.0, event("progress", done=i * 1_000, total=60_000)) for i in range(1, 61)]
    shown = [text for text in plain((0, event("stage")), *steps) if " of " in text]
    assert shown[0] == "load: 5,000 of 60,000 (8 %), 1,000 rows/s"
    assert len(shown) == 60 // INTERVAL


def test_progress_without_a_total_tells_how_much_was_done() -> None:
    shown = plain((0, event("stage", "snapshot")), (8, event("progress", "snapshot", done=8 << 20)))
    assert shown[1] == "snapshot: 8.0 MiB, 1.0 MiB/s"


def test_stages_that_count_steps_have_no_speed() -> None:
    shown = plain((0, event("stage", "restore")), (8, event("progress", "restore", done=3, total=12)))
    assert shown[1] == "restore: 3 of 12 (25 %)"


def test_notes_are_never_held_back() -> None:
    notes = [(0.0, event("note", message=f"note {i}\nand more")) for i in range(20)]
    expected = [text for i in range(20) for text in (f"note {i}", "and more")]
    assert plain((0, event("stage")), *notes)[1:-1] == expected


def test_a_stage_that_never_ended_is_said_to_have_stopped() -> None:
    assert plain((0, event("stage")), (3, event("note", message="x")))[-1] == "load: stopped after 3.00 s"


def again() -> tuple[Event, ...]:
    """A stage that ended is run again within another one, which goes on."""
    return (
        event("stage", "examine"),
        event("stage_done", "examine"),
        event("stage", "repair"),
        event("progress", "examine", "courses_course", done=3, total=12),
        event("stage_done", "repair"),
    )


def test_an_ended_stage_that_runs_again_belongs_to_the_stage_that_runs_it() -> None:
    shown = plain(*((6, each) for each in again()))
    assert shown[2:] == ["repair ...", "repair: 3 of 12 (25 %)", "repair: done in 12.0 s"]
    assert not any("stopped" in text or "✗" in text for text in drawn(*again()).screen)


def test_stages_may_overlap() -> None:
    shown = plain(
        (0, event("stage", "load")),
        (1, event("stage", "prove")),
        (1, event("stage_done", "load")),
        (1, event("stage_done", "prove")),
    )
    assert shown[2:] == ["load: done in 2.00 s", "prove: done in 2.00 s"]


def test_each_line_is_flushed(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream, display(stream) as show:
        show(event("stage"))
        assert (tmp_path / "log").read_text() == "load ...\n"


def test_a_pipe_gets_no_control_characters() -> None:
    assert "\x1b" not in "".join(plain((0, event("stage")), (9, event("progress", done=1)), (0, event("stage_done"))))


# --- on a terminal ----------------------------------------------------------------------------------------------------


def test_a_finished_stage_is_a_check_mark_with_its_seconds() -> None:
    stream = drawn(event("stage"), event("progress", done=5, total=9), event("stage_done", message="7 tables"))
    assert re.fullmatch(r"✓ load  0\.\d\d s  7 tables", "".join(stream.screen))
    assert stream.getvalue().count("\n") == 1, "nothing but that line is left"


def bars(stream: Terminal, text: str) -> list[str]:
    """The bars with that text, once they were drawn: rich draws ten times a second."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        sent = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
        if found := [line for line in re.split(r"[\r\n]", sent) if text in line]:
            return found
        time.sleep(0.02)
    return []


def test_a_running_stage_has_a_bar_with_how_much_of_what() -> None:
    stream = Terminal()
    with display(stream) as show:
        show(event("stage"))
        show(event("progress", message="courses_course", done=500_000, total=2_000_000))
        found = bars(stream, "500,000 / 2,000,000")
    assert re.search(r"load ━.* 500,000 / 2,000,000 .*0:00:\d\d courses_course", found[0])


def test_the_bar_fits_80_columns_and_cuts_only_what_is_being_worked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    with display(stream) as show:
        for done in (1_500_000, 1_550_000, 1_600_000):
            show(event("progress", message="t" * 90, done=done, total=2_000_000))
            time.sleep(0.02)
        found = bars(stream, "1,600,000 / 2,000,000")
    assert len(found[0]) <= 80
    assert re.search(r" rows/s 0:00:\d\d t+…", found[0])


def test_notes_stay_above_the_bars() -> None:
    shown = drawn(event("stage"), event("note", message="one\ntwo"), event("stage_done")).screen
    assert shown[:2] == ["one", "two"]
    assert shown[2].startswith("✓ load")


def test_an_event_of_a_kind_not_known_yet_is_shown_as_a_note() -> None:
    assert drawn(event("new kind", message="kept")).screen == ["kept"]
    assert plain((0, event("close", message="kept"))) == ["kept"]


def test_a_stage_that_never_ended_is_crossed() -> None:
    stream = Terminal()

    def run() -> None:
        with display(stream) as show:
            show(event("stage"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert re.fullmatch(r"✗ load: stopped after 0\.\d\d s", stream.screen[-1])
    assert stream.getvalue().rstrip("\r").endswith("\x1b[?25h"), "the cursor must come back"


def test_a_terminal_without_unicode_gets_words_for_marks() -> None:
    stream = drawn(event("stage"), event("progress", done=1, total=2), event("stage_done"), stream=Ascii())
    assert stream.screen[0].startswith("done load")
    stream.getvalue().encode("ascii")


@pytest.mark.parametrize("name", ["NO_COLOR", ""])
def test_no_colour_means_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name:
        monkeypatch.setenv(name, "1")
    events = event("stage"), event("progress", done=1, total=2), event("stage_done")
    sent = drawn(*events, no_color=not name).getvalue()
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", sent)


def test_colours_are_there_otherwise() -> None:
    assert "\x1b[32m✓" in drawn(event("stage"), event("stage_done")).getvalue()


def test_stdout_is_left_to_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout, stderr = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", stdout)
    with display(stderr) as show:
        show(event("stage"))
        print("{}")
    assert stdout.getvalue() == "{}\n"


# --- on either --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [io.StringIO, Terminal])
def test_verbosity_0_is_silent(make: Callable[[], io.StringIO]) -> None:
    stream = make()
    with display(stream, verbosity=0) as show:
        for kind in ("stage", "progress", "note", "stage_done"):
            show(event(kind, message="x", done=1))
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("stream", "kind", "draws"),
    [
        (Terminal(), "auto", True),
        (io.StringIO(), "auto", False),
        (Terminal(), "plain", False),
        (io.StringIO(), "rich", True),
    ],
)
def test_bars_are_drawn_where_they_can_be_or_were_asked_for(stream: io.StringIO, kind: Kind, draws: bool) -> None:
    with display(stream, kind=kind) as show:
        show(event("stage"))
    assert ("\x1b[" in stream.getvalue()) is draws


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert drawn(event("stage"), event("note", message="x")).getvalue().startswith("load ...\nx\n")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", ["plain", "rich"])
def test_hostile_text_is_shown_and_does_nothing(kind: Kind, text: str) -> None:
    stream = Terminal()
    kinds = ("stage", "progress", "note", "stage_done")
    with display(stream, kind=kind) as show:
        for each in kinds:
            show(event(each, text, text, done=1, total=2))
        show(event("stage", text, text))
    sent = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()) if kind == "rich" else stream.getvalue()
    sent.encode()
    assert all(c.isprintable() or c in "\n\r" for c in sent)
    assert "\x1b[31mred" not in stream.getvalue()
    assert any(ascii(text)[1:-1] in line for line in stream.screen)


@pytest.mark.parametrize("kind", ["plain", "rich"])
def test_events_may_come_from_several_threads(kind: Kind) -> None:
    stream = Terminal()

    def work(show: Callable[[Event], None], name: str) -> None:
        show(event("stage", name))
        for i in range(50):
            show(event("progress", name, done=i, total=50))
            show(event("note", name, f"{name} {i}"))
        show(event("stage_done", name))

    with display(stream, kind=kind) as show:
        threads = [threading.Thread(target=work, args=(show, f"stage{n}")) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    notes = {text for text in stream.screen if re.fullmatch(r"stage\d \d+", text)}
    assert notes == {f"stage{n} {i}" for n in range(4) for i in range(50)}
    assert sum(text.startswith("✓") or "done in" in text for text in stream.screen) == 4
