"""One id per request: in the answer, in every log line about it, and in problem documents."""

from __future__ import annotations

import re
from uuid import uuid4

from litestar.types import Scope as AsgiScope

HEADER = b"x-request-id"
_SANE = re.compile(rb"[A-Za-z0-9._-]{8,100}")


def request_id(scope: AsgiScope) -> str:
    """The caller's X-Request-ID where it is sane (8 to 100 of A-Z a-z 0-9 . _ -), else a new one."""
    sent = next((value for name, value in scope["headers"] if name == HEADER), b"")
    return sent.decode("ascii") if _SANE.fullmatch(sent) else uuid4().hex
