"""Every command and mode, in the order of one move: what test_modes.py runs with each Django that the wheel serves.

A list without imports of its own, so that the other tests can hold that no option of the commands is missing in it.
"""

from __future__ import annotations

from typing import NamedTuple


class Mode(NamedTuple):
    """One command line, the status that it ends with, and a text of its stdout; {folder} and {server} are filled in."""

    line: str
    status: int = 0
    says: str = ""


#: What the damaged rows need.
ACCEPT = "--fix malformed-date --quarantine foreign-key-orphan"
MOVE = "migrate_to_pg --source {folder}/db.sqlite3 --target embedded:{server}"

MODES = (
    Mode("migrate_to_pg --check --source default", 1, "foreign-key-orphan"),
    Mode(f"migrate_to_pg --check {ACCEPT} --jobs 2"),
    Mode("migrate_to_pg --check --json --lang fr --schema models", 1, '"foreign-key-orphan"'),
    Mode("migrate_to_pg --explain foreign-key-orphan", says="foreign-key-orphan"),
    Mode("sqlite_doctor --explain foreign-key-orphan", says="foreign-key-orphan"),
    Mode("sqlite_doctor", 1, "foreign-key-orphan"),
    Mode("sqlite_doctor {folder}/db.sqlite3 --json --lang fr", 1, '"foreign-key-orphan"'),
    Mode("migrate_to_pg --dump {folder}/all.dump --lock-source"),
    Mode(f"migrate_to_pg --from-dump {{folder}}/all.dump --target embedded:{{server}} --rehearse {ACCEPT}"),
    Mode(f"{MOVE} --rehearse", 1, "foreign-key-orphan"),
    Mode(f"{MOVE} --rehearse --verify orm {ACCEPT} --export {{folder}}/all.archive --export-for 16 --keep"),
    Mode(f"{MOVE} --verify orm {ACCEPT} --owner postgres --publish-to public --leftovers copy"
        " --report {folder}/moved"),
    Mode(
        "migrate_to_pg --verify-only --verify orm --source {folder}/moved/snapshot.sqlite3 --target embedded:{server}",
    ),
    Mode(f"{MOVE} {ACCEPT} --replace --engine arrow --accept-stale --accept-publications --exact-decimals"
        " --exclude-data shapes.Apostrophe"),
    Mode("migrate_from_pg --source embedded:{server} --target {folder}/back.sqlite3 --from-schema public --verify orm"
        " --schema migrations --jobs 2 --quarantine all --leftovers copy --accept-stale --report {folder}/back"
        " --lang fr"),
    Mode("migrate_from_pg --source embedded:{server} --target {folder}/new.sqlite3 --lock-source --json",
        says='"made"'),
    Mode("migrate_from_pg --source embedded:{server} --since-publish"),
    Mode("migrate_from_pg --explain no-number", says="no-number"),
    Mode(f"migrate_to_pg --source {{folder}}/db.sqlite3 {ACCEPT} --fresh --try showmigrations", says="[X]"),
    Mode("migrate_to_pg --undo --target embedded:{server}"),
    Mode("migrate_to_pg --undo --target embedded:{server} --replace"),
    Mode("migrate_to_pg --purge --target embedded:{server} --no-input"),
    Mode("pg_behaviour --data --code --source {folder}/db.sqlite3 --fresh --lang fr --report {folder}/behaviour"
        " --fix lossless,malformed-date --quarantine all,foreign-key-orphan"),
    Mode(f"pg_behaviour --code --target embedded:{{server}} {ACCEPT} --fail-on never --json", says='"findings"'),
    Mode(f"sqlite_doctor {{folder}}/db.sqlite3 --rebuild {{folder}}/rebuilt.sqlite3 {ACCEPT}"
        " --salvage --report {folder}/rebuilt"),
    Mode("sqlite_doctor {folder}/rebuilt.sqlite3 --repair wal"),
    Mode("sqlite_doctor {folder}/rebuilt.sqlite3 --repair checkpoint"),
    Mode("sqlite_doctor {folder}/rebuilt.sqlite3 --repair all"),
    Mode("migrate_to_pg --check --source {folder}/rebuilt.sqlite3"),
)  # fmt: skip

#: They need a model that no migration makes, which their own project has (tests/projects/unmade).
ELSEWHERE = {"--from-models", "--as-leftovers"}
#: They need a project with tests and pages.
ELSEWHERE |= {"--tests", "--queries", "--crawl", "--as-user", "--read"}
