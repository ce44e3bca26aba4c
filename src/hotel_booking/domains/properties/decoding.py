"""Photos are decoded in a process of their own, with so much memory and time and no more: whatever a file
that was made to do harm does, the process that serves guests does not grow by it. One at a time: the largest
takes seconds and up to 400 MB.

Run as a module it is that process: the file comes in by standard input, and goes out as msgpack.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from contextlib import suppress

import msgspec

from hotel_booking.domains.properties.errors import NotAPhoto
from hotel_booking.domains.properties.types import Rendition

MEMORY = 900_000_000  # bytes of address space, of which the interpreter and Pillow take 150 MB
_CPU_SECONDS = 20
_PATIENCE = 60.0
_one_at_a_time = asyncio.Semaphore(1)
_CALL = (sys.executable, "-P", "-m", "hotel_booking.domains.properties.decoding")


class _Developed(msgspec.Struct):
    """What comes out: renditions, or why there are none."""

    renditions: tuple[Rendition, ...] = ()
    detail: str = ""
    fix: str | None = None


async def render(data: bytes) -> tuple[Rendition, ...]:
    """As `images.render`, elsewhere. Raises `NotAPhoto`, for what takes too much memory or time too."""
    from hotel_booking.domains.properties import images  # with Pillow, which few processes need

    images.check_size(data)
    async with _one_at_a_time:
        out = await _run(data)
    try:
        developed = msgspec.msgpack.decode(out, type=_Developed)
    except msgspec.DecodeError:
        # Ended by its limits, or by a crash in a decoder: this file will do the same again.
        raise NotAPhoto(
            "the picture takes more memory or time than a photo does",
            field="file",
            fix="save it as a JPEG, 1600 to 4000 pixels wide",
        ) from None
    if not developed.renditions:
        raise NotAPhoto(developed.detail, field="file", fix=developed.fix)
    return developed.renditions


async def _run(data: bytes) -> bytes:
    """What the process says of the file; nothing, or a part, where its limits ended it."""
    process = await asyncio.create_subprocess_exec(
        *_CALL,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            out, _ = await process.communicate(data)
    except TimeoutError:
        out = b""
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return out


def main() -> None:
    """The process: nothing but to read, decode and write."""
    from hotel_booking.domains.properties import images

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        developed = _Developed(images.render(sys.stdin.buffer.read()))
    except NotAPhoto as error:
        developed = _Developed(detail=error.detail, fix=error.fix)
    except MemoryError:
        return
    sys.stdout.buffer.write(msgspec.msgpack.encode(developed))


if __name__ == "__main__":
    main()
