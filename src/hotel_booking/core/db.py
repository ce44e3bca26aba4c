"""The database: one pool, and one `Transaction` that goes through every service.

A transaction runs SQL text with `$1` parameters on one asyncpg connection; the back office and the hot path
share services.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, TypeVar

import asyncpg
import msgspec

from hotel_booking.core import connections
from hotel_booking.core.connections import LOST, Connections, Hosts, Silent, answered, is_lost, timed
from hotel_booking.core.errors import DomainError
from hotel_booking.core.schema import NEWEST
from hotel_booking.core.shares import KIND, Kind, QueueFull, Shares

Row = asyncpg.Record
T = TypeVar("T", bound=msgspec.Struct)

_STATEMENTS_KEPT = 100  # prepared, of each connection: all that a guest's way needs


class DatabaseUnavailable(DomainError):
    """No connection could be had in time, or the server went away. Nothing changed."""

    code = "database_unavailable"
    passes = True
    retry_after = 2


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who changes something, and from where: PostgreSQL sees it as the setting `hotel.origin` (JSON), for as
    long as a transaction lasts, and the audit log's triggers store it.

    Jobs that are enqueued meanwhile go on with the trace that `traceparent` names. `kind` is staff, guest,
    key, job, command or anonymous; `name` is what a person reads.
    """

    kind: str
    id: str = ""
    name: str = ""
    address: str = ""
    request_id: str = ""
    traceparent: str = ""


class Transaction:
    """What every query and service is passed first, and never commits. It takes a connection and begins with
    its first statement: who needs none pays for none."""

    __slots__ = ("_connection", "_database", "_kind", "_wait")

    def __init__(self, database: Database, wait: float) -> None:
        self._database = database
        self._wait = wait
        self._kind = KIND.get()
        self._connection: Any = None

    async def fetch(self, statement: str, *args: Any) -> list[Row]:
        """All rows."""
        rows: list[Row] = await self._run("fetch", statement, args)
        return rows

    async def fetchrow(self, statement: str, *args: Any) -> Row | None:
        """The first row, or None."""
        row: Row | None = await self._run("fetchrow", statement, args)
        return row

    async def fetchval(self, statement: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        return await self._run("fetchval", statement, args)

    async def fetch_as(self, kind: type[T], statement: str, *args: Any) -> list[T]:
        """All rows, each as `kind`: a struct with a field for every column that is wanted of them."""
        return [as_struct(kind, row) for row in await self.fetch(statement, *args)]

    async def fetchrow_as(self, kind: type[T], statement: str, *args: Any) -> T | None:
        """The first row as `kind`, or None."""
        row = await self.fetchrow(statement, *args)
        return None if row is None else as_struct(kind, row)

    async def execute(self, statement: str, *args: Any) -> int:
        """Run a statement; the number of rows it touched (0 where that means nothing)."""
        tag: str = await self._run("execute", statement, args)
        last = tag.rpartition(" ")[2]
        return int(last) if last.isdigit() else 0

    async def copy(self, table: str, columns: Sequence[str], rows: Any) -> None:
        """Bulk load (COPY) an iterable or async iterable of tuples."""
        await self._open()
        await self._connection.copy_records_to_table(table, records=rows, columns=list(columns))

    async def copied(self, query: str) -> bytes:
        """What a query gives, as PostgreSQL's binary COPY: for many rows of numbers, which no row objects are
        made of. The query takes no parameters."""
        parts: list[bytes] = []

        async def keep(part: bytes) -> None:
            parts.append(part)

        await self._open()
        await self._connection.copy_from_query(query, output=keep, format="binary")
        return b"".join(parts)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo only what happens inside when it raises."""
        if isinstance(self, Reading):
            raise RuntimeError("statements that stand alone have no savepoint: nothing is undone")
        # The innermost of those with the same name is meant, so one name does for all.
        await self._open()
        await answered(self._connection, "execute", "SAVEPOINT here")
        try:
            yield
        except BaseException:
            await answered(self._connection, "execute", "ROLLBACK TO here; RELEASE here")
            raise
        await answered(self._connection, "execute", "RELEASE here")

    async def let_take(self, seconds: int) -> None:
        """Let each statement from here on take so long, in place of the pool's limit."""
        if isinstance(self, Reading):
            raise RuntimeError("statements that stand alone have no limit of their own")
        await self.execute(f"SET LOCAL statement_timeout = '{seconds}s'")
        connections.wait_for(self._connection, seconds)

    async def _run(self, method: str, statement: str, args: tuple[Any, ...]) -> Any:
        if self._connection is None:
            await self._open()
        return await timed(self._connection, method, statement, args)

    async def _open(self) -> None:
        """Take a connection, where it has none: the two kinds below differ in whether they begin on it."""
        raise NotImplementedError


class Work(Transaction):
    """A transaction in the hands of who opened it, and ends it."""

    __slots__ = ()

    @property
    def begun(self) -> bool:
        """Whether it holds a connection: it has begun and not ended."""
        return self._connection is not None

    async def begin(self) -> None:
        """Begin now, if it has not yet. Waits for a connection no longer than it may, and less for what can
        wait least (`core/shares.py`); raises `DatabaseUnavailable` where none comes or the server cannot be
        reached."""
        await self._open()

    async def commit(self) -> None:
        """Keep what it did; it may begin again."""
        if self._connection is not None:
            await self._end("COMMIT")

    async def undo(self, error: BaseException | None = None) -> None:
        """Undo what it did, for an error: raises `DatabaseUnavailable` in its place where that is the
        connection's loss."""
        if self._connection is not None:
            await self._end("ROLLBACK", error)

    async def _open(self) -> None:
        if self._connection is None:
            self._connection = await self._database.take(self._kind, self._wait, begin=True)

    async def _end(self, verb: str, error: BaseException | None = None) -> None:
        connection, self._connection = self._connection, None
        try:
            if error is not None and is_lost(error, connection):
                raise error
            await answered(connection, "execute", verb)
        except (*LOST, asyncpg.InterfaceError) as lost:
            if not is_lost(lost, connection):
                raise  # a mistake of ours
            # The loop may not have heard yet that it is gone: the next one must not be given it.
            connection.terminate()
            raise DatabaseUnavailable(
                "the connection to the database was lost", fix="try again soon"
            ) from lost
        except BaseException as ended:
            if not isinstance(ended, Exception):
                # Cancelled while it was ending: whether it has ended is not known, and who is given the
                # connection next must not find themselves in it.
                connection.terminate()
            raise
        finally:
            self._database.give_back(connection, self._kind)


class Reading(Work):
    """Statements that each stand alone, on one connection: for who changes nothing, or nothing that may not
    be done twice. A read-committed transaction shows each statement the latest state anyway, so its BEGIN and
    COMMIT are two round trips for nothing. Where a connection is found dead, the statement is run again on
    another."""

    __slots__ = ()

    async def _open(self) -> None:
        if self._connection is None:
            self._connection = await self._database.take(self._kind, self._wait, begin=False)

    async def _run(self, method: str, statement: str, args: tuple[Any, ...]) -> Any:
        for _ in range(self._database.size + 1):
            await self._open()
            try:
                return await timed(self._connection, method, statement, args)
            except (*LOST, asyncpg.InterfaceError) as error:
                if not is_lost(error, self._connection):
                    raise
                connection, self._connection = self._connection, None
                connection.terminate()
                self._database.give_back(connection, self._kind)
                if isinstance(error, Silent):
                    break  # no other one is answered
        raise DatabaseUnavailable("the database is not reachable", fix="try again soon")

    async def _end(self, verb: str, error: BaseException | None = None) -> None:
        del verb, error
        connection, self._connection = self._connection, None
        self._database.give_back(connection, self._kind)


class Database:
    """A pool of connections to PostgreSQL."""

    def __init__(
        self,
        connections: Connections,
        size: int,
        shares: Shares,
        *,
        pooled: Mapping[str, str] | None = None,
        origin: Origin | None = None,
    ) -> None:
        self._connections = connections
        self.size = size
        self._shares = shares
        self._pooled = pooled
        # In one message: a round trip of its own is a tenth of a transaction.
        self._begin = "; ".join(
            [
                "BEGIN",
                *(f"SET LOCAL {name} = '{value}'" for name, value in (pooled or {}).items()),
                *([] if origin is None else [f"SET LOCAL hotel.origin = {_quoted(origin)}"]),
            ]
        )

    def acting(self, origin: Origin) -> Database:
        """The same pool for somebody: what its transactions change is noted as theirs."""
        return Database(self._connections, self.size, self._shares, pooled=self._pooled, origin=origin)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        *,
        size: int = 10,
        statement_timeout_ms: int = 10_000,
        pooled: bool = False,
        at_once: bool = True,
    ) -> AsyncIterator[Database]:
        """Open a pool of at most `size` connections and close it at the end. Where the `url` names several
        hosts, each connection goes to the one that takes writes (`core/hosts.py`). With a
        `statement_timeout_ms` of 0 a transaction takes what it needs, between its statements too: a load on a
        slow machine; else a server that does not answer for some seconds more is not waited for.

        `pooled`: at the other end is a pooler that gives each transaction another session (PgBouncer's
        transaction mode). Then nothing is left to a session: settings go with each transaction, statements
        are not kept prepared, and what else would stand alone is a transaction too. Not `at_once`: the first
        connection is made when it is needed."""
        session = {
            "statement_timeout": str(statement_timeout_ms),
            "idle_in_transaction_session_timeout": "60000" if statement_timeout_ms else "0",
            "jit": "off",  # our statements are short; compiling them costs more than it saves
        }
        hosts = Hosts(url)
        # Which release is connected, for a migration that would contract under it.
        known_to_poolers = {"timezone": "UTC", "application_name": f"hotel-booking {NEWEST}"}

        async def connect() -> asyncpg.Connection[Row]:
            connection = await hosts.connect(
                server_settings=known_to_poolers if pooled else session | known_to_poolers,
                statement_cache_size=0 if pooled else _STATEMENTS_KEPT,
            )
            try:
                # One transaction, where there is a pooler: it asks for types in more than one message.
                async with connection.transaction() if pooled else nullcontext():
                    await connections.with_types(connection)
            except BaseException:
                connection.terminate()  # nobody else knows of it
                raise
            return connection

        longest = statement_timeout_ms / 1000 or None
        async with Connections.kept(connect, at_once=at_once, longest=longest) as kept:
            yield cls(kept, size, Shares(size), pooled=session if pooled else None)

    @asynccontextmanager
    async def transaction(self, *, wait: float = 15.0) -> AsyncIterator[Transaction]:
        """A read-committed transaction, committed when the block ends, undone when it raises. Begins at once:
        see `Work.begin`. Waits at most `wait` seconds for a connection."""
        work = self.work(wait=wait)
        await work.begin()
        try:
            yield work
        except BaseException as error:
            await work.undo(error)
            raise
        await work.commit()

    @asynccontextmanager
    async def reading(self, *, wait: float = 15.0) -> AsyncIterator[Transaction]:
        """Statements that each stand alone: see `Reading`."""
        reading = self.work(reads=True, wait=wait)
        try:
            yield reading
        except BaseException as error:
            await reading.undo(error)
            raise
        await reading.commit()

    def work(self, *, reads: bool = False, wait: float = 15.0) -> Work:
        """A transaction that begins with its first statement, and that the caller ends; `reads`: a
        `Reading`, but through a pooler, where a session's limits go with its transactions."""
        return Reading(self, wait) if reads and self._pooled is None else Work(self, wait)

    async def take(self, kind: Kind, wait: float, *, begin: bool) -> Any:
        """A connection for a transaction of this kind, which has begun; `give_back` must follow."""
        try:
            await self._shares.enter(kind, longest=wait)
        except QueueFull:
            raise DatabaseUnavailable(
                "the server is overloaded at the moment", fix="try again soon"
            ) from None
        try:
            return await self._acquired(wait, begin=begin)
        except BaseException:
            self._shares.leave(kind)
            raise

    def figures(self) -> tuple[int, int, int]:
        """How many connections are in use, how many are open and idle, and how many wait for one."""
        return self._connections.in_use, self._connections.idle, self._shares.waiting

    def give_back(self, connection: Any, kind: Kind) -> None:
        """End what `take` began."""
        self._connections.give_back(connection)
        self._shares.leave(kind)

    async def _acquired(self, wait: float, *, begin: bool) -> Any:
        """A connection, on which a transaction has begun where one shall. Connections that died in the pool
        (a restart, a failover) are passed over: nothing was done on them yet."""
        for _ in range(self.size + 1):
            try:
                connection = await self._connections.take(wait=wait)
            except (OSError, *LOST, asyncpg.InterfaceError):  # or lost while it was being made
                break
            if not begin:
                return connection
            try:
                await answered(connection, "execute", self._begin)
            except BaseException as error:
                connection.terminate()
                self._connections.give_back(connection)
                if isinstance(error, Silent):
                    break  # no other one is answered
                if not isinstance(error, (*LOST, asyncpg.InterfaceError)):
                    raise
            else:
                return connection
        raise DatabaseUnavailable("the database is not reachable", fix="try again soon")


def _quoted(origin: Origin) -> str:
    # A setting takes no parameters. E'' means the same however the server reads backslashes elsewhere, and
    # JSON has no NUL.
    text = msgspec.json.encode(origin).decode()
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def as_struct(kind: type[T], row: Row) -> T:
    """A row as the struct that a query hands out. Columns go to the fields of their name, arrays and JSON
    become what the fields are declared as; other columns are left. Raises `msgspec.ValidationError` where a
    column is missing or of another type: statement and struct do not fit, a mistake of ours."""
    return msgspec.convert(dict(row), kind)
