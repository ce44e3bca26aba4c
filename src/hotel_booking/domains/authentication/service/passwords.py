"""Passwords: judged by how soon they would be guessed, kept as Argon2id, compared in the same time."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import msgspec
from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError
from zxcvbn import zxcvbn

from hotel_booking.domains.authentication.errors import PasswordTooWeak

SHORTEST, LONGEST = 10, 256
_GOOD = 3  # of 4: 10**8 guesses at least
_JUDGED = 72  # zxcvbn raises beyond, for its time grows with the square; so long a beginning decides anyway

# OWASP's password storage cheat sheet: 19 MiB, 2 passes, 1 lane. About 30 ms of one core.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
# Twenty people who sign in at once queue here: neither the event loop nor the memory feels them.
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")


class PasswordCheck(msgspec.Struct, frozen=True):
    """Whether the password fits; `rehashed` is what to store instead where the hash is of old parameters."""

    fits: bool
    rehashed: str | None = None


async def hashed(password: str) -> str:
    """What is stored of a password."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _hash, password)


async def compare(password: object, stored: str | None) -> PasswordCheck:
    """Whether a password is the one stored. Takes the same time where nothing is stored, or where what was
    sent can be no password."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _compare, password, stored)


async def judge(password: object, about: Sequence[str] = (), *, field: str = "password") -> str:
    """The password as it may be stored. Raises `PasswordTooWeak`, saying what would be better. `about` are
    words that a guesser would try first: name, e-mail, the hotel."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _judge, password, tuple(about), field)


def _judge(password: object, about: tuple[str, ...], field: str) -> str:
    if not isinstance(password, str) or "\x00" in password:
        raise PasswordTooWeak("the password contains a character that can't be typed", field=field)
    if len(password) < SHORTEST:
        raise PasswordTooWeak(
            f"the password has {len(password)} characters; it needs at least {SHORTEST}",
            field=field,
            fix="three or four unrelated words are easy to remember and hard to guess",
        )
    if len(password) > LONGEST:
        raise PasswordTooWeak(f"the password is longer than {LONGEST} characters", field=field)
    words = {word for text in about for word in (text, *_words(text)) if len(word) > 2}
    verdict = zxcvbn(password[:_JUDGED], user_inputs=sorted(words))
    if verdict["score"] < _GOOD:
        feedback = verdict["feedback"]
        hints = [text.rstrip(".") for text in (feedback["warning"], *feedback["suggestions"]) if text]
        raise PasswordTooWeak(
            "this password is too easy to guess",
            field=field,
            fix=". ".join(hints) or "three or four unrelated words are hard to guess",
        )
    return password


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text).split()


def _compare(password: object, stored: str | None) -> PasswordCheck:
    usable = isinstance(password, str) and len(password) <= LONGEST
    typed = _bytes(password) if isinstance(password, str) and usable else b""
    try:
        _HASHER.verify(stored or _of_nobody(), typed)
    except (Argon2Error, InvalidHashError):
        return PasswordCheck(fits=False)
    if stored is None or not usable:
        return PasswordCheck(fits=False)
    return PasswordCheck(
        fits=True, rehashed=_HASHER.hash(typed) if _HASHER.check_needs_rehash(stored) else None
    )


def _hash(password: str) -> str:
    return _HASHER.hash(_bytes(password))


@cache
def _of_nobody() -> str:
    return _HASHER.hash("a password that nobody has, for accounts that do not exist")


def _bytes(password: str) -> bytes:
    # One way to write é: keyboards and systems send it differently. Half a surrogate pair is kept as it is.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
