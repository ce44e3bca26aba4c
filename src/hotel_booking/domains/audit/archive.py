"""The oldest part of the audit log goes to files: link by link as it is exported, and followed once more
before. The database lets an entry go only once the file is named that has it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.audit import chain


class BrokenChain(Exception):
    """A link is not what it was: nothing is moved that somebody has to look into."""


class Part(msgspec.Struct, frozen=True):
    """What may go: links up to `position` and its hash (`last`); `lines` are JSON, of which the first says
    what is before them, as `audit-log export` does."""

    position: int
    last: bytes
    lines: list[bytes]


async def oldest(tx: Transaction, *, before: datetime, most: int) -> Part | None:
    """The oldest links, `most` at most, whose entries are all from before that moment; None where there are
    none. The newest link of all stays: the chain goes on from it. Raises `BrokenChain`."""
    position, previous = await chain.begin(tx)
    first = {"after": position, "hash": previous.hex()}
    newest = await chain.length(tx)
    lines = [msgspec.json.encode(first)]
    for row in await chain.links(tx, position, most):
        if row.position >= newest or (row.at is not None and row.at >= before):
            break
        if problem := await chain.problem_of(tx, row, position, previous):
            raise BrokenChain(problem)
        position, previous = row.position, row.hash
        lines.append(msgspec.json.encode(chain.link_of(row)))
    return Part(position, previous, lines) if len(lines) > 1 else None


async def let_go(tx: Transaction, part: Part, *, file: str, sha256: bytes, now: datetime) -> None:
    """They are in the file, whose lines have this SHA-256, and not here any more."""
    await tx.execute(
        "INSERT INTO audit_archive (position, hash, file, sha256, made_at) VALUES ($1, $2, $3, $4, $5)",
        part.position,
        part.last,
        file,
        sha256,
        now,
    )
    await tx.execute(
        "DELETE FROM audit_entry WHERE id IN (SELECT entry_id FROM audit_link WHERE position <= $1)",
        part.position,
    )
    await tx.execute("DELETE FROM audit_link WHERE position <= $1", part.position)


def follow(content: bytes, at: chain.ChainCheck) -> Iterator[chain.ChainCheck]:
    """Follow the lines of a file from where the one before it ended, link by link; the last has a problem, or
    none is left."""
    first, *lines = content.splitlines()
    if msgspec.json.decode(first) != {"after": at.position, "hash": at.hash}:
        yield msgspec.structs.replace(at, problem=f"the file does not go on from link {at.position}")
        return
    for line in lines:
        link = msgspec.json.decode(line, type=chain.Link)
        if (
            link.position != at.position + 1
            or link.text is None
            or chain.hash_of(at.hash, link.text) != link.hash
        ):
            yield msgspec.structs.replace(at, problem=f"link {at.position + 1} was changed in its file")
            return
        at = chain.ChainCheck(link.position, link.hash)
        yield at


async def archived(tx: Transaction) -> list[tuple[str, bytes]]:
    """The files, oldest first, and the SHA-256 of their lines."""
    rows = await tx.fetch("SELECT file, sha256 FROM audit_archive ORDER BY position")
    return [(row["file"], row["sha256"]) for row in rows]
