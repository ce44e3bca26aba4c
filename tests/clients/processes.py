"""Processes of ours that start at once: each is forked from one that has imported everything and done nothing
else, so a second of imports is paid once a worker. What is forked is as much a process as any: it is
waited for, gets signals and is killed. The installed program itself is `command_line.program`."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

_ROOT = Path(__file__).parents[2]
_FORKS = multiprocessing.get_context("forkserver")


@cache
def _server() -> None:
    """It is there from now on. It looks for modules where it was started."""
    _FORKS.set_forkserver_preload([f"{__package__}.everything"])
    with contextlib.chdir(_ROOT):
        multiprocessing.forkserver.ensure_running()


def _nothing() -> None:
    """There is nothing to do."""


class Forked:
    """A function of a module in a process of its own, as far as `subprocess.Popen` is used here."""

    def __init__(
        self,
        function: Callable[..., object],
        *arguments: Any,
        environ: Mapping[str, str] | None = None,
        out: Path | None = None,
        err: Path | None = None,
    ) -> None:
        """What it prints is written to `out`, and to `err` or there too; without them nobody hears it."""
        if multiprocessing.parent_process() is None:
            _server()
        files = str(out or os.devnull), str(err or out or os.devnull)
        told = dict(os.environ if environ is None else environ), str(Path.cwd()), *files
        self._process = _FORKS.Process(target=_run, args=(function, arguments, *told))
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        """As `subprocess` counts: negative, where a signal ended it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Until it has ended. Raises `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired(str(self._process), timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """To it alone, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it, whatever it does."""
        self.send_signal(signal.SIGKILL)


def _run(
    function: Callable[..., object],
    arguments: tuple[Any, ...],
    environ: dict[str, str],
    folder: str,
    out: str,
    err: str,
) -> NoReturn:
    """In the child: the function, and out, whatever happens."""
    code = 1
    try:
        for number, file, how in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
            flags = how if how == os.O_RDONLY else how | os.O_CREAT | os.O_APPEND
            opened = os.open(file, flags, 0o600)
            os.dup2(opened, number)
            os.close(opened)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        # Who forked us forks what we start, too: without this, each of us would start a server of its own.
        vars(multiprocessing.forkserver._forkserver)["ensure_running"] = _nothing  # noqa: SLF001  # it has no public name
        function(*arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # as the interpreter does at its end
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
