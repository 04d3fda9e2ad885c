"""Gunicorn in a container; PORT and WEB_CONCURRENCY may be set."""

import os

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
# Threads, whose heartbeat does not wait for a request. The proxy in front sends each request whole, and takes each
# answer at once: a slow client holds none of them.
worker_class = "gthread"
threads = 4
# Imported once, before the workers are made: they share its memory, and are ready at the same moment. Else the first
# one that is takes every connection that waits, and the browsers that keep theirs open stay with it.
preload_app = True
# The heartbeat file must not wait for a slow disk.
worker_tmp_dir = "/dev/shm"  # noqa: S108 - of this container alone
accesslog = "-"
timeout = 60
# Nobody steers it from inside, and its socket would need a folder to write to.
control_socket_disable = True
