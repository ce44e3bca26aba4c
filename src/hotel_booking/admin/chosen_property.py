"""The one property that a page is about, and what it says while there is none at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties.choices import Choice, properties_within
from hotel_booking.domains.properties.errors import NoSuchProperty
from hotel_booking.http.ui.render import page


class Chosen(NamedTuple):
    """The property that is asked for, and all that somebody may choose from."""

    hotel: Choice
    known: Sequence[Choice]


async def chosen_property(
    tx: Transaction, caller: Caller, permission: Permission, slug: str
) -> Chosen | None:
    """The one of this name, or the first (those that are off sale come last); None while there is none to
    choose from. Raises `NoSuchProperty`."""
    known = await properties_within(tx, caller.properties_for(permission))
    if not known:
        return None
    hotel = next((row for row in known if row.slug == slug or not slug), None)
    if hotel is None:
        raise NoSuchProperty(f"there is no property {slug!r}")
    return Chosen(hotel, known)


def no_property_yet(request: Request[Any, Any, State], title: str) -> Response[str]:
    """The page of this title on a platform that is new: how to begin."""
    return page(request, "no_property.html", title=title)
