"""The group's own pages: imprint, privacy, terms, contact and help, in the guest's language where the group
has written them in it. Those that there are stand in the foot of every page."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import NotFound
from hotel_booking.core.languages import RIGHT_TO_LEFT
from hotel_booking.core.locales import locale_of
from hotel_booking.domains.properties import group_pages
from hotel_booking.domains.properties.group_pages import KINDS
from hotel_booking.http.access import public
from hotel_booking.http.ui.markdown import as_html
from hotel_booking.web.frame import group_page_titles
from hotel_booking.web.i18n.phrases import beginning
from hotel_booking.web.site import language_of, site

log = logging.getLogger(__name__)
_EVERY = 20  # seconds between looks at which pages there are


class PageNotWritten(NotFound):
    """The group has not written this page."""

    code = "page_not_found"


async def look(database: Database, state: State) -> None:
    """Note which pages there are, for the foot of every page: no page asks the database for that. Without the
    database the foot stays as it was."""
    try:
        async with database.reading() as tx:
            state.group_pages = await group_pages.languages_by_kind(tx)
    except Exception as error:  # whatever the database has: the process goes on
        log.info("which pages the group has is not known now: %s", type(error).__name__)


async def follow(database: Database, state: State) -> None:
    """Look again and again, until cancelled."""
    while True:
        await asyncio.sleep(_EVERY)
        await look(database, state)


@get([f"/{kind}" for kind in KINDS], opt=public(), include_in_schema=False)
async def show_page(request: Request[Any, Any, State], tx: Transaction) -> Response[Any]:
    """One of them. In another language than the guest's it says so, and is marked as that."""
    language = language_of(request)
    name = request.scope["path"].rstrip("/").rpartition("/")[2]
    kind = next(kind for kind in KINDS if kind == name)
    found = await group_pages.find(tx, kind=kind, language=language)
    if found is None:
        raise PageNotWritten("this page has not been written", fix="ask the hotel")
    body = as_html(found.body)
    return site(
        request,
        "group_page.html",
        etag=True,
        title=group_page_titles(language)[kind],
        summary=beginning(body.striptags()),
        body=body,
        written_in=found.language,
        written_language=locale_of(language).languages[found.language],
        written_dir="rtl" if found.language in RIGHT_TO_LEFT else "ltr",
        updated_at=found.updated_at,
    )


handlers = [show_page]
