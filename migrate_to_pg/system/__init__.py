"""Helpers that know nothing of the job: processes, threads, files, signals, time."""
