"""Being told by email or webhook: asked for by a form, confirmed and ended by signed links. A GET changes
nothing, so programs that open the links of a mail confirm nothing and end nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.core import links
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import NotFound
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.core.languages import DEFAULT, LANGUAGES
from hotel_booking.domains.incidents import subscriptions, webhooks
from hotel_booking.domains.incidents.errors import InvalidSubscription
from hotel_booking.http.access import public
from hotel_booking.http.i18n.language import accepted
from hotel_booking.http.security_headers import PAGE_POLICY
from hotel_booking.http.ui import assets
from hotel_booking.http.ui.forms import read
from hotel_booking.status import drawing

_TOLD = frozenset("asked invalid confirmed too_late left webhook_asked invalid_webhook no_webhooks".split())
SubscriberId = Annotated[int, Parameter(ge=1, le=LARGEST_INTEGER)]


class NotYourLink(NotFound):
    """The link is not one that we have sent."""

    code = "no_such_subscription"


@post("/status/subscriptions", opt=public(), include_in_schema=False)
async def ask(request: Request[Any, Any, State], tx: Transaction, now: datetime) -> Response[str]:
    """Ask the owner of an address whether they want to be told. The answer is the same for every address."""
    form = await read(request)
    language = form.value("language") if form.value("language") in LANGUAGES else DEFAULT
    try:
        await subscriptions.ask(tx, email=form.value("email")[:400], language=language, now=now)
    except InvalidSubscription:
        return _sent_on(language, "invalid")
    return _sent_on(language, "asked")


@get("/status/subscription/{subscriber_id:int}/confirm", opt=public(), include_in_schema=False)
async def look_before_confirming(
    request: Request[Any, Any, State],
    state: State,
    tx: Transaction,
    subscriber_id: SubscriberId,
    token: str = "",
) -> Response[str]:
    """A button that confirms."""
    path = subscriptions.confirming(subscriber_id)
    _check(state, path, token)
    found = await subscriptions.find(tx, subscriber_id)
    if found is None:
        return _page(_theirs(request), "too_late", status=410)
    return _page(found.language, "confirm", action=f"{path}?token={token}")


@post("/status/subscription/{subscriber_id:int}/confirm", opt=public(), include_in_schema=False)
async def confirm(
    request: Request[Any, Any, State],
    state: State,
    tx: Transaction,
    now: datetime,
    subscriber_id: SubscriberId,
    token: str = "",
) -> Response[str]:
    """Their owner says yes."""
    _check(state, subscriptions.confirming(subscriber_id), token)
    found = await subscriptions.find(tx, subscriber_id)
    language = found.language if found is not None else _theirs(request)
    if not await subscriptions.confirm(tx, subscriber_id=subscriber_id, now=now):
        return _sent_on(language, "too_late")
    return _sent_on(language, "confirmed")


@get("/status/subscription/{subscriber_id:int}", opt=public(), include_in_schema=False)
async def look_before_leaving(
    request: Request[Any, Any, State],
    state: State,
    tx: Transaction,
    subscriber_id: SubscriberId,
    token: str = "",
) -> Response[str]:
    """A button that ends it."""
    path = subscriptions.leaving(subscriber_id)
    _check(state, path, token)
    found = await subscriptions.find(tx, subscriber_id)
    if found is None:
        return _page(_theirs(request), "left")
    return _page(found.language, "leave", action=f"{path}?token={token}")


@post("/status/subscription/{subscriber_id:int}", opt=public(), include_in_schema=False)
async def leave(
    request: Request[Any, Any, State],
    state: State,
    tx: Transaction,
    subscriber_id: SubscriberId,
    token: str = "",
) -> Response[str]:
    """Forget the address: by the button, or by a mail program's own, which follows no redirect (RFC 8058)."""
    _check(state, subscriptions.leaving(subscriber_id), token)
    found = await subscriptions.find(tx, subscriber_id)
    await subscriptions.leave(tx, subscriber_id=subscriber_id)
    language = found.language if found is not None else _theirs(request)
    if not request.headers.get("content-type") or (await read(request)).value("List-Unsubscribe"):
        return _page(language, "left")
    return _sent_on(language, "left")


@post("/status/webhooks", opt=public(), include_in_schema=False)
async def ask_webhook(
    request: Request[Any, Any, State], state: State, tx: Transaction, now: datetime
) -> Response[str]:
    """Send a challenge to a program's address. By what its messages are signed the program alone is told, for
    anybody may ask for anybody's address; what cannot be reached is found out later, and not told here."""
    form = await read(request)
    language = form.value("language") if form.value("language") in LANGUAGES else DEFAULT
    if state.settings.secret_key is None:
        return _sent_on(language, "no_webhooks")
    try:
        await webhooks.ask(tx, url=form.value("url").strip(), now=now)
    except InvalidSubscription:
        return _sent_on(language, "invalid_webhook")
    return _sent_on(language, "webhook_asked")


@get("/status/webhook/{webhook_id:int}", opt=public(), include_in_schema=False)
async def look_before_ending(
    request: Request[Any, Any, State],
    state: State,
    tx: Transaction,
    webhook_id: SubscriberId,
    token: str = "",
) -> Response[str]:
    """A button that ends it."""
    path = webhooks.own_path(webhook_id)
    _check(state, path, token)
    if await webhooks.find(tx, webhook_id) is None:
        return _page(_theirs(request), "left")
    return _page(_theirs(request), "leave", action=f"{path}?token={token}")


@post("/status/webhook/{webhook_id:int}", opt=public(), include_in_schema=False)
async def end_webhook(
    request: Request[Any, Any, State],
    state: State,
    tx: Transaction,
    webhook_id: SubscriberId,
    token: str = "",
) -> Response[str]:
    """Forget the address."""
    _check(state, webhooks.own_path(webhook_id), token)
    await webhooks.leave(tx, webhook_id=webhook_id)
    return _sent_on(_theirs(request), "left")


@get("/status/subscriptions/{language:str}/{what:str}", opt=public(), include_in_schema=False)
async def told(language: str, what: str) -> Response[str]:
    """What became of a form: a page of its own, which can be loaded anew and come back to."""
    if language not in LANGUAGES or what not in _TOLD:
        raise NotYourLink("there is no such page", fix="look at /status")
    return _page(language, what)


def _theirs(request: Request[Any, Any, State]) -> str:
    """The browser's language: who has been forgotten has no other."""
    return accepted(request.headers.get("accept-language", ""))


def _check(state: State, path: str, token: str) -> None:
    if not links.is_good(state.settings.secret_key, path, token):
        raise NotYourLink("there is no such subscription", fix="use the link of the mail, as it is")


def _sent_on(language: str, what: str) -> Response[str]:
    headers = {"location": f"/status/subscriptions/{language}/{what}", "cache-control": "no-store"}
    return Response("", status_code=303, headers=headers)


def _page(language: str, what: str, *, action: str = "", status: int = 200) -> Response[str]:
    body = drawing.answer(
        language,
        what,
        action=action,
        home=f"/status/{language}",
        style=assets.address("status.css"),
        icon=assets.address("favicon.svg"),
    )
    headers = {
        "content-security-policy": PAGE_POLICY,
        "content-language": language,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",  # the address opens something
    }
    return Response(body, status_code=status, media_type="text/html", headers=headers)


handlers = [
    ask,
    look_before_confirming,
    confirm,
    look_before_leaving,
    leave,
    ask_webhook,
    look_before_ending,
    end_webhook,
    told,
]
