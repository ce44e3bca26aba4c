"""Writing rows of the catalogue: one statement each, the same way for every table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import asyncpg
import msgspec

from hotel_booking.core.code_names import called
from hotel_booking.core.db import Row, Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.properties.catalogue import CatalogueRow
from hotel_booking.domains.properties.errors import AlreadyExists, ChangedMeanwhile, InUse
from hotel_booking.domains.properties.queries import last_changed_by
from hotel_booking.domains.properties.tables import TableOf
from hotel_booking.domains.properties.types import Use

T = TypeVar("T", bound=CatalogueRow)


async def insert(
    tx: Transaction, of: TableOf[T], values: Mapping[str, Any], *, what: str, field: str = "code"
) -> T:
    """Insert a row and give it whole. Raises `AlreadyExists` where the code, slug or number, the input's
    `field`, is taken."""
    try:
        async with tx.savepoint():
            parameters = ", ".join(f"${place}" for place in range(1, len(values) + 1))
            made = await tx.fetchrow_as(
                of.kind,
                f"INSERT INTO {of.name} ({', '.join(values)}) VALUES ({parameters})"  # our own names
                f" RETURNING {of.listed}",
                *values.values(),
            )
    except asyncpg.UniqueViolationError:
        raise AlreadyExists(
            f"there is already {what}",
            field=field,
            fix=f"choose another {field}, or change the existing one",
        ) from None
    except asyncpg.CheckViolationError as error:
        raise _check_failed(error) from None
    if made is None:
        raise RuntimeError("INSERT ... RETURNING gave no row")
    return made


async def update(tx: Transaction, of: TableOf[T], row_id: int, values: Mapping[str, Any]) -> T:
    """Change a row, raise its version where the table has one, and give it whole."""
    sets = [f"{name} = ${place}" for place, name in enumerate(values, 2)]
    if sets and "version" in of.columns:
        sets.append("version = version + 1")
    statement = (
        f"UPDATE {of.name} SET {', '.join(sets)} WHERE id = $1 RETURNING {of.listed}"  # our own names
        if sets
        else f"SELECT {of.listed} FROM {of.name} WHERE id = $1"  # our own names
    )
    try:
        async with tx.savepoint():
            changed = await tx.fetchrow_as(of.kind, statement, row_id, *values.values())
    except asyncpg.CheckViolationError as error:
        raise _check_failed(error) from None
    if changed is None:
        raise RuntimeError(f"the row of {of.name} vanished")
    return changed


async def delete(tx: Transaction, of: TableOf[Any], row_id: int, *, what: str) -> None:
    """Delete a row. Raises `InUse` where another row needs it: somebody was faster than the check."""
    try:
        async with tx.savepoint():
            await tx.execute(f"DELETE FROM {of.name} WHERE id = $1", row_id)  # our own names
    except asyncpg.ForeignKeyViolationError as error:
        by = called(str(error.table_name), "object")
        raise InUse(f"{what} is still needed by a {by}", fix="deactivate it instead") from None


async def check_version(tx: Transaction, of: TableOf[Any], one: CatalogueRow, version: int | None) -> None:
    """Raise `ChangedMeanwhile`, saying by whom, unless it is as it was when its version was read (None:
    never mind)."""
    if version is not None and one.version != version:
        who = await last_changed_by(tx, _AUDITED_AS.get(of.name, of.name), one.id)
        raise ChangedMeanwhile(
            f"{who or 'someone else'} changed it in the meantime",
            fix="read it again, and repeat your change if it is still needed",
            extra={"by": who} if who else None,
        )


_AUDITED_AS = {"cancellation_policy": "policy"}


def uses(counts: Row) -> tuple[Use, ...]:
    """What counting said: columns named for the kinds of use, each with the first names in `<kind>_names`."""
    return tuple(
        # The names come as an array.
        Use(kind, counts[kind], tuple(counts.get(f"{kind}_names") or ()))  # type: ignore[arg-type]
        for kind in counts.keys()  # noqa: SIM118  # a record iterates over its values
        if not kind.endswith("_names") and counts[kind]
    )


def refuse_while_used(what: str, found: Sequence[Use], *, fix: str = "deactivate it instead") -> None:
    """Raise `InUse` saying where something is needed, unless it is needed nowhere."""
    if found:
        listing = ", ".join(f"{use.count} {_WORDS[use.kind][use.count != 1]}" for use in found)
        raise InUse(f"{what} is in use: {listing}", fix=fix, extra={"uses": msgspec.to_builtins(list(found))})


_WORDS = {
    "bookings_to_come": ("upcoming booking", "upcoming bookings"),
    "bookings_past": ("past booking", "past bookings"),
    "open_quotes": ("guest is about to book it", "guests are about to book it"),
    "room_types": ("room type", "room types"),
    "rooms": ("room", "rooms"),
    "rate_plans": ("rate plan", "rate plans"),
    "derived_plans": ("rate plan is derived from it", "rate plans are derived from it"),
    "stays": ("stay", "stays"),
    "blocks": ("time out of order", "times out of order"),
    "staff": ("member of staff has a role here", "members of staff have a role here"),
    "keys": ("API key is limited to it", "API keys are limited to it"),
}


def changed_values(changes: msgspec.Struct) -> dict[str, Any]:
    """The fields of a PATCH that were sent."""
    return {
        name: value
        for name in changes.__struct_fields__
        if (value := getattr(changes, name)) is not msgspec.UNSET
    }


def _check_failed(error: asyncpg.CheckViolationError) -> Invalid:
    return Invalid(f"the values contradict each other ({error.constraint_name})", fix="check their limits")
