"""`hotel-booking NOUN VERB`, as an operator types it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import IO, NoReturn

from hotel_booking.cli import main


def command(*words: str, seconds: int = 600, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command with these variables in its environment, and end it after so many seconds. It is a
    process of its own, forked from this one: what the tests have imported need not be imported again, which
    takes longer than most commands do. (`ops/test_cli.py` starts the installed program.) Where other threads
    run here (a double's), one of them could hold a lock that a fork would wait for: then it is a new one."""
    if threading.active_count() > 1:
        return subprocess.run(
            [Path(sys.executable).with_name("hotel-booking"), *words],
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if not child:
            _run(words, environ, out, err, seconds)
        _, status = os.waitpid(child, 0)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    return subprocess.CompletedProcess(words, os.waitstatus_to_exitcode(status), *texts)


def _run(
    words: tuple[str, ...], environ: dict[str, str], out: IO[str], err: IO[str], seconds: int
) -> NoReturn:
    """In the child: the command, and out, whatever happens: nothing of the tests' goes on here."""
    code = 1
    try:
        signal.alarm(seconds)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        os.environ.update(environ)
        sys.argv = ["hotel-booking", *words]
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # as the interpreter does at its end
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
