"""The chain over the audit log: each link's hash covers the hash before and one entry, so that nobody can
change, remove or slip in an entry unseen. Its oldest links may be in files (`audit.archive`): what is here
goes on from the hash that the last of them left.

Entries are chained after the fact, by one job at a time: whoever writes one waits for nobody. Until then (a
minute) an entry is protected by being append-only alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

import msgspec

from hotel_booking.core.db import Database, Row, Transaction

START = bytes(32)
_CHANGED = "changed"
# Every column, in an order of its own: a column that a later release adds changes no hash.
_CANONICAL = (
    "jsonb_build_array(e.id, extract(epoch FROM e.at)::text, e.actor_kind, e.actor_id, e.actor_name,"
    " e.address, e.request_id, e.action, e.object_kind, e.object_id, e.property_id, e.booking_id, e.before,"
    " e.after)::text"
)

# The next entries above one; those that are chained have no text. Each link is looked for by its number:
# no plan reads all of them for that.
_NEXT = (
    "SELECT e.id, CASE WHEN (SELECT true FROM audit_link l WHERE l.entry_id = e.id) THEN NULL"
    f"                 ELSE {_CANONICAL} END AS text"
    "  FROM (SELECT * FROM audit_entry WHERE id > $1 ORDER BY id LIMIT $2) AS e ORDER BY e.id"
)


class ChainCheck(msgspec.Struct, frozen=True):
    """How far the chain was followed: the last good link, its hash, and what is wrong with the next (None:
    nothing)."""

    position: int
    hash: str
    problem: str | None = None


async def seal(db: Database, *, batch: int = 500, pause: Callable[[], Awaitable[None]] | None = None) -> int:
    """Chain the entries that are not chained yet; how many. In batches of a transaction each, with a `pause`
    after each. Does nothing where somebody else is at it.

    Ids become visible out of order, so the newest chained id says nothing about older ones. Everything
    visible above a floor is looked at; the floor rises to what was the highest id once every transaction
    that was under way then has ended. A batch goes on where the one before ended, and looks at so many
    entries and no more, whatever stands still above the floor.
    """
    chained, seen = 0, None
    after, more = 0, True
    while more:
        async with db.transaction() as tx:
            if not await tx.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('hotel: audit chain'))"):
                return chained
            if seen is None:
                # Looked at before the entries are: whatever had ended by then is visible below.
                seen = await tx.fetchrow(
                    "SELECT pg_snapshot_xmin(s)::text AS xmin, pg_snapshot_xmax(s)::text AS xmax,"
                    "       (SELECT coalesce(max(id), 0) FROM audit_entry) AS highest,"
                    "       (SELECT floor FROM audit_horizon) AS floor FROM pg_current_snapshot() AS s"
                )
                assert seen is not None  # noqa: S101  # one row
                after = seen["floor"]
            entries = await tx.fetch(_NEXT, after, batch)
            chained += await _chain(tx, [entry for entry in entries if entry["text"] is not None])
            more = len(entries) == batch
            if more:
                after = entries[-1]["id"]
            else:
                await _raise_floor(tx, seen)
        if pause is not None:
            await pause()
    return chained


async def _chain(tx: Transaction, rows: list[Row]) -> int:
    if not rows:
        return 0
    last = await tx.fetchrow("SELECT position, hash FROM audit_link ORDER BY position DESC LIMIT 1")
    position, previous = (last["position"], last["hash"]) if last is not None else (0, START)
    hashes = []
    for row in rows:
        previous = _hash(previous, row["text"])
        hashes.append(previous)
    await tx.execute(
        "INSERT INTO audit_link (position, entry_id, hash)"
        " SELECT $1 + t.number, t.entry_id, t.hash"
        "   FROM unnest($2::bigint[], $3::bytea[]) WITH ORDINALITY AS t(entry_id, hash, number)",
        position,
        [row["id"] for row in rows],
        hashes,
    )
    return len(rows)


async def _raise_floor(tx: Transaction, seen: Row) -> None:
    # Everything visible is being chained. Where all that was under way at the last mark has ended since,
    # nothing will appear below that mark any more; then the next mark is set. A mark of the future is another
    # cluster's: this database was restored from a dump.
    await tx.execute(
        "UPDATE audit_horizon SET"
        "       floor = CASE WHEN next_xid <= $1::text::xid8 THEN next_floor ELSE floor END,"
        "       next_floor = $3, next_xid = $2::text::xid8"
        " WHERE next_xid IS NULL OR next_xid <= $1::text::xid8 OR next_xid > $2::text::xid8",
        seen["xmin"],
        seen["xmax"],
        seen["highest"],
    )


async def begin(tx: Transaction) -> tuple[int, bytes]:
    """The last link that is in files and not here any more, and its hash; 0 and zeros where all are here."""
    row = await tx.fetchrow("SELECT position, hash FROM audit_archive ORDER BY position DESC LIMIT 1")
    return (row["position"], row["hash"]) if row is not None else (0, START)


async def follow(tx: Transaction, *, batch: int = 5_000) -> AsyncIterator[ChainCheck]:
    """Follow the chain from its beginning here, yielding after each batch; the last has a problem, or none is
    left. Memory does not grow with the log."""
    position, previous = await begin(tx)
    while True:
        rows = await links(tx, position, batch)
        for row in rows:
            problem = await problem_of(tx, row, position, previous)
            if problem is not None:
                yield ChainCheck(position, previous.hex(), problem)
                return
            position, previous = row.position, row.hash
        yield ChainCheck(position, previous.hex())
        if len(rows) < batch:
            return


class StoredLink(msgspec.Struct, frozen=True):
    """A link as it is here, with its entry: when that was (None where it is gone), and its text."""

    position: int
    entry_id: int
    hash: bytes
    at: datetime | None
    text: str
    gone: bool


class Link(msgspec.Struct, frozen=True):
    """A link as it is exported. Its `hash` is SHA-256 of the hash before (as bytes, zeros before the first)
    and of `text`, which is the entry as it was; None where the entry is gone."""

    position: int
    hash: str
    text: str | None


async def export(tx: Transaction, *, after: int, batch: int = 1_000) -> AsyncIterator[Link]:
    """The links above a position, in their order. Memory does not grow with their number."""
    while True:
        rows = await links(tx, after, batch)
        for row in rows:
            after = row.position
            yield link_of(row)
        if len(rows) < batch:
            return


async def length(tx: Transaction) -> int:
    """How many links there are."""
    return int(await tx.fetchval("SELECT coalesce(max(position), 0) FROM audit_link"))


class UnsealedEntries(msgspec.Struct, frozen=True):
    """How many entries have no link yet (`number`), how many of them should have had one for ten minutes
    (`late`), and the lowest id of the late ones."""

    number: int
    late: int
    oldest: int | None


async def unsealed(tx: Transaction) -> UnsealedEntries:
    """The entries that the chain does not hold yet."""
    found = await tx.fetchrow_as(
        UnsealedEntries,
        "SELECT count(*) AS number, count(*) FILTER (WHERE e.at < now() - interval '10 minutes') AS late,"
        "       min(e.id) FILTER (WHERE e.at < now() - interval '10 minutes') AS oldest"
        "  FROM audit_entry e WHERE NOT EXISTS (SELECT FROM audit_link l WHERE l.entry_id = e.id)",
    )
    assert found is not None  # noqa: S101  # an aggregate has a row
    return found


async def hash_at(tx: Transaction, position: int) -> str | None:
    """The hash of a link; None where there is no such link here, nor the last one of a file."""
    found: bytes | None = await tx.fetchval(
        "SELECT hash FROM audit_link WHERE position = $1"
        " UNION ALL SELECT hash FROM audit_archive WHERE position = $1 LIMIT 1",
        position,
    )
    return found.hex() if found is not None else None


async def problem_of(tx: Transaction, row: StoredLink, position: int, previous: bytes) -> str | None:
    """What is wrong with the link that follows the one at `position` (`row`, as `links` gives it); None:
    nothing."""
    problem = _problem(row, position, previous)
    return await _what_changed(tx, row, previous) if problem is _CHANGED else problem


def link_of(row: StoredLink) -> Link:
    """As it is exported."""
    return Link(row.position, row.hash.hex(), None if row.gone else row.text)


def hash_of(previous: str, text: str) -> str:
    """Of a link, by the hash before it; both hexadecimal, as they are exported."""
    return _hash(bytes.fromhex(previous), text).hex()


def _problem(row: StoredLink, position: int, previous: bytes) -> str | None:
    if row.position != position + 1:
        return f"link {position + 1} is missing (the next one is {row.position})"
    if row.gone:
        return f"link {row.position}: its entry {row.entry_id} is missing"
    if _hash(previous, row.text) != row.hash:
        return _CHANGED
    return None


async def links(tx: Transaction, after: int, limit: int) -> list[StoredLink]:
    """Links above a position in their order."""
    return await tx.fetch_as(
        StoredLink,
        f"SELECT l.position, l.entry_id, l.hash, e.at, {_CANONICAL} AS text, e.id IS NULL AS gone"
        "  FROM audit_link l LEFT JOIN audit_entry e ON e.id = l.entry_id"
        " WHERE l.position > $1 ORDER BY l.position LIMIT $2",
        after,
        limit,
    )


async def _what_changed(tx: Transaction, row: StoredLink, previous: bytes) -> str:
    # The next link was made over this one as it was: it tells which of the two is not what it was.
    place, entry = f"link {row.position}", f"its entry {row.entry_id}"
    for following in await links(tx, row.position, 1):
        if following.position == row.position + 1 and not following.gone:
            if _hash(row.hash, following.text) == following.hash:
                return f"{place}: {entry} was changed, or another put in its place"
            if _hash(_hash(previous, row.text), following.text) == following.hash:
                return f"{place} was changed; {entry} is as it was"
    return f"{place}: {entry}, or the link itself, was changed"


def _hash(previous: bytes, text: str) -> bytes:
    return hashlib.sha256(previous + text.encode()).digest()
