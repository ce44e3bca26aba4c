"""Scopes and API keys."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

KEY_PREFIX = "hbk_"


class Scope(StrEnum):
    """What an API key may do. Writing includes reading the same things; `all` is every scope."""

    PROPERTIES_WRITE = "properties:write"
    RATES_WRITE = "rates:write"
    BOOKINGS_READ = "bookings:read"
    BOOKINGS_WRITE = "bookings:write"
    FRONTDESK_WRITE = "frontdesk:write"
    PAYMENTS_MANAGE = "payments:manage"
    REPORTS_READ = "reports:read"
    KEYS_WRITE = "keys:write"
    RATES_OVERRIDE = "rates:override"
    CLOCK_SIMULATE = "clock:simulate"
    ALL = "all"


SCOPE_WORDS: dict[Scope, str] = {
    Scope.PROPERTIES_WRITE: "Change properties, room types, rooms, blocks and taxes",
    Scope.RATES_WRITE: "Change rate plans and policies; set prices, restrictions and availability",
    Scope.BOOKINGS_READ: "Read bookings, with guests' names and addresses",
    Scope.BOOKINGS_WRITE: "Pay, amend and cancel bookings",
    Scope.FRONTDESK_WRITE: "Check guests in and out, mark no-shows, record payments taken at the desk",
    Scope.PAYMENTS_MANAGE: "Reverse payments taken at the desk",
    Scope.REPORTS_READ: "Read reports",
    Scope.KEYS_WRITE: "Create and revoke API keys",
    Scope.RATES_OVERRIDE: "Sell at agreed prices",
    Scope.CLOCK_SIMULATE: "Simulate the time, outside production",
    Scope.ALL: "Everything",
}


class ApiKey(msgspec.Struct, frozen=True):
    """An API key without its secret. `properties` are slugs; None: every property. `replaced_by` is the key
    that took its place when it was rotated; its own secret works on until `expires_at`."""

    id: int
    name: str
    scopes: tuple[Scope, ...]
    property_ids: tuple[int, ...] | None
    properties: tuple[str, ...] | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    replaced_by: int | None

    def active(self, now: datetime) -> bool:
        """Whether the key opens anything at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class NewKey(msgspec.Struct, frozen=True):
    """A key that was just made, and the only sight of its secret."""

    key: ApiKey
    secret: str
