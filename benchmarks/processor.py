"""Names of programs in; the processor time of their processes out, as Linux's /proc has it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

#: proc(5): utime and stime, counted from what follows the program's name.
_USER, _SYSTEM = 11, 12


def processor_time(programs: Sequence[str]) -> dict[str, float]:
    """Seconds, user and system together, of all living processes whose command line has the program's name."""
    seconds = dict.fromkeys(programs, 0.0)
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            ticks = int(fields[_USER]) + int(fields[_SYSTEM])
            for program in seconds:
                if program in command:
                    seconds[program] += ticks / os.sysconf("SC_CLK_TCK")
    return seconds
