"""What results say of a property, apart from its whole catalogue: in a large catalogue most hotels of a page
are read anew, and a whole catalogue takes twenty times as long to read.

It is written without the fields' names, and its parts that are the same in many hotels (room types, plans,
policies) stay as they are written until somebody needs one that was not read before.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import astuple

from hotel_booking.domains.rates.types import CancellationPolicy, Fee, Step
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
    """A property as results tell of it, and as they are written its room types, its plans, and the policies
    of those, plan by plan: equal ones are the same bytes."""

    property: Told
    room_types: msgspec.Raw
    plans: msgspec.Raw
    policies: msgspec.Raw


class _Type(msgspec.Struct):
    code: str
    name: str


class _Plan(_Type):
    policy_id: int


class _Policy(msgspec.Struct):
    id: int
    steps: tuple[Step, ...]
    no_show: Fee


class _Content(msgspec.Struct):
    property: FoundProperty
    room_types: tuple[_Type, ...]
    plans: tuple[_Plan, ...]
    policies: tuple[_Policy, ...]


_read_content = msgspec.json.Decoder(_Content).decode
_write = msgspec.msgpack.Encoder().encode
read_brief = msgspec.msgpack.Decoder(Brief).decode
"""What `brief_of` wrote."""
read_named = msgspec.msgpack.Decoder(tuple[Named, ...]).decode
"""Room types or plans of a brief."""
_read_policies = msgspec.msgpack.Decoder(tuple[tuple[tuple[Step, ...], Fee], ...]).decode


def brief_of(content: bytes) -> bytes:
    """The brief of a property's content (JSON as `rates.queries.catalogue_texts` gives it)."""
    found = _read_content(content)
    policies = {policy.id: (policy.steps, policy.no_show) for policy in found.policies}
    return _write(
        Brief(
            msgspec.convert(found.property, Told, from_attributes=True),
            msgspec.Raw(_write([Named(kind.code, kind.name) for kind in found.room_types])),
            msgspec.Raw(_write([Named(plan.code, plan.name) for plan in found.plans])),
            msgspec.Raw(_write([policies[plan.policy_id] for plan in found.plans])),
        )
    )


def read_policies(written: bytes) -> tuple[CancellationPolicy, ...]:
    """The policies of a brief's plans, plan by plan, without their names."""
    return tuple([CancellationPolicy("", "", *one) for one in _read_policies(written)])
