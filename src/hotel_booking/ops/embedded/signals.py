"""A command that has started a server stops it, however the command is ended."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NUMBERS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """`kill`, `timeout`, a service's stop and a terminal that closes end what is inside as Ctrl-C does: what
    it opened is closed. Who sees to such a signal otherwise, or ignores it (`nohup`), goes on doing so."""
    ours = [number for number in _NUMBERS if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        ours = []  # only there can it be

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in ours:  # once: what follows is the clearing up, which is not to be broken off
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
