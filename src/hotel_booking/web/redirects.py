"""Addresses without a language send the guest to the same page in theirs; and the switch between
languages."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.languages import LANGUAGES
from hotel_booking.http import cookies
from hotel_booking.http.access import public
from hotel_booking.http.i18n.language import COOKIE, preferred
from hotel_booking.web.frame import SENT_ON
from hotel_booking.web.site import CURRENCY

_YEAR = 365 * 24 * 3600


@get(
    [*(f"/{part}" for part in SENT_ON), "/hotels/{slug:str}"],
    opt=public(),
    include_in_schema=False,
    sync_to_thread=False,
)
def send_on(request: Request[Any, Any, State]) -> Response[bytes]:
    """To the language of the guest's cookie or browser, with the same question."""
    query = request.scope["query_string"].decode("latin-1")
    to = f"/{preferred(request.scope)}{request.scope['path']}" + (f"?{query}" if query else "")
    return Response(b"", status_code=302, headers={"location": to, "vary": "cookie, accept-language"})


@get("/.well-known/change-password", opt=public(), include_in_schema=False, sync_to_thread=False)
def change_password(request: Request[Any, Any, State]) -> Response[bytes]:
    """Where a browser's password manager leads to whoever wants another password: to the account's."""
    to = f"/{preferred(request.scope)}/account/security"
    return Response(b"", status_code=302, headers={"location": to, "vary": "cookie, accept-language"})


@get("/language/{language:str}", opt=public(), include_in_schema=False, sync_to_thread=False)
def choose_language(request: Request[Any, Any, State], language: str) -> Response[bytes]:
    """Remember the language, and go on with the page that `to` names."""
    chosen = language if language in LANGUAGES else preferred(request.scope)
    to = request.query_params.get("to", "")
    # Only our own pages: "//elsewhere" and "/\\elsewhere" would leave the site.
    own = to.startswith("/") and not to.startswith(("//", "/\\")) and "\n" not in to and "\r" not in to
    parts = to.split("/", 2) if own and to.isascii() else []
    rest = parts[2] if len(parts) > 2 and parts[1] in LANGUAGES else ""
    cookie = cookies.write(request.scope, COOKIE, chosen, seconds=_YEAR)
    return Response(b"", status_code=303, headers={"location": f"/{chosen}/{rest}"}, cookies=[cookie])


@get("/currency/{code:str}", opt=public(), include_in_schema=False, sync_to_thread=False)
def choose_currency(request: Request[Any, Any, State], code: str) -> Response[bytes]:
    """Remember the currency that prices are also shown in, and go on with the page that `to` names; "own"
    forgets it. It is for orientation: every hotel charges in its own."""
    good = len(code) == 3 and code.isascii() and code.isalpha()
    to = request.query_params.get("to", "")
    parts = to.split("/", 2) if to.isascii() and to.startswith("/") else []
    rest = parts[2] if len(parts) > 2 and parts[1] in LANGUAGES else ""
    language = parts[1] if len(parts) > 1 and parts[1] in LANGUAGES else preferred(request.scope)
    value, seconds = (code.upper(), _YEAR) if good else ("", 0)
    cookie = cookies.write(request.scope, CURRENCY, value, seconds=seconds)
    return Response(b"", status_code=303, headers={"location": f"/{language}/{rest}"}, cookies=[cookie])


handlers = [send_on, change_password, choose_language, choose_currency]
