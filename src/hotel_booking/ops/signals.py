"""A command that is told to end closes what it has opened, however it is told."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

_NUMBERS = (signal.SIGTERM, signal.SIGHUP)


def interrupt(frame: FrameType | None) -> None:
    """End what goes on: asyncio ends its work in order, as by Ctrl-C, all else is left by
    `KeyboardInterrupt`; also where a service that keeps a schedule only notes Ctrl-C for its next pause."""
    import asyncio  # most commands never load it

    as_ctrl_c = signal.getsignal(signal.SIGINT)
    whose = getattr(as_ctrl_c.func, "__self__", None) if isinstance(as_ctrl_c, partial) else None
    if isinstance(as_ctrl_c, partial) and isinstance(whose, asyncio.Runner):
        as_ctrl_c(signal.SIGINT, frame)
    else:
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
