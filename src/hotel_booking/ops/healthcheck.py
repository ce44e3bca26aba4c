"""Whether the container it runs in does its work, for health checks and probes that run a command. It reads
no settings but ports and loads nothing else: it runs every few seconds."""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Mapping, Sequence

_WITHIN = 4.0  # seconds
_ANYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104  # what listens there is asked on this machine
_WORKER_PORT = "HOTEL_WORKER_METRICS_PORT"


def main() -> None:
    """End with 0 where it does, with 1 and a line that says why where it does not, with 2 for a wrong use."""
    code, said = check(sys.argv[1:], os.environ)
    print(said, file=sys.stderr if code else sys.stdout)  # `inspect` shows it
    sys.exit(code)


def check(arguments: Sequence[str], environ: Mapping[str, str]) -> tuple[int, str]:
    """The exit code and what to say: of the web server that it should get requests (`/health/ready`), of the
    worker that it tells its metrics."""
    if list(arguments) in ([], ["web"]):
        host, port = environ.get("HOTEL_HOST", ""), environ.get("HOTEL_PORT", "8000")
        return _ask(host, port, "/health/ready")
    if list(arguments) == ["worker"]:
        port = environ.get(_WORKER_PORT, "0")
        if port == "0":
            return 1, f"the worker can be asked only where {_WORKER_PORT} is set, such as to 9101"
        return _ask(environ.get("HOTEL_METRICS_HOST", ""), port, "/metrics")
    return 2, "usage: hotel-booking-healthcheck [web|worker]"


def _ask(host: str, port: str, path: str) -> tuple[int, str]:
    where = "127.0.0.1" if host in _ANYWHERE else host
    try:
        connection = http.client.HTTPConnection(where, int(port), timeout=_WITHIN)
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        said = answer.read(300).decode(errors="replace") if path != "/metrics" else "answers"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return 1, f"{where}:{port}{path}: {error}"
    return (0 if answer.status == 200 else 1), f"{answer.status} {said}"
