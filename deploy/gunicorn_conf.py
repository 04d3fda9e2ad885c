"""Configure gunicorn in a container. PORT and WEB_CONCURRENCY may be set."""

import gc
import os

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
# Threads, whose heartbeat does not wait for a request. The proxy in front sends each request whole, and takes each
# answer at once: a slow client holds none of them.
worker_class = "gthread"
threads = 4
# The longest address takes back 200 attributions; a browser sends some twenty headers, and proxies add a few.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
# Imported once, before the workers are made: they share its memory, and are ready at the same moment. Else the first
# one that is takes every connection that waits, and the browsers that keep theirs open stay with it.
preload_app = True
# The heartbeat file must not wait for a slow disk.
worker_tmp_dir = "/dev/shm"  # noqa: S108 - of this container alone
# With the client's address, which the application puts where this looks for it (attribution_project/client.py).
accesslog = "-"
timeout = 60
# Nobody steers it from inside, and its socket would need a folder to write to.
control_socket_disable = True


def when_ready(_server: object) -> None:
    """Leave what was imported out of each search for garbage, and search more rarely: a tenth of a request's time.

    The workers, which are made after this, share its memory as long as no search writes to it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, *gc.get_threshold()[1:])
