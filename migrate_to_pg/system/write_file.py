"""Write a small file completely or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_file(path: Path, text: str) -> None:
    """Write the text to a file for its owner alone. Whatever ends it, no unfinished file stays beside it."""
    # mkstemp makes the file 0600 from its first moment. Nothing is left of an earlier file, its mode neither.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
