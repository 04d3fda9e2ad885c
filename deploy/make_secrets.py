"""Make the secrets of a deployment once, as files in a volume that only the application reads.

    python -m deploy.make_secrets [FOLDER] [--rotate]

SECRET_KEY and POSTGRES_PASSWORD from .env take precedence over random values. PostgreSQL keeps the password that its
database was made with, whatever the variable says later. So does this, until --rotate. No secret is ever printed.

secret_key         what sessions are signed with: SECRET_KEY_FILE
postgres_password  for POSTGRES_PASSWORD_FILE of the image of PostgreSQL, which reads it when it makes the database
pgpass             the same for libpq: PGPASSFILE
userlist.txt       the same for PgBouncer
"""

import argparse
import os
import secrets
import sys
from pathlib import Path

USER = "attribution"
#: Variable -> file.
_SECRETS = {"SECRET_KEY": "secret_key", "POSTGRES_PASSWORD": "postgres_password"}


def main(arguments: list[str]) -> int:
    """Write missing secrets, or all of them with --rotate."""
    parser = argparse.ArgumentParser(description="Make the secrets of a deployment.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("/secrets"))
    parser.add_argument("--rotate", action="store_true", help="new ones, or those of the variables")
    options = parser.parse_args(arguments)
    made = [name for name in _SECRETS if _write_secret(name, options.folder / _SECRETS[name], renew=options.rotate)]
    _write_forms(options.folder, _read(options.folder / _SECRETS["POSTGRES_PASSWORD"]))
    sys.stdout.write(f"Secrets: {', '.join(made) + ' made' if made else 'as they were'}.\n")
    return 0


def _write_secret(name: str, path: Path, *, renew: bool) -> bool:
    """Write a secret if it is missing or must change. Return whether it was written."""
    kept, given = _read(path), _given(name)
    wanted = given or (secrets.token_urlsafe(50) if renew or not kept else kept)
    if wanted == kept:
        return False
    if name == "POSTGRES_PASSWORD" and kept and not renew:
        sys.stderr.write(f"{name} in .env is not the one that the database has: it has no effect before make rotate.\n")
        return False
    _write(path, wanted)
    return True


def _given(name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value.isprintable():
        raise SystemExit(f"{name} holds a line break or another control character: write it anew.")
    return value


def _write_forms(folder: Path, password: str) -> None:
    """Write the password for libpq and PgBouncer."""
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    _write(folder / "pgpass", f"*:*:*:{USER}:{escaped}\n")
    doubled = password.replace('"', '""')
    _write(folder / "userlist.txt", f'"{USER}" "{doubled}"\n')


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _write(path: Path, text: str) -> None:
    """Write a file atomically, readable by its owner alone."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
