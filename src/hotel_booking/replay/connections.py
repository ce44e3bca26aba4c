"""HTTP/1.1 to one server over connections that are kept: what a replay needs of it and no more.

A replay is some hundred thousand small requests, and with a client for everything it spends more of a core on
sending them than the server on many of the answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

import msgspec

_PATIENCE = 60.0  # seconds for one answer
_NO_CONTENT = frozenset({204, 304})


class BadAddress(ValueError):
    """Not the address of an HTTP server."""


class NoAnswer(Exception):
    """The server cannot be reached, closed the connection or does not speak HTTP/1.1; says which."""


class Answer(msgspec.Struct, frozen=True):
    """A whole answer; the names of its headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    content: bytes


_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Connections:
    """Connections to the server at `url`, as many as there are requests at once; all send `headers`."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        """Raises `BadAddress`."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise BadAddress(str(error)) from None
        if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii():
            raise BadAddress("neither http:// nor https://")
        self.url = url
        self._tls = parts.scheme == "https"
        self._host = parts.hostname
        self._port = port or (443 if self._tls else 80)
        self._base = parts.path.rstrip("/")
        self._headers = {"Host": parts.netloc.rpartition("@")[2], **headers}
        self._idle: list[_Connection] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._idle:
            self._idle.pop()[1].close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, `body` is JSON. Raises `NoAnswer`; nothing is sent a second time."""
        target = f"{self._base}{path}" + (f"?{urlencode(params)}" if params else "")
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in (self._headers | dict(headers)).items()]
        if body is not None:
            lines.append("Content-Type: application/json")
        if body is not None or method != "GET":
            lines.append(f"Content-Length: {len(body or b'')}")
        sent = "\r\n".join([*lines, "\r\n"]).encode() + (body or b"")
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._exchange(sent)
        except TimeoutError:
            raise NoAnswer(f"none in {_PATIENCE:.0f} seconds") from None
        except asyncio.IncompleteReadError:
            raise NoAnswer("the connection was closed") from None
        except OSError as error:
            raise NoAnswer(str(error) or type(error).__name__) from None
        except (ValueError, asyncio.LimitOverrunError):
            raise NoAnswer("what came is not HTTP/1.1") from None

    async def _exchange(self, sent: bytes) -> Answer:
        reader, writer = await self._connection()
        kept = False
        try:
            writer.write(sent)
            await writer.drain()
            answer = await _answer(reader)
            kept = answer.headers.get("connection", "").lower() != "close"
        finally:
            if not kept:
                writer.close()
        self._idle.append((reader, writer))
        return answer

    async def _connection(self) -> _Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port, ssl=self._tls or None)


async def _answer(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    version, status, *_ = first.split(" ", 2)
    if version != "HTTP/1.1":
        raise ValueError(version)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Answer(int(status), headers, await _content(reader, int(status), headers))


async def _content(reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> bytes:
    if status in _NO_CONTENT:
        return b""
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers["content-length"]) if "content-length" in headers else 0)
    content = b""
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        content += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return content
