"""The replay's own HTTP connections: kept, renewed where the server closed one, and never a request twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from hotel_booking.replay.connections import BadAddress, Connections, NoAnswer

_PLAIN = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nRetry-After: 3\r\n\r\n{}"


@asynccontextmanager
async def answering(answers: Sequence[bytes]) -> AsyncIterator[tuple[str, list[list[bytes]]]]:
    """A server that gives these answers in turn; what each of its connections was asked."""
    asked: list[list[bytes]] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(mine := [])
        try:
            while left:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]
                mine.append(head + await reader.readexactly(int(length or 0)))
                answer = left.pop(0)
                writer.write(answer)
                if b"Connection: close" in answer or not answer:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/base/", asked


async def test_requests_that_follow_each_other_share_a_connection() -> None:
    async with (
        answering([_PLAIN, _PLAIN, _PLAIN]) as (url, asked),
        Connections(url, {"Authorization": "Bearer x"}) as connections,
    ):
        first = await connections.request("POST", "/quotes", headers={"At": "now"}, body=b"{}")
        await connections.request("GET", "/ari", headers={}, params={"from": "a b"})
        assert (first.status, first.content, first.headers["retry-after"]) == (201, b"{}", "3")
        [[posted, looked]] = asked
    assert posted.startswith(b"POST /base/quotes HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nAuthorization: Bearer x\r\nAt: now\r\n" in posted
    assert posted.endswith(b"Content-Length: 2\r\n\r\n{}")
    assert looked.startswith(b"GET /base/ari?from=a+b HTTP/1.1\r\n")


async def test_an_answer_in_chunks_is_whole_and_one_without_content_is_empty() -> None:
    chunks = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n[1,\r\n2\r\n2]\r\n0\r\nEnd: 1\r\n\r\n"
    )
    async with (
        answering([chunks, b"HTTP/1.1 204 No Content\r\n\r\n", _PLAIN]) as (url, asked),
        Connections(url, {}) as connections,
    ):
        assert (await connections.request("GET", "/", headers={})).content == b"[1,2]"
        assert (await connections.request("POST", "/", headers={})).content == b""
        assert (await connections.request("GET", "/", headers={})).content == b"{}"
        assert len(asked) == 1


async def test_a_connection_that_the_server_closes_is_renewed() -> None:
    last = _PLAIN.replace(b"Retry-After: 3", b"Connection: close")
    async with answering([last, _PLAIN]) as (url, asked), Connections(url, {}) as connections:
        for _ in range(2):
            assert (await connections.request("GET", "/", headers={})).status == 201
        assert [len(requests) for requests in asked] == [1, 1]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{}", "closed"),
        (b"SSH-2.0-x\r\nConnection: close\r\n\r\n", "not HTTP"),
    ],
)
async def test_what_is_no_answer_is_told_and_not_asked_again(answer: bytes, message: str) -> None:
    async with answering([answer, _PLAIN]) as (url, asked), Connections(url, {}) as connections:
        with pytest.raises(NoAnswer, match=message):
            await connections.request("POST", "/bookings", headers={}, body=b"{}")
        assert [len(requests) for requests in asked] == [1]


@pytest.mark.parametrize("url", ["ftp//nowhere", "ftp://host", "http://", "http://host:port", "http://hôtel"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadAddress):
        Connections(url, {})
