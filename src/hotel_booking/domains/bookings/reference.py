"""Booking references that people can read out: nine random characters and a check character.

Crockford's base 32 (no I, L, O, U), as `XXXXX-XXXXX`. Luhn mod 32 catches every single wrong character
and nearly every swap of neighbours. 45 random bits are not a secret: whoever reads a booking also needs
its access token or an API key.
"""

from __future__ import annotations

import re
import secrets
from unicodedata import normalize

from hotel_booking.core.typed_numbers import plain_digits

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}
# What people type for what was read to them.
_READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0"})
# As it stands in a line that was copied: "Booking 7KQ2M-XW9DC".
_WITHIN = re.compile(r"(?<![0-9A-Z])[0-9A-Z]{5}-[0-9A-Z]{5}(?![0-9A-Z])")


def new_reference() -> str:
    """A fresh reference, such as `7KQ2M-XW9DC`."""
    return encode(secrets.randbits(45))


def encode(number: int) -> str:
    """The reference of a number below 2**45, check character included."""
    payload = "".join(_ALPHABET[number >> shift & 31] for shift in range(40, -5, -5))
    text = payload + _ALPHABET[-_luhn(payload, 2) % 32]
    return f"{text[:5]}-{text[5:]}"


def normalise(text: str) -> str | None:
    """What somebody typed or copied as a reference in its one form, or None where it cannot be one: whatever
    stands between and around its characters (dashes, blanks, a full stop, marks of direction), in the digits
    and letters of any width, and in a line that has it."""
    line = plain_digits(normalize("NFKC", text)).upper()
    within = _WITHIN.search(line)
    plain = "".join(filter(str.isalnum, within[0] if within else line)).translate(_READ_AS)
    if len(plain) != 10 or any(character not in _VALUE for character in plain) or _luhn(plain, 1) % 32:
        return None
    return f"{plain[:5]}-{plain[5:]}"


def _luhn(text: str, factor: int) -> int:
    total = 0
    for character in reversed(text):
        product = factor * _VALUE[character]
        total += product // 32 + product % 32
        factor = 3 - factor
    return total
