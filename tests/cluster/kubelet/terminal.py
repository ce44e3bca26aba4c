"""A container with `stdin: true`, which `kubectl run -it` and `attach` speak with through a socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import socket
import termios
import threading
from pathlib import Path


class Attached:
    """Its terminal or pipes. What it says before somebody attaches is kept for the first who does."""

    def __init__(self, path: Path, *, terminal: bool) -> None:
        self.output = asyncio.StreamReader(limit=1 << 20)
        self._path, self._terminal = path, terminal
        self._loop = asyncio.get_running_loop()
        self._said = b""
        self._peers: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        path.unlink(missing_ok=True)
        self._listener.bind(str(path))
        self._listener.listen()
        self._input = self._source = -1

    @classmethod
    async def open(cls, path: Path, *, terminal: bool) -> Attached:
        """Ready to be attached to."""
        return cls(path, terminal=terminal)

    async def start(self, argv: list[str]) -> asyncio.subprocess.Process:
        """Start the process on it."""
        if self._terminal:
            self._source, theirs = pty.openpty()
            termios.tcsetwinsize(
                theirs, (24, 80)
            )  # of a terminal without a size programs ask where the cursor is
            self._input, given, taken = os.dup(self._source), theirs, theirs
        else:
            given, self._input = os.pipe()
            self._source, taken = os.pipe()
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=given, stdout=taken, stderr=taken, start_new_session=True
        )
        for end in {given, taken}:
            os.close(end)
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._accept, daemon=True).start()
        return process

    def close(self) -> None:
        """The process has ended: whoever is attached is let go."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for peer in self._peers:
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
                peer.close()
            self._peers.clear()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._source, 65536)
            except OSError:  # a terminal that nobody has open any more
                data = b""
            if not data:
                self._loop.call_soon_threadsafe(self.output.feed_eof)
                return
            self._loop.call_soon_threadsafe(self.output.feed_data, data)
            with self._lock:
                if not self._peers:
                    self._said += data
                for peer in self._peers:
                    with contextlib.suppress(OSError):
                        peer.sendall(data)

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                peer.sendall(self._said)
                self._said = b""
                self._peers.append(peer)
            threading.Thread(target=self._listen, args=(peer,), daemon=True).start()

    def _listen(self, peer: socket.socket) -> None:
        while True:
            try:
                data = peer.recv(65536)
            except OSError:
                return
            if not data:
                if not self._terminal:
                    with contextlib.suppress(OSError):
                        os.close(self._input)
                return
            with contextlib.suppress(OSError):
                os.write(self._input, data)
