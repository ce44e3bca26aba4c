"""PagerDuty and Slack on a port: they take what they are told, or misbehave as they are asked to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

Mood = Literal["well", "slow", "500", "429", "garbage", "endless", "closed", "refusing", "elsewhere"]


@dataclass
class Told:
    """What was sent, and how the server feels."""

    url: str = ""
    mood: Mood = "well"
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    channels: set[str] = field(default_factory=set)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """What was sent to a path."""
        return [body for asked, _, body in self.requests if asked == path]

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """As the real ones answer."""
        if path == "/v2/enqueue":
            return 202, {"status": "success", "message": "Event processed", "dedup_key": body["dedup_key"]}
        name = str(body.get("name") or body.get("channel", "")).removeprefix("#")
        if path == "/conversations.create":
            taken = name in self.channels
            self.channels.add(name)
            return 200, {"ok": False, "error": "name_taken"} if taken else {"ok": True, "channel": {}}
        if name not in self.channels:
            return 200, {"ok": False, "error": "channel_not_found"}
        return 200, {"ok": True, "ts": "1"}


@asynccontextmanager
async def telling() -> AsyncIterator[Told]:
    """A server for both."""
    told = Told()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            body = json.loads(await reader.readexactly(int(headers["content-length"])))
            path = lines[0].split()[1]
            told.requests.append((path, headers, body))
            await _answer(told, path, body, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has had enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        told.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield told


async def _answer(told: Told, path: str, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
    status, said, more = 200, b"", ""
    match told.mood:
        case "slow":
            await asyncio.sleep(60)
        case "closed":
            return
        case "500" | "429":
            status, more = int(told.mood), "Retry-After: 7\r\n"
        case "elsewhere":
            status, more = 302, "Location: http://127.0.0.1:1/\r\n"
        case "garbage":
            said = b"<html>\xff\x00"
        case "endless":
            said = b"{" + b" " * 1_000_000
        case "refusing":
            status = 400 if path == "/v2/enqueue" else 200
            said = json.dumps({"ok": False, "error": "invalid_auth", "status": "invalid event"}).encode()
        case "well":
            status, answer = told.answer(path, body)
            said = json.dumps(answer).encode()
    writer.write(
        f"HTTP/1.1 {status} X\r\nContent-Length: {len(said)}\r\n{more}Connection: close\r\n\r\n".encode()
        + said
    )
    await writer.drain()
