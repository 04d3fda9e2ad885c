"""A wire that can be cut: TCP on 127.0.0.1 in front of a server's Unix socket."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from urllib.parse import unquote, urlsplit

#: Closing answers with a reset, as a firewall or a dead machine's successor does.
RESET = struct.pack("ii", 1, 0)


class Proxy:
    """``url`` reaches the server through it, until ``cut``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        folder, _, port = parts.netloc.rpartition("@")[2].rpartition(":")
        self._upstream = f"{unquote(folder)}/.s.PGSQL.{port}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._cut = threading.Event()
        self._stalled = threading.Event()
        self._last_words = b""
        self.url = f"postgres://postgres@127.0.0.1:{self._listener.getsockname()[1]}{parts.path}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        """Reset every connection, and take no other."""
        self._cut.set()
        for thread in tuple(self._threads):
            thread.join()

    def cut_after(self, words: bytes) -> None:
        """Let these words of a client through, and cut everything before the answer to them comes back."""
        self._last_words = words

    def stall(self) -> None:
        """Carry nothing any more, and tell nobody: as packets that are lost."""
        self._stalled.set()

    def go_on(self) -> None:
        """Carry again, what came meanwhile first."""
        self._stalled.clear()

    def wait_for_cut(self) -> None:
        """Until those words were said."""
        assert self._cut.wait(60)
        self.cut()

    def mend(self) -> None:
        """Take connections again."""
        self._last_words = b""
        self._cut.clear()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def stop(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while not self._cut.is_set():
            if not select.select([self._listener], [], [], 0.02)[0]:
                continue
            client, _ = self._listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._upstream)
            self._threads.append(threading.Thread(target=self._load_leftovers, args=(client, server)))
            self._threads[-1].start()

    def _load_leftovers(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        with client, server, contextlib.suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            while not self._cut.is_set():
                if self._stalled.is_set():
                    time.sleep(0.02)
                    continue
                for ready in select.select([client, server], [], [], 0.02)[0]:
                    data = ready.recv(1 << 16)
                    if not data:
                        return
                    other[ready].sendall(data)
                    if ready is client and self._last_words and self._last_words in data:
                        select.select([server], [], [])
                        self._cut.set()
