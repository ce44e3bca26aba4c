"""The status page as files, for a host that has nothing to do with the platform: they stay up when it is
down, and are drawn anew meanwhile from what the prober keeps on disk.

All links are relative, so the files work in any folder. Each file is replaced whole; style sheets first,
under names of their own, then what refers to them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.core.languages import DEFAULT, LANGUAGES
from hotel_booking.core.security_txt import SECURITY_TXT
from hotel_booking.domains.incidents import status_told_late
from hotel_booking.domains.incidents.status_types import Round
from hotel_booking.http.ui import assets
from hotel_booking.ops import prober
from hotel_booking.ops.spool import write_whole
from hotel_booking.status import atom, drawing, summary_json
from hotel_booking.status.snapshot import Snapshot, StatusReading, read, seen

log = logging.getLogger("hotel_booking.status")
_READING = 15.0  # seconds
_KEPT = "read.kept"  # beside the rounds, which end in .json

Put = Callable[[str, bytes, str, str], Awaitable[None]]
"""Puts a file: its name, content, media type and Cache-Control."""


class NothingKnown(DomainError):
    """There is nothing that could be published."""

    code = "status_unknown"
    passes = True


class File(msgspec.Struct, frozen=True):
    """One file of the page."""

    name: str
    body: bytes
    media_type: str
    cache: str = "public, max-age=30"


async def gathered(database_url: str, spool: Path, *, now: datetime) -> Snapshot:
    """What is known: from the database, and while that cannot be asked from what it said last, kept in
    `spool`; with what the prober could not tell it yet. Raises `NothingKnown`."""
    kept = spool / _KEPT
    try:
        async with (
            asyncio.timeout(_READING),
            Database.open(database_url, size=2, statement_timeout_ms=5_000) as db,
            db.reading() as tx,
        ):
            said = await read(tx, now=now)
        await asyncio.to_thread(_keep, kept, said)
    except Exception as error:  # whatever is wrong with the database, the page is for this
        last = await asyncio.to_thread(_kept, kept)
        if last is None:
            raise NothingKnown(
                f"the database cannot be asked ({type(error).__name__}), and has never been asked from here",
                fix="run it once while the database answers",
            ) from None
        said = last
        log.warning("status.published_without_database reason=%s", type(error).__name__)
    probed, days = status_told_late.counted(said.probed, said.days, await asyncio.to_thread(_untold, spool))
    return seen(msgspec.structs.replace(said, probed=probed, days=days), now=now)


def _keep(path: Path, said: StatusReading) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(path, msgspec.json.encode(said))


def _kept(path: Path) -> StatusReading | None:
    return msgspec.json.decode(path.read_bytes(), type=StatusReading) if path.exists() else None


def _untold(spool: Path) -> list[Round]:
    rounds = []
    for path in prober.waiting(spool):
        with suppress(FileNotFoundError):  # told meanwhile
            rounds.append(msgspec.json.decode(path.read_bytes(), type=Round))
    return rounds


def files(shown: Snapshot, *, address: str, site: str, security: str = "") -> Sequence[File]:
    """Everything, in the order in which it is to be put. `address` is where the page will be, for the feed
    and for programs; `site` is the guests' site; `security` the text for those who find a weakness."""
    style, icon = assets.find("status.css"), assets.find("favicon.svg")
    for_ever = "public, max-age=31536000, immutable"
    found = [File(one.name, one.body, one.media_type, for_ever) for one in (style, icon)]
    found += [
        File("api/v2/summary.json", summary_json.summary(shown, address=address), "application/json"),
    ]
    if security:
        found.append(File(SECURITY_TXT, security.encode(), "text/plain; charset=utf-8"))
    feeds = {code: "history.atom" if code == DEFAULT else f"history.{code}.atom" for code in LANGUAGES}
    pages = {code: "index.html" if code == DEFAULT else f"{code}.html" for code in LANGUAGES}
    for code, name in pages.items():
        feed = atom.feed(
            shown,
            code,
            address=address if code == DEFAULT else f"{address.rstrip('/')}/{name}",
            itself=f"{address.rstrip('/')}/{feeds[code]}",
        )
        found.append(File(feeds[code], feed, "application/atom+xml"))
        places = drawing.Places(
            languages=pages,
            style=style.name,
            icon=icon.name,
            feed=feeds[code],
            summary="api/v2/summary.json",
            site=f"{site.rstrip('/')}/{code}/",
            subscribe=f"{site.rstrip('/')}/status/subscriptions",
            webhooks=f"{site.rstrip('/')}/status/webhooks",
        )
        body = drawing.page(shown, code, places).encode()
        found.append(File(name, body, "text/html; charset=utf-8"))
    return found


def into(folder: Path) -> Put:
    """Puts files into a folder, which is made where there is none. Raises `OSError`."""

    async def put(name: str, body: bytes, _media_type: str, _cache: str) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(write_whole, path, body)
        path.chmod(0o644)  # a web server of another user reads it

    return put


async def publish(shown: Snapshot, put: Put, *, address: str, site: str, security: str = "") -> int:
    """Put all files; how many. Raises what `put` does: then some are new and some are not, and each is
    whole."""
    found = files(shown, address=address, site=site, security=security)
    for one in found:
        await put(one.name, one.body, one.media_type, one.cache)
    return len(found)
