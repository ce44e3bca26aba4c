"""The small family of errors that the business raises; `http.errors` maps it to status codes."""

from __future__ import annotations

from typing import Any, ClassVar


class DomainError(Exception):
    """Something the caller can understand and act on.

    `code` is public API and never changes. `detail` says what is wrong, `fix` what would work,
    `field` names the place in the caller's input (`rooms[0].children[1]`), and `extra` holds
    machine-readable members that are added to the problem document.

    `passes` marks a refusal that says nothing about the request's outcome: the very same request may succeed
    later, so it is never kept as the answer of an Idempotency-Key. `retry_after` are the seconds after which
    it is worth trying, where that is soon.
    """

    code: ClassVar[str] = "error"
    passes: ClassVar[bool] = False
    retry_after: int | None = None

    def __init__(
        self,
        detail: str,
        *,
        fix: str | None = None,
        field: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fix = fix
        self.field = field
        self.extra = extra or {}


def sentence(text: str) -> str:
    """What an error says, as the beginning of a sentence: with a capital. A word that is quoted first stays
    as somebody typed it, so that is where a word that is not ours belongs."""
    return text[:1].upper() + text[1:]


class NotFound(DomainError):
    """It does not exist, or the caller may not know that it does."""

    code = "not_found"


class Conflict(DomainError):
    """The request is valid, but the current state does not allow it. Nothing changed."""

    code = "conflict"


class Invalid(DomainError):
    """The input is not valid, whatever the state. Nothing changed."""

    code = "invalid"


class Forbidden(DomainError):
    """The caller is known, but not allowed to do this. Nothing changed."""

    code = "forbidden"


class Unauthenticated(DomainError):
    """The caller did not prove who they are. Nothing changed."""

    code = "unauthenticated"
