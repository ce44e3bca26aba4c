"""Connections that one test of a process leaves to the next, where both have the same database: what a new
one reads of the schema before it can do its first statements costs PostgreSQL more than the statements do.

They come to it as they left the server (`asyncpg.Connection.reset`), but for what they know: statements stay
prepared, plans and functions stay compiled, as in production, where they live for hours.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary, WeakSet

import pytest

from hotel_booking.core import connections
from hotel_booking.core.connections import Connection, Hosts

_Kind: TypeAlias = tuple[asyncio.AbstractEventLoop, str]  # its loop, and what it was asked to be

_MOST = 12  # of a kind
_IDLE: dict[str, dict[_Kind, list[Connection]]] = {}  # by the database's URL
_KIND: WeakKeyDictionary[Connection, tuple[str, _Kind]] = WeakKeyDictionary()
_KNOW_TYPES: WeakSet[Connection] = WeakSet()

_connect, _with_types = Hosts.connect, connections.with_types
_end = connections._end  # noqa: SLF001  # how a pool ends one is its own business, but where tests take its place


def keep(url: str) -> None:
    """From now on connections to this database are handed on."""
    _IDLE.setdefault(url, {})


def forget(url: str) -> None:
    """End those that are idle: the database goes, or is another one's from now on."""
    for kind, idle in _IDLE.pop(url, {}).items():
        for connection in idle:
            if not kind[0].is_closed():
                connection.terminate()


def idle(url: str) -> list[int]:
    """The processes of the server that wait to be handed on."""
    found = [one for each in _IDLE.get(url, {}).values() for one in each if not one.is_closed()]
    return [connection.get_server_pid() for connection in found]


async def _connect_or_take(self: Hosts, **options: Any) -> Connection:
    url = self._urls[0]
    kind = (asyncio.get_running_loop(), repr(sorted(options.items())))
    waiting = _IDLE.get(url, {}).get(kind, [])
    while waiting:
        connection = waiting.pop()
        if not connection.is_closed():
            return connection
    connection = await _connect(self, **options)
    _KIND[connection] = (url, kind)
    return connection


async def _end_or_leave(connection: Connection) -> None:
    url, kind = _KIND.get(connection, ("", None))
    if kind is not None and kind[0] is asyncio.get_running_loop() and url in _IDLE:
        waiting = _IDLE[url].setdefault(kind, [])
        with suppress(Exception):  # one that cannot be reset is ended
            if len(waiting) < _MOST:
                await connection.reset(timeout=5)
                waiting.append(connection)
                return
    await _end(connection)


async def _with_types_once(connection: Connection) -> None:
    if connection not in _KNOW_TYPES:
        await _with_types(connection)
        _KNOW_TYPES.add(connection)


def hand_on() -> None:
    """Have `Database.open` take what is idle and leave what it is done with, as long as the process lives."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Hosts, "connect", _connect_or_take)
    patch.setattr(connections, "_end", _end_or_leave)
    patch.setattr(connections, "with_types", _with_types_once)
