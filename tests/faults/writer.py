"""Hours are moved between rows of two tables, in 500 transactions a second, until standard input ends.

``python -m tests.faults.writer DATABASE``. The sum over both tables is the same in every state that was committed.
Prints how many were, the first of them at once.
"""

import random
import sqlite3
import sys
import threading
import time

RATE = 500


def main(path: str) -> None:
    chance = random.Random(7)  # noqa: S311 - what to write, no secret
    database = sqlite3.connect(path, isolation_level=None, timeout=60)
    database.execute("PRAGMA synchronous = OFF")
    courses = [row[0] for row in database.execute("SELECT id FROM courses_course")]
    attributions = [row[0] for row in database.execute("SELECT id FROM attributions_attribution")]
    done = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        done.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    begun, count = time.monotonic(), 0
    while not done.is_set():
        moved = chance.choice((-1, 1)) * chance.randint(1, 3)
        course, attribution = chance.choice(courses), chance.choice(attributions)
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE courses_course SET hours_cm = hours_cm - ? WHERE id = ?", (moved, course))
        database.execute("UPDATE attributions_attribution SET hours = hours + ? WHERE id = ?", (moved, attribution))
        database.execute("COMMIT")
        count += 1
        if count == 1:
            print("writing", flush=True)
        time.sleep(max(0, begun + count / RATE - time.monotonic()))
    print(count, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
