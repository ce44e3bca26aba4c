"""Who sent a request, and what they may do."""

from __future__ import annotations

from typing import Literal

import msgspec

from hotel_booking.core.errors import NotFound
from hotel_booking.domains.identity.errors import (
    KeyRequired,
    MissingCredentials,
    MissingScope,
    PropertyNotAllowed,
)
from hotel_booking.domains.identity.types import Scope

# A scope on the left also opens what needs a scope on the right.
_INCLUDED: dict[Scope, frozenset[Scope]] = {
    Scope.BOOKINGS_WRITE: frozenset({Scope.BOOKINGS_READ}),
    Scope.FRONTDESK_WRITE: frozenset({Scope.BOOKINGS_READ}),
    Scope.ALL: frozenset(Scope),
}


class Caller(msgspec.Struct, frozen=True):
    """Who sent the request, as far as they proved it.

    `guest` carries the SHA-256 of an access token that nobody has compared yet: the booking it opens
    does that. `property_ids` is None where a key is not limited to some properties.
    """

    kind: Literal["anonymous", "guest", "key"] = "anonymous"
    key_id: int | None = None
    scopes: frozenset[Scope] = frozenset()
    property_ids: frozenset[int] | None = None
    token_hash: bytes | None = None

    def has(self, scope: Scope) -> bool:
        """Whether the caller's key opens what needs `scope`."""
        return scope in self.scopes or any(scope in _INCLUDED.get(own, ()) for own in self.scopes)

    def require(self, scope: Scope) -> None:
        """Raise unless the caller's key opens what needs `scope`."""
        if self.kind == "anonymous":
            raise MissingCredentials("this call needs an API key", fix="send `Authorization: Bearer <key>`")
        if self.kind == "guest":
            raise KeyRequired("this call needs an API key; the token sent is not one")
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
            raise PropertyNotAllowed("the API key is limited to some properties; this concerns all of them")


ANONYMOUS = Caller()
