"""Links that open something without a password: signed, so that nobody can make one or turn it elsewhere."""

from __future__ import annotations

import base64
import hashlib
import hmac


def signature(secret_key: str, path: str) -> str:
    """What makes a link to this path good: 192 bits in URL-safe letters."""
    digest = hmac.new(secret_key.encode(), b"link:" + path.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


def is_good(secret_key: str | None, path: str, token: str) -> bool:
    """Whether `token` was made for this path with this key; compared in constant time."""
    if not secret_key or not token.isascii():
        return False
    return hmac.compare_digest(signature(secret_key, path), token)


def signed(public_url: str, secret_key: str | None, path: str) -> str:
    """The whole link; without a key a plain one, which asks its reader for more."""
    token = f"?token={signature(secret_key, path)}" if secret_key else ""
    return f"{public_url}{path}{token}"
