"""`hotel-booking NOUN VERB`, as an operator types it."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from hotel_booking.cli import NOUNS, command_of, main

_START = subprocess.run
_OURSELVES = "from hotel_booking.cli import main; main()"  # as what is to run beside a command is started


def command(*words: str, seconds: int = 600, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command with these variables in its environment, and end it after so many seconds. It is a
    process of its own, forked from this one: what is imported here need not be imported again, which takes
    longer than most commands do; so what it had to import is imported here after it, for the next. Commands
    that it starts itself are forked from it in turn. Where other threads run here (a double's), one of them
    could hold a lock that a fork would wait for: then it is the installed `program`."""
    if threading.active_count() > 1:
        return program(*words, seconds=seconds, **environ)
    code, out, err = _forked(words, {**os.environ, **environ}, seconds)
    return subprocess.CompletedProcess(words, code, out.decode(), err.decode())


def program(*words: str, seconds: int = 600, **environ: str) -> subprocess.CompletedProcess[str]:
    """The same by the installed program: all of it is started anew, as an operator does."""
    return subprocess.run(
        [Path(sys.executable).with_name("hotel-booking"), *words],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


def _forked(words: Sequence[str], environ: Mapping[str, str], seconds: float) -> tuple[int, bytes, bytes]:
    """How it ended, and what it said."""
    if words and words[0] in NOUNS:
        command_of(words[0])  # with all that its options say
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as loaded:
        child = os.fork()
        if not child:
            _run(words, environ, out, err, loaded, seconds)
        _, status = os.waitpid(child, 0)
        for file in (out, err, loaded):
            file.seek(0)
        for name in loaded.read().decode().split():
            importlib.import_module(name)
        return os.waitstatus_to_exitcode(status), out.read(), err.read()


def _run(
    words: Sequence[str],
    environ: Mapping[str, str],
    out: IO[bytes],
    err: IO[bytes],
    loaded: IO[bytes],
    seconds: float,
) -> NoReturn:
    """In the child: the command, and out, whatever happens: nothing of the tests' goes on here."""
    code, before = 1, set(sys.modules)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        os.environ.clear()
        os.environ.update(environ)
        sys.argv = ["hotel-booking", *words]
        subprocess.run = _start  # type: ignore[assignment]  # none of the overloads of the real one is told
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # as the interpreter does at its end
        traceback.print_exc(file=sys.stderr)
    finally:
        loaded.write("\n".join(name for name in sys.modules if name not in before).encode())
        loaded.flush()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _start(arguments: Any, **options: Any) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run` of a command: one of our own is forked."""
    if _OURSELVES not in arguments or threading.active_count() > 1:
        return _START(arguments, **options)
    words = list(arguments)[list(arguments).index(_OURSELVES) + 1 :]
    code, *said = _forked(words, options["env"], options["timeout"])
    if code == -signal.SIGALRM:
        raise subprocess.TimeoutExpired(arguments, options["timeout"])
    file: Any = options.get("stdout")
    if hasattr(file, "fileno"):
        with os.fdopen(os.dup(file.fileno()), "wb") as target:
            target.write(said[0])
    out, err = (text.decode() if options.get("text") else text for text in said)
    return subprocess.CompletedProcess(arguments, code, out, err)
