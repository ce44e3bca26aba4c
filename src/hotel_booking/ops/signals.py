"""A command that is told to end closes what it has opened, however it is told."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NUMBERS = (signal.SIGTERM, signal.SIGHUP)


def interrupt(frame: FrameType | None) -> None:
    """Do what Ctrl-C would: asyncio ends its work in order, all else is left by `KeyboardInterrupt`."""
    as_ctrl_c = signal.getsignal(signal.SIGINT)
    if callable(as_ctrl_c):
        as_ctrl_c(signal.SIGINT, frame)
    else:  # begun in the background by a script, which does not know it
        raise KeyboardInterrupt


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """`kill`, `timeout`, a service's stop and a terminal that closes end what is inside as Ctrl-C does: what
    it opened is closed. Who sees to such a signal otherwise, or ignores it (`nohup`), goes on doing so."""
    ours = [number for number in _NUMBERS if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        ours = []  # only there can it be

    def stop(_number: int, frame: FrameType | None) -> None:
        for number in ours:  # once: what follows is the clearing up, which is not to be broken off
            signal.signal(number, signal.SIG_IGN)
        interrupt(frame)

    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
