"""Make .env from .env.example, with a random SECRET_KEY and POSTGRES_PASSWORD: make env.

Needs only Python. An existing .env is not changed.
"""

import re
import secrets
import sys
from pathlib import Path


def main(folder: Path) -> int:
    """Write .env, readable by its owner alone."""
    path = folder / ".env"
    text = re.sub(
        r"^# (SECRET_KEY|POSTGRES_PASSWORD)=$",
        lambda found: f"{found[1]}={secrets.token_urlsafe(50)}",
        (folder / ".env.example").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        sys.stdout.write(".env is there already: it is kept as it is.\n")
        return 0
    path.write_text(text, encoding="utf-8")
    sys.stdout.write(".env was made, with secrets of its own. Set ALLOWED_HOSTS in it before others use it.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[1]))
