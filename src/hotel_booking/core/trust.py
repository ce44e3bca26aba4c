"""Whose certificates we trust when we ask others over TLS."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def trusted() -> ssl.SSLContext:
    """httpx's own choice (certifi's authorities, or those that SSL_CERT_FILE names), read once a process: to
    read them takes fifty milliseconds of a core, and who makes a client for each request reads them each
    time, on the event loop."""
    import httpx  # few commands ask anybody

    return httpx.create_ssl_context()
