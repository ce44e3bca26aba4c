"""The group's own pages: imprint, privacy, terms, contact and help, in each language.

/admin/group-pages                      which there are
/admin/group-pages/{kind}?language=de   one of them: its text beside how guests see it
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.catalogue.select_options import language_names
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError, NotFound
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties import group_pages
from hotel_booking.domains.properties.group_pages import COMPULSORY, KINDS, LONGEST, Kind
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.markdown import as_html
from hotel_booking.http.ui.render import page, query, see_other

_TITLES: dict[Kind, tuple[str, str]] = {
    "imprint": ("Imprint", "Who runs the site: name, address, register, tax number, who is responsible."),
    "privacy": ("Privacy", "How guests’ data is used: what for, how long, whom to ask."),
    "terms": ("Terms and conditions", "The terms rooms are sold on. Guests accept them when they book."),
    "contact": ("Contact", "How and when guests can reach you."),
    "help": ("Help", "What guests ask most often."),
}


@get("/group-pages", opt=staff(Permission.CATALOGUE_EDIT))
async def list_pages(request: Request[Any, Any, State], tx: Transaction, caller: Caller) -> Response[str]:
    """Which pages there are, in which languages. They are the whole group's, so it takes a role at every
    property."""
    caller.require_permission(Permission.CATALOGUE_EDIT)
    written = await group_pages.languages_by_kind(tx)
    return page(
        request,
        "group_pages/list.html",
        titles=_TITLES,
        written=written,
        languages=LANGUAGES,
        lacking=[_TITLES[kind][0] for kind in COMPULSORY if kind not in written],
    )


@get("/group-pages/{kind:str}", opt=staff(Permission.CATALOGUE_EDIT))
async def edit_page(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, kind: str, language: str = "en"
) -> Response[str]:
    """The text in one language."""
    caller.require_permission(Permission.CATALOGUE_EDIT)
    chosen, language = _kind(kind), _language(language)
    found = await group_pages.find_exactly(tx, kind=chosen, language=language)
    form = Form.of(body=found.body if found else "", version=found.version if found else 0)
    return await _show(request, tx, chosen, language, form)


@post("/group-pages/{kind:str}", opt=staff(Permission.CATALOGUE_EDIT), status_code=200)
async def write_page(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, caller: Caller, kind: str
) -> Response[Any]:
    """Save the text, or show how it would look."""
    caller.require_permission(Permission.CATALOGUE_EDIT)
    chosen = _kind(kind)
    form = await read(request)
    language = _language(form.value("language"))
    if form.flag("look"):
        return await _show(request, tx, chosen, language, form)
    try:
        body = form.text("body", longest=LONGEST)
        version = form.whole("version", 0, LARGEST_INTEGER, required=True) or 0
        form.check()
        async with tx.savepoint():
            await group_pages.write(tx, kind=chosen, language=language, body=body, version=version, now=now)
    except DomainError as error:
        return await _show(request, tx, chosen, language, form.failed(error), status=422)
    # The foot of this process's pages at once; others look every few seconds.
    request.app.state.group_pages = await group_pages.languages_by_kind(tx)
    title = _TITLES[chosen][0]
    notice = (
        f"{title} in {language_names()[language]} is {'on the site' if body else 'no longer on the site'}."
    )
    return see_other(request, query(f"/admin/group-pages/{chosen}", language=language), notice=notice)


async def _show(
    request: Request[Any, Any, State],
    tx: Transaction,
    kind: Kind,
    language: str,
    form: Form,
    *,
    status: int = 200,
) -> Response[str]:
    return page(
        request,
        "group_pages/edit.html",
        status=status,
        form=form,
        kind=kind,
        title=_TITLES[kind][0],
        says=_TITLES[kind][1],
        language=language,
        languages=LANGUAGES,
        names=language_names(),
        written=(await group_pages.languages_by_kind(tx)).get(kind, frozenset()),
        shown=as_html(form.value("body")),
        longest=LONGEST,
    )


def _kind(text: str) -> Kind:
    found = next((kind for kind in KINDS if kind == text), None)
    if found is None:
        raise NotFound("there is no such page", fix="choose one from the list")
    return found


def _language(text: str) -> str:
    return text if text in LANGUAGES else "en"


handlers = [list_pages, edit_page, write_page]
