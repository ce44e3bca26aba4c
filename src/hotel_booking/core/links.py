"""Links that open something without a password: signed, so that nobody can make one or turn it elsewhere."""

from __future__ import annotations

import base64
import hashlib
import hmac

from hotel_booking.core.email_address import email_key


def signature(secret_key: str, path: str) -> str:
    """What makes a link to this path good: 192 bits in URL-safe letters."""
    digest = hmac.new(secret_key.encode(), b"link:" + path.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


def is_good(secret_key: str | None, path: str, token: str) -> bool:
    """Whether `token` was made for this path with this key; compared in constant time."""
    if not secret_key or not token.isascii():
        return False
    return hmac.compare_digest(signature(secret_key, path), token)


def for_reader(path: str, address: str) -> str:
    """What is signed of a path that opens something for one address alone, and for it however it is typed."""
    return f"{path} for {email_key(address)}"


def signed(public_url: str, secret_key: str | None, path: str, reader: str = "") -> str:
    """The whole link, good for the address of its `reader` where there is one; without a key a plain one,
    which asks its reader for more."""
    text = for_reader(path, reader) if reader else path
    token = f"?token={signature(secret_key, text)}" if secret_key else ""
    return f"{public_url}{path}{token}"


def plain(path: str, _reader: str = "") -> str:
    """The path as it is: where nobody follows a link."""
    return path
