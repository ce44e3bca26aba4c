"""The status page over HTTP: for everybody, the same for all who ask in a language, and kept by caches.

Nobody is recognised here: cookies and keys are not read, so an answer can be given to anybody. While the
database cannot be asked the page goes on with what this process read last, and says so; what was probed then
becomes unknown as it ages.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import NotFound
from hotel_booking.core.languages import DEFAULT, LANGUAGES
from hotel_booking.http.access import public
from hotel_booking.http.i18n.language import accepted
from hotel_booking.http.packing import packed
from hotel_booking.http.security_headers import API_POLICY, PAGE_POLICY
from hotel_booking.http.ui import assets
from hotel_booking.status import atom, drawing, summary_json
from hotel_booking.status.snapshot import Snapshot, StatusReading, read, seen

log = logging.getLogger("hotel_booking.status")

_READ_AGAIN = timedelta(seconds=5)
_FRESH = "public, max-age=30, stale-while-revalidate=30, stale-if-error=86400"
_STALE = "public, max-age=5, stale-if-error=86400"


class NoSuchLanguage(NotFound):
    """The page is not written in this language."""

    code = "no_such_language"


async def _shown(state: State, tx: Transaction, now: datetime) -> Snapshot:
    """What is shown now. Many who ask at once have the database asked once in some seconds."""
    kept: StatusReading | None = state.status_read
    if kept is None or not now - _READ_AGAIN < kept.at <= now:
        try:
            kept = state.status_read = await read(tx, now=now)
        except Exception as error:  # whatever it is: this page is there for when something is wrong
            if kept is None:
                raise
            log.warning("status.stale reason=%s", type(error).__name__)
            return seen(kept, now=now)
    return seen(kept, now=kept.at)


@get("/status", opt=public(), include_in_schema=False)
async def in_any_language(
    request: Request[Any, Any, State], state: State, tx: Transaction, now: datetime
) -> Response[bytes]:
    """The page in the browser's language."""
    language = accepted(request.headers.get("accept-language", ""))
    return _page(request, await _shown(state, tx, now), language, vary="accept-language, ")


@get("/status/{language:str}", opt=public(), include_in_schema=False)
async def in_language(
    request: Request[Any, Any, State], state: State, tx: Transaction, now: datetime, language: str
) -> Response[bytes]:
    """The page in a language."""
    _check(language)
    return _page(request, await _shown(state, tx, now), language)


@get("/status/api/v2/summary.json", opt=public(), include_in_schema=False)
async def in_json(
    request: Request[Any, Any, State], state: State, tx: Transaction, now: datetime
) -> Response[bytes]:
    """For programs, in Statuspage's shape. Any page may read it."""
    shown = await _shown(state, tx, now)
    body = summary_json.summary(shown, address=_address(state))
    # Litestar adds no charset to JSON, and needs none.
    return _answer(
        request, shown, body, "application/json", API_POLICY, more={"access-control-allow-origin": "*"}
    )


@get("/status/history.atom", opt=public(), include_in_schema=False)
async def in_atom(
    request: Request[Any, Any, State], state: State, tx: Transaction, now: datetime
) -> Response[bytes]:
    """For feed readers, in English."""
    shown = await _shown(state, tx, now)
    address = _address(state)
    body = atom.feed(shown, DEFAULT, address=address, itself=f"{address}/history.atom")
    return _answer(request, shown, body, "application/atom+xml", API_POLICY)


@get("/status/{language:str}/history.atom", opt=public(), include_in_schema=False)
async def in_atom_in_language(
    request: Request[Any, Any, State], state: State, tx: Transaction, now: datetime, language: str
) -> Response[bytes]:
    """For feed readers, in a language."""
    _check(language)
    shown = await _shown(state, tx, now)
    address = f"{_address(state)}/{language}"
    body = atom.feed(shown, language, address=address, itself=f"{address}/history.atom")
    return _answer(request, shown, body, "application/atom+xml", API_POLICY)


def _check(language: str) -> None:
    if language not in LANGUAGES:
        raise NoSuchLanguage(f"the status page is not written in {language[:40]}", fix="look at /status")


def _address(state: State) -> str:
    return f"{state.settings.public_url.rstrip('/')}/status"


def _page(
    request: Request[Any, Any, State], shown: Snapshot, language: str, *, vary: str = ""
) -> Response[bytes]:
    places = drawing.Places(
        languages={code: f"/status/{code}" for code in LANGUAGES},
        style=assets.address("status.css"),
        icon=assets.address("favicon.svg"),
        feed="/status/history.atom" if language == DEFAULT else f"/status/{language}/history.atom",
        summary="/status/api/v2/summary.json",
        site=request.app.state.settings.public_url.rstrip("/") + f"/{language}/",
        subscribe="/status/subscriptions",
        webhooks="/status/webhooks",
    )
    body = drawing.page(shown, language, places).encode()
    return _answer(
        request, shown, body, "text/html", PAGE_POLICY, vary=vary, more={"content-language": language}
    )


def _answer(
    request: Request[Any, Any, State],
    shown: Snapshot,
    body: bytes,
    media_type: str,
    policy: str,
    *,
    vary: str = "",
    more: dict[str, str] | None = None,
) -> Response[bytes]:
    mark = f'W/"{hashlib.blake2b(body, digest_size=10).hexdigest()}"'
    headers = {
        "content-security-policy": policy,
        "cache-control": _FRESH if shown.read_at == shown.at else _STALE,
        "etag": mark,
        "vary": f"{vary}accept-encoding",
        **(more or {}),
    }
    if mark in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed(body), media_type=media_type, headers={**headers, "content-encoding": "gzip"})
    return Response(body, media_type=media_type, headers=headers)


handlers = [in_any_language, in_language, in_json, in_atom, in_atom_in_language]
