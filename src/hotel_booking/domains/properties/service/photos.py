"""Photos of a property: added, described, put in order, removed. The first is the cover.

Files come before their row and go after it: `keep` writes them, `add` makes the row in the request's
transaction, and whatever a crash or a refusal leaves without a row is swept (`properties.jobs`). Removing a
photo enqueues the removal of its files in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

import msgspec

from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import Conflict, Invalid
from hotel_booking.domains.properties.errors import NoSuchItem
from hotel_booking.domains.properties.queries import file_name
from hotel_booking.domains.properties.types import MOST_PHOTOS, MediaStore, Rendition, check_texts

MAX_ALT = 300
# An upload takes seconds; files that have no row a day later belong to none that is still running.
_SURELY_LOST = timedelta(days=1)


class TooManyPhotos(Conflict):
    """The property has as many photos as it may have. Nothing was added."""

    code = "too_many_photos"


class StoredFiles(msgspec.Struct, frozen=True):
    """The files of a photo that are in the store already."""

    file: str
    widths: tuple[int, ...]
    width: int
    height: int


async def keep(media: MediaStore, renditions: Sequence[Rendition]) -> StoredFiles:
    """Store the files under a random name. No transaction is needed, and none should be open."""
    file = uuid4().hex
    for rendition in renditions:
        await media.put(file_name(file, rendition.width), rendition.body)
    largest = renditions[-1]
    return StoredFiles(
        file, tuple(rendition.width for rendition in renditions), largest.width, largest.height
    )


async def add(
    tx: Transaction, *, property_id: int, kept: StoredFiles, alt: str, room_type: str | None, now: datetime
) -> int:
    """Make the photo, last in order; its id. Raises `TooManyPhotos`, `Invalid` naming the field."""
    await _lock(tx, property_id)
    count: int = await tx.fetchval("SELECT count(*) FROM property_photo WHERE property_id = $1", property_id)
    if count >= MOST_PHOTOS:
        raise TooManyPhotos(f"there are already {count} photos", fix="remove some first")
    photo_id: int = await tx.fetchval(
        "INSERT INTO property_photo"
        " (property_id, room_type_id, file, widths, width, height, alt, sort, created_at)"
        " SELECT $1, $2, $3, $4, $5, $6, $7, coalesce(max(sort), 0) + 1, $8"
        "   FROM property_photo WHERE property_id = $1 RETURNING id",
        property_id,
        await _room_type(tx, property_id, room_type),
        kept.file,
        list(kept.widths),
        kept.width,
        kept.height,
        _checked(alt),
        now,
    )
    return photo_id


async def describe(
    tx: Transaction, *, property_id: int, photo_id: int, alt: str, room_type: str | None
) -> None:
    """Change what is said about a photo. Raises `NoSuchItem`."""
    await _lock_photo(tx, property_id, photo_id)
    await tx.execute(
        "UPDATE property_photo SET alt = $2, room_type_id = $3 WHERE id = $1",
        photo_id,
        _checked(alt),
        await _room_type(tx, property_id, room_type),
    )


async def move(
    tx: Transaction, *, property_id: int, photo_id: int, to: Literal["up", "down", "first"]
) -> None:
    """Put a photo before the one in front of it, behind the next, or first: then it is the cover."""
    await _lock(tx, property_id)
    await _lock_photo(tx, property_id, photo_id)
    rows = await tx.fetch(
        "SELECT id FROM property_photo WHERE property_id = $1 ORDER BY sort, id FOR UPDATE", property_id
    )
    ids = [row["id"] for row in rows]
    at = ids.index(photo_id)
    there = {"up": max(at - 1, 0), "down": min(at + 1, len(ids) - 1), "first": 0}[to]
    ids.insert(there, ids.pop(at))
    await tx.execute(
        "UPDATE property_photo p SET sort = w.sort"
        "  FROM unnest($1::int[]) WITH ORDINALITY AS w(id, sort) WHERE p.id = w.id AND p.sort <> w.sort",
        ids,
    )


async def remove(tx: Transaction, *, property_id: int, photo_id: int, now: datetime) -> None:
    """Remove a photo; its files go once this is committed. Raises `NoSuchItem`."""
    await _lock_photo(tx, property_id, photo_id)
    await _delete(tx, "id = $1", photo_id, now)


async def remove_all(tx: Transaction, *, property_id: int, now: datetime) -> None:
    """Remove all photos of a property, which goes itself."""
    await _delete(tx, "property_id = $1", property_id, now)


async def sweep(db: Database, media: MediaStore, *, now: datetime) -> int:
    """Remove files that have no row and are a day old; how many."""
    names = await media.names(older_than=now - _SURELY_LOST)
    lost: list[str] = []
    for start in range(0, len(names), 1000):
        some = names[start : start + 1000]
        async with db.transaction() as tx:
            rows = await tx.fetch(
                "SELECT file FROM property_photo WHERE file = ANY ($1)", list({name[:32] for name in some})
            )
        known = {row["file"] for row in rows}
        lost += [name for name in some if name[:32] not in known or not name.endswith(".webp")]
    await media.remove(lost)
    return len(lost)


async def _lock(tx: Transaction, property_id: int) -> None:
    # Two editors' moves would otherwise give two photos one place.
    await tx.execute("SELECT FROM property WHERE id = $1 FOR NO KEY UPDATE", property_id)


async def _lock_photo(tx: Transaction, property_id: int, photo_id: int) -> None:
    row = await tx.fetchrow(
        "SELECT FROM property_photo WHERE property_id = $1 AND id = $2 FOR UPDATE", property_id, photo_id
    )
    if row is None:
        raise NoSuchItem("the property has no such photo", fix="someone may have removed it; reload the list")


async def _delete(tx: Transaction, which: str, value: Any, now: datetime) -> None:
    rows = await tx.fetch(f"DELETE FROM property_photo WHERE {which} RETURNING file, widths", value)
    names = [file_name(row["file"], width) for row in rows for width in row["widths"]]
    if names:
        await tx.execute(
            "SELECT enqueue('properties', 'properties:remove_files', $1, $2)", {"names": names}, now
        )


async def _room_type(tx: Transaction, property_id: int, code: str | None) -> int | None:
    if not code:
        return None
    found: int | None = await tx.fetchval(
        "SELECT id FROM room_type WHERE property_id = $1 AND code = $2", property_id, code
    )
    if found is None:
        raise Invalid("the property has no such room type", field="room_type")
    return found


def _checked(alt: str) -> str:
    values: dict[str, Any] = {"alt": alt}
    check_texts(values)
    alt = values["alt"]
    if not 1 <= len(alt) <= MAX_ALT:
        raise Invalid(
            f"say in 1 to {MAX_ALT} characters what the picture shows",
            field="alt",
            fix="such as: the breakfast room with its view of the harbour",
        )
    return alt
