"""What results say of a property, apart from its whole catalogue: in a large catalogue most hotels of a page
are read anew, and a whole catalogue takes five times as long to read."""

from __future__ import annotations

import msgspec

from hotel_booking.domains.rates.types import CancellationPolicy
from hotel_booking.domains.search.types import FoundProperty


class Named(msgspec.Struct, frozen=True):
    """A room type, as results name it."""

    code: str
    name: str


class PlanNamed(Named, frozen=True):
    """A rate plan, as results name it."""

    policy_id: int


class PolicyOf(CancellationPolicy, frozen=True, kw_only=True):
    """A cancellation policy with its id."""

    id: int


class Brief(msgspec.Struct, frozen=True):
    """A property, its room types, plans and policies, as results tell of them."""

    property: FoundProperty
    room_types: tuple[Named, ...]
    plans: tuple[PlanNamed, ...]
    policies: tuple[PolicyOf, ...]


_read = msgspec.json.Decoder(Brief).decode
_write = msgspec.msgpack.Encoder().encode
read_brief = msgspec.msgpack.Decoder(Brief).decode
"""What `brief_of` wrote."""


def brief_of(content: bytes) -> bytes:
    """The brief of a property's content (JSON as `rates.queries.catalogue_texts` gives it)."""
    return _write(_read(content))
