"""What the benchmark of many clients counts: successes in time, and nothing that it was not answered."""

import http.server
import threading
import time
from collections.abc import Iterator

import pytest

from benchmarks.clients import Client
from benchmarks.concurrency import POSTGRESQL, Measured, Summary, judged

PARTS = [("INFO-1", "CM", f"{year}-{year + 1}") for year in range(2026, 2030)]
NO_TIME = {"gunicorn": 0.0, "postgres": 0.0}


class Answers(http.server.BaseHTTPRequestHandler):
    """Each POST takes the next answer: a status, after so many seconds; a GET is always answered at once."""

    protocol_version = "HTTP/1.1"
    answers: list[tuple[int, float]] = []

    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, seconds = self.answers.pop(0)
        time.sleep(seconds)
        self._answer(status)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def client() -> Iterator[Client]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Client(f"http://127.0.0.1:{server.server_port}", "session", ["dupont"], PARTS, [])
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_win_after_the_end_is_looked_for_but_not_counted(client: Client) -> None:
    Answers.answers = [(201, 0.0), (201, 1.0)]
    client.run(time.monotonic() + 0.7)
    assert len(client.successes) == 1
    found = judged(POSTGRESQL, [client], 1.0, PARTS[:1], NO_TIME)
    assert found.rate == 1.0
    assert found.lost == 1, "the second one was answered 201, and is not in the database"


def test_refusals_and_errors_have_no_part_in_the_percentiles(client: Client) -> None:
    Answers.answers = [(503, 0.0), (409, 0.0), (500, 0.0), (201, 0.3)]
    client.run(time.monotonic() + 20)
    found = judged(POSTGRESQL, [client], 1.0, PARTS[3:], NO_TIME)
    assert (found.unavailable, found.other_errors, found.lost, found.doubled) == (1, 1, 0, 0)
    assert found.percentile(50) >= 300
    assert found.percentile(50) == found.percentile(99)


def test_a_part_that_two_clients_won_is_doubled(client: Client) -> None:
    Answers.answers = [(201, 0.0)] * 4
    client.run(time.monotonic() + 20)
    assert judged(POSTGRESQL, [client, client], 1.0, PARTS, NO_TIME).doubled == 4


def test_a_line_has_the_median_run_and_the_spread_and_all_that_went_wrong(client: Client) -> None:
    def measured(rate: float, errors: int) -> Measured:
        answered = judged(POSTGRESQL, [client], 1.0, [], NO_TIME)
        return type(answered)(**{**vars(answered), "rate": rate, "other_errors": errors, "successes": (0.01, 0.01)})

    summary = Summary((measured(40.0, 1), measured(10.0, 0), measured(50.0, 2)))
    assert summary.rate == 40.0
    assert summary.row().startswith("| 1 | PostgreSQL | 40.0 (10.0 to 50.0) | 10 (10 to 10) | ")
    assert "| 0 | 3 | 0 | 0 |" in summary.row()
