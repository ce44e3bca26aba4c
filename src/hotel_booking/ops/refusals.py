"""Why an operation ends without having done its work: what is wrong, what to do, and the exit code."""

from __future__ import annotations

import re
from typing import ClassVar

_NUMBER = re.compile(r"(\[Errno -?\d+\]|Error \d+) ")


class Refused(Exception):
    """The operation was not done, or not to its end. `detail` says what is wrong; `lines` are what to do, of
    which a command to copy stands alone on its line."""

    exit_code: ClassVar[int] = 1

    def __init__(self, detail: str, *lines: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.lines = lines


class WrongUse(Refused):
    """Something was typed that cannot be meant, or is missing where nobody can be asked."""

    exit_code = 2


class Busy(Refused):
    """The same operation runs already; it was not started a second time."""


class Interrupted(Refused):
    """Ctrl-C or SIGTERM. What was begun is recorded, and a second run takes it up."""

    exit_code = 130


def plainly(error: BaseException) -> str:
    """Why a file or a server could not be had, in words that a person knows, on one line."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no text"
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return " ".join(_NUMBER.sub("", said).split())
