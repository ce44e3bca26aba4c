"""API keys in the panel: made, rotated and revoked by those who manage them, shown once. A key outlives the
session in which it was made, so who makes one proves again who they are.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Conflict, DomainError, sentence
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.identity import queries, service
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.identity.service.confirmation import require_recent
from hotel_booking.domains.identity.types import SCOPE_WORDS, NewKey, Scope
from hotel_booking.domains.properties.choices import properties_within
from hotel_booking.http import pages
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import Caution, page, see_other

_PAGE = 50
_MANAGE = staff(Permission.KEYS_MANAGE)
_OVERLAP = timedelta(hours=24)
KeyId = Annotated[int, Parameter(ge=1, le=LARGEST_INTEGER)]


@get("/keys", opt=_MANAGE)
async def list_keys(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    now: datetime,
    cursor: str | None = None,
) -> Response[str]:
    """Newest first, also those that are over; only keys for properties where the caller manages them."""
    found = await queries.list_keys(
        tx,
        after=pages.decode(cursor, pages.Position),
        limit=_PAGE + 1,
        within=caller.properties_for(Permission.KEYS_MANAGE),
    )
    return page(
        request,
        "keys/list.html",
        keys=found[:_PAGE],
        next_cursor=pages.encode(found[_PAGE - 1].id) if len(found) > _PAGE else None,
        first=cursor is None,
        words=SCOPE_WORDS,
        now=now,
    )


@get("/keys/new", opt=_MANAGE)
async def new_key(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[str]:
    """The empty form, for who has just proved who they are: so nothing that is filled in is lost."""
    require_recent(caller, now)
    return await _form(request, tx, caller, Form.of())


@post("/keys", opt=_MANAGE, status_code=200)
async def create_key(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[str]:
    """Make a key and show its secret, this once."""
    require_recent(caller, now)
    form = await read(request)
    try:
        name = form.text("name", required=True, longest=100)
        scopes = form.choices("scopes", Scope)
        if not scopes:
            form.wrong("scopes", "choose at least one")
        everywhere = form.flag("everywhere")
        slugs = [] if everywhere else form.many("properties")
        if not everywhere and not slugs:
            form.wrong("properties", "choose at least one, or every property")
        last_day = form.day("expires_on")
        form.check()
        new = await service.create_key(
            tx,
            name=name,
            scopes=[Scope(scope) for scope in scopes],
            properties=None if everywhere else slugs,
            expires_at=datetime.combine(last_day, time(), UTC) + timedelta(days=1) if last_day else None,
            now=now,
            by=caller,
        )
    except DomainError as error:
        return await _form(request, tx, caller, form.failed(error), status=422)
    return _shown_once(request, new, "The key has been created")


@post("/keys/{key_id:int}/rotate", opt=_MANAGE, status_code=200)
async def rotate_key(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, key_id: KeyId
) -> Response[str] | Response[bytes]:
    """A new secret with the same rights; the old one works for another day. What a colleague has rotated or
    closed meanwhile is told above the list."""
    require_recent(caller, now)
    try:
        new = await service.rotate_key(tx, key_id=key_id, now=now, overlap=_OVERLAP, by=caller)
    except Conflict as error:
        told = Caution(f"{sentence(error.detail)}. {sentence(error.fix or '')}.")
        return see_other(request, "/admin/keys", notice=told)
    return _shown_once(request, new, "The key has a new secret")


@post("/keys/{key_id:int}/revoke", opt=_MANAGE)
async def revoke_key(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, key_id: KeyId
) -> Response[bytes]:
    """Close a key for good, at once."""
    require_recent(caller, now)
    key = await service.revoke_key(tx, key_id=key_id, now=now, by=caller)
    return see_other(request, "/admin/keys", notice=f"{key.name} has been revoked.")


def _shown_once(request: Request[Any, Any, State], new: NewKey, headline: str) -> Response[str]:
    return page(request, "keys/secret.html", new=new, headline=headline, words=SCOPE_WORDS)


async def _form(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, form: Form, status: int = 200
) -> Response[str]:
    within = caller.properties_for(Permission.KEYS_MANAGE)
    return page(
        request,
        "keys/form.html",
        status=status,
        form=form,
        properties=await properties_within(tx, within),
        everywhere=within is None,
        words=SCOPE_WORDS,
    )


handlers = [list_keys, new_key, create_key, rotate_key, revoke_key]
