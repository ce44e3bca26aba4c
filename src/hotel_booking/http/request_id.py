"""One id per request: in the answer, in every log line about it, and in problem documents."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

HEADER = b"x-request-id"
_SANE = re.compile(rb"[A-Za-z0-9._-]{8,100}")


def request_id(headers: Mapping[bytes, bytes]) -> str:
    """The caller's X-Request-ID where it is sane (8 to 100 of A-Z a-z 0-9 . _ -), else a new one."""
    sent = headers.get(HEADER)
    return os.urandom(16).hex() if sent is None or not _SANE.fullmatch(sent) else sent.decode("ascii")
