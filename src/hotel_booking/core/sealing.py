"""Secrets that must be read back (second factors, answers that hold an access token), encrypted with AES-GCM
under HOTEL_SECRET_KEY."""

from __future__ import annotations

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"
_NONCE = 12


def seal(secret_key: str, plain: bytes, *, purpose: str) -> bytes:
    """Encrypt. `purpose` names what it is and whose: moved elsewhere, it cannot be opened."""
    nonce = os.urandom(_NONCE)
    return _VERSION + nonce + AESGCM(_derived(secret_key)).encrypt(nonce, plain, purpose.encode())


def unseal(secret_key: str | None, sealed: bytes, *, purpose: str) -> bytes | None:
    """Decrypt; None where the key is another one than it was sealed with, or the purpose."""
    if not secret_key or not sealed.startswith(_VERSION):
        return None
    nonce, text = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
    try:
        return AESGCM(_derived(secret_key)).decrypt(nonce, text, purpose.encode())
    except InvalidTag:
        return None


@lru_cache(maxsize=4)
def _derived(secret_key: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=b"hotel-booking sealing 1").derive(secret_key.encode())
