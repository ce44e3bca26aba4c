"""What results say of a property, apart from its whole catalogue: in a large catalogue most hotels of a page
are read anew, and a whole catalogue takes twenty times as long to read.

It stands twice: as a brief, which is written without the fields' names and whose parts that are the same in
many hotels (room types, plans) stay as they are written until somebody needs one that was not read before;
and as pieces of the JSON that the API answers, which `written.c` puts together without reading them.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from struct import pack
from typing import NamedTuple

import msgspec
from msgspec.structs import astuple

from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.rates.pricing import adjustment_label
from hotel_booking.domains.rates.queries import Catalogue
from hotel_booking.domains.search.types import FoundProperty


class Told(FoundProperty, frozen=True, array_like=True):
    """A hotel, as it is written."""

    @property
    def found(self) -> FoundProperty:
        """As results tell of it."""
        return FoundProperty(*astuple(self))


class Named(msgspec.Struct, frozen=True, array_like=True):
    """A room type, as results name it."""

    code: str
    name: str


class Brief(msgspec.Struct, frozen=True, array_like=True):
    """A property as results tell of it, and as they are written its room types and its plans: equal ones are
    the same bytes."""

    property: Told
    room_types: msgspec.Raw
    plans: msgspec.Raw


class _Coded(msgspec.Struct):
    code: str
    name: str


class _Content(msgspec.Struct):
    property: FoundProperty
    room_types: tuple[_Coded, ...]
    plans: tuple[_Coded, ...]


class _Shown(msgspec.Struct, omit_defaults=True):
    """A hotel as the API's results tell of it, but for its distance."""

    slug: str
    name: str
    stars: int
    city: str
    country: str
    lat: float
    lon: float
    amenities: tuple[int, ...] = ()


_read_content = msgspec.json.Decoder(_Content).decode
_write = msgspec.msgpack.Encoder().encode
_write_json = msgspec.json.Encoder().encode
read_brief = msgspec.msgpack.Decoder(Brief).decode
"""What `brief_of` wrote."""
read_named = msgspec.msgpack.Decoder(tuple[Named, ...]).decode
"""Room types or plans of a brief."""


def brief_of(content: bytes) -> bytes:
    """The brief of a property's content (JSON as `rates.queries.catalogue_texts` gives it)."""
    found = _read_content(content)
    return _write(
        Brief(
            msgspec.convert(found.property, Told, from_attributes=True),
            msgspec.Raw(_write([Named(kind.code, kind.name) for kind in found.room_types])),
            msgspec.Raw(_write([Named(plan.code, plan.name) for plan in found.plans])),
        )
    )


class PlanWords(NamedTuple):
    """What is said of a plan. `label` is that of what a derived one adds or takes off."""

    code: str
    name: str
    label: str
    policy_code: str
    policy_name: str


def catalogue_pieces(catalogue: Catalogue) -> bytes:
    """The pieces of a property: see `pieces_of`."""
    currency = catalogue.property.currency
    return pieces_of(
        catalogue.property,
        [(kind.code, kind.name) for kind in catalogue.room_types.values()],
        [
            PlanWords(
                plan.code,
                plan.name,
                adjustment_label(plan.name, plan.adjustment, currency),
                catalogue.policy(plan).code,
                catalogue.policy(plan).name,
            )
            for plan in catalogue.plans.values()
        ],
    )


def pieces_of(
    property_: Property | FoundProperty, room_types: Iterable[tuple[str, str]], plans: Iterable[PlanWords]
) -> bytes:
    """The members of a JSON object, without braces, that say what the property is; and as they stand between
    quotes the code and name of each room type, and the words of each plan. Before them stands how many pieces
    there are, and where each ends after these numbers (int32)."""
    shown = _write_json(msgspec.convert(property_, _Shown, from_attributes=True))
    words = [word for kind in room_types for word in kind]
    for plan in plans:
        words += (plan.code, plan.name, plan.label, plan.policy_code, plan.policy_name)
    pieces = [shown[1:-1], *[_write_json(word)[1:-1] for word in words]]
    return pack(f"<{1 + len(pieces)}i", len(pieces), *accumulate(map(len, pieces))) + b"".join(pieces)
