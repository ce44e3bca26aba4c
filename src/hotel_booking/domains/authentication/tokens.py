"""Random tokens: of sessions, mailed links and API keys. Only their hashes are stored."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, to be said in an address or a cookie."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is stored of a token. It is 256 random bits, so one fast hash is enough: there is no dictionary
    to try."""
    return hashlib.sha256(token.encode()).digest()
