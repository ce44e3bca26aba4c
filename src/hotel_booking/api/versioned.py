"""What programs change in the catalogue: locked, as the sender saw it, and answered with the tag that it has
then."""

from __future__ import annotations

from typing import TypeVar

from litestar import Response

from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties.catalogue import CatalogueRow
from hotel_booking.domains.properties.queries import find_item
from hotel_booking.domains.properties.tables import TableOf
from hotel_booking.http.preconditions import IfMatch, tagged, version_tag

A = TypeVar("A")


async def claim(
    tx: Transaction, of: TableOf[CatalogueRow], property_id: int, code: str, if_match: IfMatch
) -> None:
    """Lock what shall change. Raises `NoSuchItem`, and `PreconditionFailed` unless it is as the sender of
    `if_match` saw it."""
    if_match.check(version_tag((await find_item(tx, of, property_id, code, lock=True)).version))


def versioned(answer: A, kept: CatalogueRow) -> Response[A]:
    """The answer about something of the catalogue, with its tag."""
    return tagged(answer, version_tag(kept.version))
