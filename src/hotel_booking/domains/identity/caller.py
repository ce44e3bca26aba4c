"""Who sent a request, and what they may do."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from hotel_booking.core.errors import NotFound
from hotel_booking.domains.identity.errors import (
    KeyRequired,
    MissingCredentials,
    MissingPermission,
    MissingScope,
    PropertyNotAllowed,
)
from hotel_booking.domains.identity.permissions import GROUP_WIDE, ROLE_PERMISSIONS, Permission, Role, what
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.properties.errors import NoSuchProperty

# A scope on the left also opens what needs a scope on the right.
_INCLUDED: dict[Scope, frozenset[Scope]] = {
    Scope.BOOKINGS_WRITE: frozenset({Scope.BOOKINGS_READ}),
    Scope.FRONTDESK_WRITE: frozenset({Scope.BOOKINGS_READ}),
    Scope.PAYMENTS_MANAGE: frozenset({Scope.BOOKINGS_READ}),
    Scope.ALL: frozenset(Scope),
}


class Grant(msgspec.Struct, frozen=True):
    """A role at one property; at every property where `property_id` is None."""

    role: Role
    property_id: int | None = None
    slug: str | None = None


def _missing(permission: Permission, where: str) -> MissingPermission:
    return MissingPermission(
        f"your role does not let you {what(permission)} {where}".rstrip(), fix="ask a manager"
    )


class Caller(msgspec.Struct, frozen=True):
    """Who sent the request, as far as they proved it.

    `guest` carries the SHA-256 of an access token that nobody has compared yet: the booking it opens
    does that. `property_ids` is None where a key is not limited to some properties. `staff` is somebody
    who has signed in completely, with a second factor where they have one; `confirmed_at` is when they last
    proved it, and `enrol` that their role demands a second factor which they have not got yet.
    """

    kind: Literal["anonymous", "guest", "key", "staff"] = "anonymous"
    name: str = ""
    staff_id: int | None = None
    session_id: int | None = None
    grants: tuple[Grant, ...] = ()
    confirmed_at: datetime | None = None
    enrol: bool = False
    key_id: int | None = None
    scopes: frozenset[Scope] = frozenset()
    property_ids: frozenset[int] | None = None
    token_hash: bytes | None = None

    @property
    def id(self) -> str:
        """The key's or the staff member's number, as the audit log has it; "" for others."""
        number = self.staff_id if self.kind == "staff" else self.key_id
        return "" if number is None else str(number)

    def may(self, permission: Permission, property_id: int | None = None) -> bool:
        """Whether a member of staff may do this at the property; with None, at every property."""
        return any(
            permission in ROLE_PERMISSIONS[grant.role] and grant.property_id in (None, property_id)
            for grant in self.grants
        )

    def may_somewhere(self, permission: Permission) -> bool:
        """Whether there is a property at which a member of staff may do this; what is about no single one, at
        every property."""
        if permission in GROUP_WIDE:
            return self.may(permission)
        return any(permission in ROLE_PERMISSIONS[grant.role] for grant in self.grants)

    def properties_for(self, permission: Permission) -> frozenset[int] | None:
        """The properties at which a member of staff may do this; None: all, also those to come."""
        if self.may(permission):
            return None
        return frozenset(
            grant.property_id
            for grant in self.grants
            if grant.property_id is not None and permission in ROLE_PERMISSIONS[grant.role]
        )

    def require_permission(self, permission: Permission, property_id: int | None = None) -> None:
        """Raise `MissingPermission` unless a member of staff may do this at the property (None: at all)."""
        if not self.may(permission, property_id):
            where = "at every property" if property_id is None else "at this property"
            raise _missing(permission, "" if permission in GROUP_WIDE else where)

    def require_at(self, slug: str, permission: Permission) -> None:
        """The same for a property by its slug. One at which the caller has no role at all is answered as if
        it did not exist."""
        here = [grant for grant in self.grants if grant.slug in (None, slug)]
        if not here:
            raise NoSuchProperty(f"there is no property {slug!r}")
        if not any(permission in ROLE_PERMISSIONS[grant.role] for grant in here):
            raise _missing(permission, "at this property")

    def has(self, scope: Scope) -> bool:
        """Whether the caller's key opens what needs `scope`."""
        return scope in self.scopes or any(scope in _INCLUDED.get(own, ()) for own in self.scopes)

    def require(self, scope: Scope) -> None:
        """Raise unless the caller's key opens what needs `scope`."""
        if self.kind in ("anonymous", "staff"):
            raise MissingCredentials("this call needs an API key", fix="send `Authorization: Bearer <key>`")
        if self.kind == "guest":
            raise KeyRequired("this call needs an API key; the token sent is not an API key")
        if not self.has(scope):
            raise MissingScope(
                f"the API key lacks the scope {scope.value}",
                fix=f"use a key created with --scope {scope.value}",
                extra={"scope": scope.value},
            )

    def may_use(self, property_id: int) -> bool:
        """Whether a key's property limits let it touch the property."""
        return self.property_ids is None or property_id in self.property_ids

    def check_property(self, property_id: int, *, hidden_as: NotFound | None = None) -> None:
        """Raise `PropertyNotAllowed` where the key is limited to other properties, or `hidden_as` where
        the caller must not even learn that the thing exists (a booking)."""
        if not self.may_use(property_id):
            raise hidden_as or PropertyNotAllowed("the API key is limited to other properties")

    def check_every_property(self) -> None:
        """Raise unless the key is free of property limits: what the whole chain shares needs that."""
        if self.property_ids is not None:
            raise PropertyNotAllowed("the API key is limited to some properties, and this covers all of them")


ANONYMOUS = Caller()
