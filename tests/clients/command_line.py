"""`hotel-booking NOUN VERB`, as an operator types it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.clients.processes import Forked

_START = subprocess.run
_OURSELVES = "from hotel_booking.cli import main; main()"  # as what is to run beside a command is started


def command(*words: str, seconds: int = 600, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command with these variables in its environment, and end it after so many seconds. It is a
    process of its own, forked from one that has everything imported, which takes longer than most commands
    do; and so are the commands that it starts itself."""
    code, out, err = _ended(words, {**os.environ, **environ}, seconds)
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


def _ended(words: Sequence[str], environ: Mapping[str, str], seconds: float) -> tuple[int, bytes, bytes]:
    """How it ended, and what it said. Raises `subprocess.TimeoutExpired`."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        child = Forked(_main, words, environ=environ, out=out, err=err)
        try:
            code = child.wait(seconds)
        finally:
            child.kill()
        return code, out.read_bytes(), err.read_bytes()


def _main(words: Sequence[str]) -> None:
    from hotel_booking.cli import main

    subprocess.run = _start  # type: ignore[assignment]  # none of the overloads of the real one is told
    sys.argv = ["hotel-booking", *words]
    main()


def _start(arguments: Any, **options: Any) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run` of a command: one of our own is forked."""
    if _OURSELVES not in arguments:
        return _START(arguments, **options)
    words = list(arguments)[list(arguments).index(_OURSELVES) + 1 :]
    code, *said = _ended(words, options["env"], options["timeout"])
    file: Any = options.get("stdout")
    if hasattr(file, "fileno"):
        with os.fdopen(os.dup(file.fileno()), "wb") as target:
            target.write(said[0])
    out, err = (text.decode() if options.get("text") else text for text in said)
    return subprocess.CompletedProcess(arguments, code, out, err)
