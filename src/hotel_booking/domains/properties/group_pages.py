"""The group's own pages: who runs the site, what becomes of data, by which terms a room is sold, how to reach
somebody, and help. The group writes them in the panel, in the languages that it chooses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.properties.errors import ChangedMeanwhile

Kind = Literal["imprint", "privacy", "terms", "contact", "help"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST = 50_000
# What is asked for by law wherever rooms are sold to consumers in the European Union.
COMPULSORY: tuple[Kind, ...] = ("imprint", "privacy", "terms", "contact")


class InvalidPage(Invalid):
    """The text cannot be a page. Nothing changed."""

    code = "invalid_page"


class GroupPage(msgspec.Struct, frozen=True):
    """A page in one language. `body` is Markdown; `version` counts its changes."""

    kind: Kind
    language: str
    body: str
    version: int
    updated_at: datetime


async def languages_by_kind(tx: Transaction) -> dict[str, frozenset[str]]:
    """Which pages there are, and in which languages."""
    rows = await tx.fetch("SELECT kind, array_agg(language) AS languages FROM group_page GROUP BY kind")
    return {row["kind"]: frozenset(row["languages"]) for row in rows}


async def find(tx: Transaction, *, kind: Kind, language: str) -> GroupPage | None:
    """The page in this language, else in English, else in any; None where nobody has written it."""
    return await tx.fetchrow_as(
        GroupPage,
        "SELECT kind, language, body, version, updated_at FROM group_page WHERE kind = $1"
        " ORDER BY language = $2 DESC, language = 'en' DESC, language LIMIT 1",
        kind,
        language,
    )


async def find_exactly(tx: Transaction, *, kind: Kind, language: str) -> GroupPage | None:
    """The page in this very language."""
    found = await find(tx, kind=kind, language=language)
    return found if found is not None and found.language == language else None


async def write(
    tx: Transaction, *, kind: Kind, language: str, body: str, version: int, now: datetime
) -> None:
    """Write the page, or take it from the site by leaving it empty. `version` is the one that was edited (0:
    there was none). Raises `InvalidPage` or `ChangedMeanwhile`."""
    body = body.replace("\r\n", "\n").strip()
    if len(body) > LONGEST:
        raise InvalidPage(
            f"this text has {len(body):,} characters; at most {LONGEST:,} are allowed",
            field="body",
            fix="shorten it, or link to a document",
        )
    if not body:
        changed = await tx.execute(
            "DELETE FROM group_page WHERE kind = $1 AND language = $2 AND version = $3",
            kind,
            language,
            version,
        )
        if not changed and await find_exactly(tx, kind=kind, language=language) is None:
            return
    elif version == 0:
        changed = await tx.execute(
            "INSERT INTO group_page (kind, language, body, updated_at) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT DO NOTHING",
            kind,
            language,
            body,
            now,
        )
    else:
        changed = await tx.execute(
            "UPDATE group_page SET body = $3, version = version + 1, updated_at = $4"
            " WHERE kind = $1 AND language = $2 AND version = $5",
            kind,
            language,
            body,
            now,
            version,
        )
    if not changed:
        raise ChangedMeanwhile(
            "someone else changed this page in the meantime",
            field="body",
            fix="copy your text, and reload the page",
        )


async def load(tx: Transaction, texts: Mapping[tuple[Kind, str], str], *, now: datetime) -> None:
    """Fill an empty table with these texts, by kind and language."""
    await tx.copy(
        "group_page",
        ("kind", "language", "body", "updated_at"),
        ((kind, language, body, now) for (kind, language), body in texts.items()),
    )
