"""How the web server listens and speaks, whatever starts its workers."""

from __future__ import annotations

from typing import Any

from hotel_booking.core.config import Settings

# What the server itself takes before it answers 431; the edge refuses less, with an answer that says why.
_MOST_HEADER_BYTES = 65_536
# That each process has open at once, idle ones too. Granian's own default divides as many by the processes:
# eight of them would have 128 each, which twenty browsers keep open.
_MOST_CONNECTIONS = 1_024


def granian_options(settings: Settings) -> dict[str, Any]:
    """Granian's options besides what it serves and by how many workers."""
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    return {
        "address": settings.host,
        "port": settings.port,
        "interface": Interfaces.ASGI,
        "backpressure": _MOST_CONNECTIONS,
        # A proxy in front speaks HTTP/2 with browsers and HTTP/1.1 with us. One protocol less is one way less
        # to keep a connection busy, and only so does the time for headers begin with the connection.
        "http": HTTPModes.http1,
        "http1_settings": HTTP1Settings(
            header_read_timeout=1000 * settings.header_seconds, max_buffer_size=_MOST_HEADER_BYTES
        ),
        "websockets": False,
        "log_level": LogLevels.warning,
        # Its lines are ours too: an error's text may quote what a guest typed.
        "log_dictconfig": {"handlers": {}, "loggers": {"_granian": {"handlers": [], "propagate": True}}},
    }
