"""One request, one transaction, committed before the first byte of the answer leaves.

`tx: Transaction` in a handler's arguments is the request's transaction, which takes a connection and begins
with its first statement: a handler that happens to need none costs the database nothing. A GET changes
nothing, so each of its statements stands alone (`core.db.Reading`). The middleware keeps the answer of any
other back until the transaction is committed: an answer below 400 commits, any other undoes. Litestar's own
generator dependencies would commit early enough too (it leaves their stack before it sends), but they
cannot see the answer, which has to be stored in the same transaction under an Idempotency-Key, and they
wrap errors at commit in exception groups.

A handler that talks to a third party cannot keep a transaction open meanwhile. It takes `database:
Database` for its first steps and `unit: Unit` for the last: `tx = await unit.begin()` opens the
transaction that the answer is committed with. Where the answer is an error and what that transaction
did shall stay (a declined payment is a fact), it says `unit.keep()` before raising.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.types import ASGIApp, HTTPResponseStartEvent, HTTPScope, Message, Receive, Send
from litestar.types import Scope as AsgiScope

from hotel_booking.core import tracing
from hotel_booking.core.db import Database, DatabaseUnavailable, Origin, Transaction
from hotel_booking.http import idempotency
from hotel_booking.http.access import caller_of
from hotel_booking.http.costs import SAFE
from hotel_booking.http.errors import answer_error, problem_messages
from hotel_booking.http.idempotency import Claim
from hotel_booking.http.json_request import JsonRequest
from hotel_booking.http.problems import IdempotencyInProgress, StoredAnswer


class Unit:
    """A request's unit of work: one transaction at a time, which begins when it is first used. A request that
    may change nothing has statements that each stand alone."""

    def __init__(self, database: Database, *, reads: bool = False) -> None:
        self.tx = database.work(reads=reads)
        self._kept = False

    @property
    def kept(self) -> bool:
        """Whether the transaction shall be committed although the answer is an error."""
        return self._kept

    def keep(self) -> None:
        """Commit what the transaction did even if the answer is an error."""
        self._kept = True

    async def begin(self) -> Transaction:
        """The transaction that the answer is committed with, begun."""
        await self.tx.begin()
        return self.tx

    async def undo(self) -> None:
        """End the transaction and undo what it did; with its connection lost, the database has done so."""
        with suppress(DatabaseUnavailable):
            await self.tx.undo()


def acting(scope: AsgiScope) -> Database:
    """The database, as the request's sender; reads note nothing and spare themselves the round trip."""
    database: Database = scope["litestar_app"].state.database
    if scope.get("method") in SAFE:
        return database
    return database.acting(origin(scope))


def origin(scope: AsgiScope) -> Origin:
    """Who sends the request, for the audit log."""
    caller = caller_of(scope)
    state = scope["state"]
    return Origin(
        caller.kind,
        id=caller.id,
        name=caller.name,
        address=state.get("address", ""),
        request_id=state.get("request_id", ""),
        traceparent=tracing.traceparent(),
    )


def provide_unit(request: Request[Any, Any, State]) -> Unit:
    """Litestar dependency `unit`."""
    unit: Unit = request.scope["state"]["unit"]
    return unit


def provide_database(request: Request[Any, Any, State]) -> Database:
    """Litestar dependency `database`, for handlers of more than one transaction."""
    return acting(request.scope)


def provide_tx(request: Request[Any, Any, State]) -> Transaction:
    """Litestar dependency `tx`: it begins with its first statement."""
    return provide_unit(request).tx


async def answer_read(app: ASGIApp, scope: HTTPScope, receive: Receive, send: Send) -> None:
    """Have a request answered that changes nothing: there is nothing to commit, and the answer leaves as it
    comes, once the connection is given back."""
    unit = scope["state"]["unit"] = Unit(scope["litestar_app"].state.database, reads=True)
    work = unit.tx
    begun = False

    async def leaving(message: Message) -> None:
        nonlocal begun
        begun = True
        if work.begun:
            await work.undo()
        await send(message)

    try:
        await app(scope, receive, leaving)
    except Exception as error:  # every error has an answer
        if begun:
            raise
        await answer_error(scope, receive, leaving, error)
    finally:
        if work.begun:
            await work.undo()


async def answer_change(app: ASGIApp, scope: HTTPScope, receive: Receive, send: Send) -> None:
    """Have a request answered that may change something: commit or undo, and store the answer under an
    Idempotency-Key, before the answer leaves."""
    database = acting(scope)
    unit = scope["state"]["unit"] = Unit(database)
    try:
        claim = await _claim(scope, receive, database)
    except StoredAnswer as told:  # it leaves as the first one did: where it is read, and packed
        for message in problem_messages(scope, told):
            await send(message)
        return
    kept: list[Message] = []
    begun = False

    async def keep_back(message: Message) -> None:
        nonlocal begun
        begun = True
        if kept or claim is not None or unit.tx.begun:
            kept.append(message)
        else:
            await send(message)

    try:
        try:
            await app(scope, receive, keep_back)
        except Exception as error:  # every error has an answer
            if begun:
                raise
            await answer_error(scope, receive, keep_back, error)
        if kept:
            kept = await _finish(scope, unit, claim, database, kept)
    except BaseException:
        # Cancelled, or broken beyond the error handlers: nothing may stay half done.
        with suppress(DatabaseUnavailable):
            await unit.undo()
            if claim is not None:
                await idempotency.release(database, claim)
        raise
    for message in kept:
        await send(message)


async def _claim(scope: AsgiScope, receive: Receive, database: Database) -> Claim | None:
    key = idempotency.key_of(scope)
    if key is None:
        return None
    # The body is read here once; Litestar keeps it in the scope for the handler.
    request_hash = await idempotency.fingerprint(JsonRequest(scope, receive))
    return await idempotency.claim(
        database,
        caller=idempotency.caller_name(scope),
        key=key,
        request_hash=request_hash,
        secret_key=scope["litestar_app"].state.sealing_key,
    )


async def _finish(
    scope: AsgiScope, unit: Unit, claim: Claim | None, database: Database, kept: list[Message]
) -> list[Message]:
    """Commit or undo; the messages to send, which are an error's where the commit failed."""
    status = _start(kept)["status"]
    try:
        if status < 400 or unit.kept:
            final = status < 400 or idempotency.is_final(scope["state"].get("error"))
            if claim is not None and final:
                if unit.tx.begun:
                    stored = await _store(scope, unit.tx, claim, kept)
                else:  # the handler's own transactions have ended: the answer is one statement
                    async with database.reading() as tx:
                        stored = await _store(scope, tx, claim, kept)
                if not stored:
                    raise IdempotencyInProgress(
                        "this request was sent again in the meantime; the second one is answered"
                    )
            await unit.tx.commit()
            if claim is not None and not final:
                await idempotency.release(database, claim)
            return kept
        await unit.undo()
        if claim is not None:
            await _store_refusal(scope, claim, database, kept)
        return kept
    except Exception as error:  # whatever stopped the commit is the answer now
        await unit.undo()
        if claim is not None:
            await idempotency.release(database, claim)
        return problem_messages(scope, error)


async def _store_refusal(scope: AsgiScope, claim: Claim, database: Database, kept: list[Message]) -> None:
    if idempotency.is_final(scope["state"].get("error")):
        async with database.reading() as tx:
            await _store(scope, tx, claim, kept)
    else:
        await idempotency.release(database, claim)


async def _store(scope: AsgiScope, tx: Transaction, claim: Claim, kept: list[Message]) -> bool:
    start = _start(kept)
    etag = next((value.decode("latin-1") for name, value in start["headers"] if name == b"etag"), None)
    return await idempotency.complete(
        tx,
        claim,
        status=start["status"],
        body=_body(kept),
        etag=etag,
        secret_key=scope["litestar_app"].state.sealing_key,
    )


def _start(kept: list[Message]) -> HTTPResponseStartEvent:
    first = kept[0]
    if first["type"] != "http.response.start":
        raise RuntimeError("an answer must begin with its start")
    return first


def _body(kept: list[Message]) -> bytes:
    return b"".join(message["body"] for message in kept if message["type"] == "http.response.body")
