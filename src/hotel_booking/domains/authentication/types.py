"""What accounts are entered by, as it is read."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Level = Literal["password", "full"]  # of a session: before a second step that is owed, and signed in


class AccountHolder(msgspec.Struct, frozen=True):
    """Whose account it is, as far as signing in asks. `level` is that of a session which a password, or a
    mailed link, opens; `about` are words that a guesser of the password would try first."""

    id: int
    email: str
    password_hash: str | None
    level: Level
    about: list[str]


class Passkey(msgspec.Struct, frozen=True):
    """A passkey as its owner sees it."""

    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


class CarriedSession(msgspec.Struct, frozen=True):
    """A session that a request carries. `confirmed_at` is when its owner last proved who they are; None: not
    completely yet."""

    session_id: int
    owner_id: int
    level: Level
    last_seen_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None


class OpenSession(msgspec.Struct, frozen=True):
    """A session as its owner sees it."""

    id: int
    created_at: datetime
    last_seen_at: datetime
    address: str
    user_agent: str


class SignedIn(msgspec.Struct, frozen=True):
    """A step that went well: the new session's token and level, and whose it is."""

    token: str
    owner_id: int
    level: Level
