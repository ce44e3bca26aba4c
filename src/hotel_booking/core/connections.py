"""Connections to PostgreSQL that are kept and used again.

asyncpg's own pool guards and resets each connection that is given back, and starts a task for it: 23 µs of a
core for what takes one here, where nobody leaves session state behind and the number of those who may hold
one is kept elsewhere (`core/shares.py`).
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

import asyncpg
import msgspec

from hotel_booking.core import tracing
from hotel_booking.core.hosts import ASKED, ONE_HOST, SILENCE, each_host, target_of
from hotel_booking.core.metrics import QUERY_DURATION

_IDLE = 60.0  # seconds until one that nobody needs is closed; the last is kept
_FIRST = 60.0  # seconds that the first may take, at the start
_LOOK_EVERY = 20.0
_CLOSING = 5.0
_SPARE = 5.0  # seconds beyond the server's own limit of a statement, after which no answer is waited for
_WATCH_EVERY = 1.0
_LONGEST_TOLD = 500  # characters of a statement, in a trace

_encode_json = msgspec.json.Encoder().encode
_decode_json = msgspec.json.Decoder().decode

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

log = logging.getLogger(__name__)

# What a connection raises that is gone.
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InternalClientError,
    ConnectionError,
)
_SINCE: dict[Connection, float] = {}  # since when each waits for an answer; infinite where it was given up
_PATIENCE: dict[Connection, float] = {}  # how long the server lets the statements of some take


class Silent(ConnectionError):
    """The server is there and did not answer: what was asked of it may happen yet."""


# PostgreSQL's arrays that our statements name, with their numbers and their elements', which never change.
# asyncpg asks the server for them, on every connection, by a statement whose plan takes longer than to open
# the connection; what is not here it asks for as ever.
_ARRAYS = (
    ("_bytea", 1001, 17),
    ("_int2", 1005, 21),
    ("_int4", 1007, 23),
    ("_int8", 1016, 20),
    ("_float8", 1022, 701),
    ("_date", 1182, 1082),
    ("_timestamptz", 1185, 1184),
    ("_uuid", 2951, 2950),
    ("_jsonb", 3807, 3802),
)


class Hosts:
    """Connects to whichever of a URL's servers can be used; the one that could is asked first then."""

    def __init__(self, url: str) -> None:
        hosts = each_host(url)
        self._urls = list(hosts) if len(hosts) > 1 else [url]
        self._target: Any = target_of(url)  # libpq's word, which asyncpg's stubs want as a name of its own

    async def connect(self, **options: Any) -> Connection:
        """A connection, as `asyncpg.connect` makes it with these options. Of several servers the first that
        answers and takes writes; raises `ConnectionError` where none does."""
        if len(self._urls) == 1:
            return _watched(await asyncpg.connect(self._urls[0], **options))
        reasons: list[str] = []
        for url in list(self._urls):
            try:
                connection = await asyncpg.connect(
                    url, target_session_attrs=self._target, **{**options, "timeout": ONE_HOST}
                )
            except asyncpg.TargetServerAttributeNotMatched:
                reasons.append("a server is there, but takes no writes")
            except (
                OSError,
                asyncpg.AdminShutdownError,
                asyncpg.CannotConnectNowError,
                asyncpg.PostgresConnectionError,
                asyncpg.InternalClientError,  # what asyncpg makes of a server that dies while it answers
            ) as error:
                reasons.append(str(error) or type(error).__name__)
            else:
                self._urls.remove(url)
                self._urls.insert(0, url)
                return _watched(connection)
        raise ConnectionError("; ".join(dict.fromkeys(reasons)))


class Connections:
    """Open connections. The last one given back is taken first, so that what a quiet hour does not need is
    found idle."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], longest: float | None = None) -> None:
        self._connect = connect
        self._longest = longest
        self._idle: list[tuple[Connection, float]] = []
        self._out: set[Connection] = set()

    @classmethod
    @asynccontextmanager
    async def kept(
        cls,
        connect: Callable[[], Awaitable[Connection]],
        *,
        at_once: bool = True,
        longest: float | None = None,
    ) -> AsyncIterator[Connections]:
        """Connect once (`at_once`), so that what is wrong shows at the start; close all at the end. The
        server ends a statement after `longest` seconds (None: never); where it says nothing for some more,
        its connection is given up, and who waits for it gets `Silent`."""
        self = cls(connect, longest)
        if at_once:
            self.give_back(await self.take(wait=_FIRST))
        tasks = [asyncio.create_task(self._tend()), asyncio.create_task(self._watch())]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await self._close()

    async def take(self, *, wait: float) -> Connection:
        """An open connection, made in at most `wait` seconds where none is at hand; `give_back` must follow.
        Raises what connecting raises."""
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed():
                break
        else:
            async with asyncio.timeout(wait):
                connection = await self._connect()
        self._out.add(connection)
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep it for the next; one that was closed is forgotten."""
        self._out.discard(connection)
        _PATIENCE.pop(connection, None)
        if not connection.is_closed():
            self._idle.append((connection, asyncio.get_running_loop().time()))

    @property
    def in_use(self) -> int:
        """How many are taken."""
        return len(self._out)

    @property
    def idle(self) -> int:
        """How many are open and wait to be taken."""
        return len(self._idle)

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            until = asyncio.get_running_loop().time() - _IDLE
            while len(self._idle) > 1 and self._idle[0][1] < until:
                connection, _ = self._idle.pop(0)
                await _end(connection)

    async def _watch(self) -> None:
        """A server that is stopped, or whose disk is, answers to nothing, while its kernel goes on to answer
        for it: neither its own limits nor the network's end what waits for it."""
        late: dict[Connection, float] = {}
        while self._longest is not None:
            await asyncio.sleep(_WATCH_EVERY)
            before, late, now = late, {}, time.perf_counter()
            for connection in self._out:
                since = _SINCE.get(connection, now)
                if now - since > _PATIENCE.get(connection, self._longest) + _SPARE:
                    late[connection] = since
            # Twice in a row: what had come while this process itself stood still has been read by then.
            given_up = late.items() & before.items()
            for connection, _ in given_up:
                _SINCE[connection] = math.inf
                connection.terminate()
            if given_up:
                log.warning("the database does not answer", extra={"connections_given_up": len(given_up)})

    async def _close(self) -> None:
        # Whoever holds one still was cancelled: the database undoes what it did.
        for connection in self._out:
            connection.terminate()
        while self._idle:
            connection, _ = self._idle.pop()
            await _end(connection)


async def timed(connection: Connection, method: str, statement: str, args: tuple[Any, ...]) -> Any:
    """A statement's answer; how long it took is counted, whatever comes of it."""
    if not tracing.enabled():
        return await _timed(connection, method, statement, args)
    # Its parameters, which hold what guests typed, are no part of it.
    facts = {"db.system.name": "postgresql", "db.query.text": statement[:_LONGEST_TOLD]}
    with tracing.spanned(statement.split(maxsplit=1)[0], "client", facts=facts):
        return await _timed(connection, method, statement, args)


async def _timed(connection: Connection, method: str, statement: str, args: tuple[Any, ...]) -> Any:
    began = time.perf_counter()
    try:
        return await answered(connection, method, statement, *args)
    finally:
        QUERY_DURATION.observe(time.perf_counter() - began)


async def answered(connection: Connection, method: str, *args: Any) -> Any:
    """What a method of a connection gives; raises `Silent` where the pool gave it up meanwhile."""
    _SINCE[connection] = time.perf_counter()
    try:
        return await getattr(connection, method)(*args)
    except Exception as error:
        if _SINCE[connection] == math.inf:
            raise Silent("the database does not answer") from error
        raise
    finally:
        del _SINCE[connection]


def is_lost(error: BaseException, connection: Connection) -> bool:
    """Whether the error is the connection's end, and not a mistake of ours."""
    if isinstance(error, asyncpg.InterfaceError):
        return bool(connection.is_closed())
    return isinstance(error, LOST)


def wait_for(connection: Connection, longest: float) -> None:
    """Until it is given back the server lets its statements take `longest` seconds."""
    _PATIENCE[connection] = longest


async def with_types(connection: Connection) -> None:
    """Have it give and take JSON as Python's values, and know arrays without asking."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + _encode_json(value),
        decoder=lambda data: _decode_json(memoryview(data)[1:]),
    )
    # After JSON: an array's elements are read as what they are read as now.
    settings = connection._protocol.get_settings()  # type: ignore[attr-defined]  # noqa: SLF001  # asyncpg offers no other way
    settings.register_data_types([_as_asked(*array) for array in _ARRAYS])


def _as_asked(name: str, number: int, element: int) -> dict[str, Any]:
    """An array's type as the server would have told asyncpg."""
    nothing = dict.fromkeys(("basetype", "range_subtype", "attrtypoids", "attrnames"))
    kind = {"ns": "pg_catalog", "name": name, "kind": b"b", "elemdelim": b","}
    return {"oid": number, "elemtype": element, **kind, **nothing}


async def _end(connection: Connection) -> None:
    with suppress(Exception):  # it is gone either way
        await connection.close(timeout=_CLOSING)


def _watched(connection: Connection) -> Connection:
    """Have the kernel notice within 20 seconds that the server's machine is gone (a zone, a cable): nothing
    else would, for a quarter of an hour. A server that only takes its time is not concerned: its kernel
    answers."""
    line = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # noqa: SLF001  # asyncpg offers no other way
    if line is not None and line.family in (socket.AF_INET, socket.AF_INET6):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", SILENCE),
            ("TCP_KEEPINTVL", SILENCE),
            ("TCP_KEEPCNT", ASKED),
            ("TCP_USER_TIMEOUT", SILENCE * (ASKED + 1) * 1000),
        ):
            if (option := getattr(socket, name, None)) is not None:  # not every system has all of them
                line.setsockopt(socket.IPPROTO_TCP, option, value)
    return connection
