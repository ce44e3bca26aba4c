"""Gzip for answers that are made anew each time; what is served again and again is packed once, by zlib at
its best (`ui/assets.py`).

ISA-L's level 2: a page of 115 KB takes 0.05 ms of a core and leaves 12.8 KB; zlib's level 5 takes 0.5 ms and
leaves 11.0, brotli's level 4 0.4 ms and 10.2. All of them reach a phone in the first round trip (14 KB), so
the guest waits for the server's time and not for the size.
"""

from __future__ import annotations

from isal import isal_zlib

_LEVEL = 2
_GZIP_WINDOW = 31  # zlib's sign for the format with gzip's own header


def packed(body: bytes) -> bytes:
    """The body in gzip, the same bytes for the same body."""
    return isal_zlib.compress(body, _LEVEL, _GZIP_WINDOW)


def unpacked(body: bytes) -> bytes:
    """What `packed` gave, as it was."""
    return isal_zlib.decompress(body, _GZIP_WINDOW)
