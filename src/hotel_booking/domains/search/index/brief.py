"""What results say of a property, apart from its whole catalogue: in a large catalogue most hotels of a page
are read anew, and a whole catalogue takes twenty times as long to read.

It is written without the fields' names, and a policy stays as it is written until somebody needs one that
was not read before: most hotels have the same few.
"""

from __future__ import annotations

from collections.abc import Mapping

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


class PlanNamed(Named, frozen=True, array_like=True):
    """A rate plan, as results name it, and the place of its policy in the brief's."""

    policy: int


class Brief(msgspec.Struct, frozen=True, array_like=True):
    """A property, its room types and plans as results tell of them, and its policies as they are written:
    equal ones are the same bytes."""

    property: Told
    room_types: tuple[Named, ...]
    plans: tuple[PlanNamed, ...]
    policies: tuple[msgspec.Raw, ...]


class _Plan(msgspec.Struct):
    code: str
    name: str
    policy_id: int


class _Policy(msgspec.Struct):
    id: int
    steps: tuple[Step, ...]
    no_show: Fee


class _Type(msgspec.Struct):
    code: str
    name: str


class _Content(msgspec.Struct):
    property: FoundProperty
    room_types: tuple[_Type, ...]
    plans: tuple[_Plan, ...]
    policies: tuple[_Policy, ...]


_read_content = msgspec.json.Decoder(_Content).decode
_write = msgspec.msgpack.Encoder().encode
read_brief = msgspec.msgpack.Decoder(Brief).decode
"""What `brief_of` wrote."""
_read_policy = msgspec.msgpack.Decoder(tuple[tuple[Step, ...], Fee]).decode


def brief_of(content: bytes) -> bytes:
    """The brief of a property's content (JSON as `rates.queries.catalogue_texts` gives it)."""
    found = _read_content(content)
    place: Mapping[int, int] = {policy.id: at for at, policy in enumerate(found.policies)}
    return _write(
        Brief(
            msgspec.convert(found.property, Told, from_attributes=True),
            tuple(Named(kind.code, kind.name) for kind in found.room_types),
            tuple(PlanNamed(plan.code, plan.name, place[plan.policy_id]) for plan in found.plans),
            tuple(msgspec.Raw(_write((policy.steps, policy.no_show))) for policy in found.policies),
        )
    )


def policy_of(written: bytes) -> CancellationPolicy:
    """A policy of a brief, without its names."""
    return CancellationPolicy("", "", *_read_policy(written))
