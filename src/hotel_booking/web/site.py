"""Pages of the guest site. To add one:

1. A handler in a module of `web/`, with an address inside the language:
   `@get("/hotels/{slug:str}", opt=public(), include_in_schema=False)`; its module's `handlers` list is added
   in `web/__init__.py`, which serves it under every language's prefix. Signed-out addresses (sitemap,
   pictures) go into `_UNPREFIXED` there.
2. A template in `web/templates/<area>/` that extends `site.html` and fills the blocks `title`, `description`,
   `main` (and `head`, `after`), returned by `site(request, "area/page.html", **values)`. A page of content
   that is the same for everybody says `etag=True`.
3. Words: `{{ _("Search") }}`, `{% trans n=rooms %}one room{% pluralize %}{{ n }} rooms{% endtrans %}` in
   templates, `translations(language).gettext("Search")` in Python (named `_` or `gettext` so that they are
   found); translations in `web/locale/<language>/<area>.po`. Never a name or number joined to a translated
   text: placeholders.

Templates see: `lang`, `dir`, `languages`, `link("search", place=...)` (an address inside the language),
`money`, `day`, `instant` (when something was), `moment` and `clock` (a deadline, with the place whose time it
is), `number`, `percent`, `joined` (words with the language's commas between them) as filters in the language,
`comma` (one with its blank, where both sides are isolated), `colon` (after a word), `asset(name)`, `path`,
`notice`, `environment`, `request_id`, `currency` (chosen for orientation, or None), `guest` (who is signed
in), `frame` (what stands around the page), `carry` (the part of the search that links and forms after the
list of hotels hand on), `charge_list(room, currency)` (a price line by line).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote_plus

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.routes import HTTPRoute
from litestar.types import Scope as AsgiScope

from hotel_booking.core.iso_codes import CURRENCIES
from hotel_booking.core.languages import DEFAULT, LANGUAGES, RIGHT_TO_LEFT
from hotel_booking.domains.search.types import SORTS
from hotel_booking.http import cookies
from hotel_booking.http.packing import packed
from hotel_booking.http.security_headers import PAGE_POLICY
from hotel_booking.http.ui import render
from hotel_booking.web.frame import Frame, written_titles
from hotel_booking.web.kept_pages import KeptPage, KeptPages, Origin, Question
from hotel_booking.web.templating import templates_in

CURRENCY = "hotel_currency"
CARRIED = ("place", "at", "sort", "stars", "refundable")
"""What a list of hotels was asked besides: where (as typed, and by key), its order and filters."""

_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*", re.ASCII)
_LONGEST_QUERY = 4000
_LONGEST_PLACE = 100
_STARS = ("1", "2", "3", "4", "5")


def language_of(request: Request[Any, Any, State]) -> str:
    """The language of the page that was asked for: the first part of its address."""
    first = request.scope["path"].split("/", 2)[1]
    return first if first in LANGUAGES else DEFAULT


def link(language: str, where: str = "", /, **values: Any) -> str:
    """An address inside a language: `link("de", "search", place="x")` is /de/search?place=x. What is None,
    empty or False is left out of the query."""
    return render.query(f"/{language}/{where.lstrip('/')}", **values)


def query_of(values: Mapping[str, str]) -> str:
    """Names and values as a query string with its `?`, without those that are empty."""
    kept = [f"{name}={_quoted(value)}" for name, value in values.items() if value]
    return f"?{'&'.join(kept)}" if kept else ""


def _quoted(value: str) -> str:
    # Dates, numbers and codes, which most values are, stand for themselves.
    return value if _PLAIN.fullmatch(value) else quote_plus(value)


def carried(params: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The part of a search that pages after the list hand on; what cannot be read is left out."""
    values = {name: ",".join(params.get(name, ()))[:_LONGEST_PLACE].strip() for name in CARRIED}
    if values["sort"] not in SORTS or values["sort"] == SORTS[0]:
        values["sort"] = ""
    values["stars"] = values["stars"] if values["stars"] in _STARS else ""
    values["refundable"] = "1" if values["refundable"] == "1" else ""
    return {name: value for name, value in values.items() if value and value.isprintable()}


def carry(scope: AsgiScope) -> str:
    """The part of a search that the address carries on past the list of hotels, as a query with its `?`."""
    params = parse_qs(scope["query_string"].decode("latin-1")[:_LONGEST_QUERY])
    return query_of(carried(params))


def site(
    request: Request[Any, Any, State],
    template: str,
    /,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    etag: bool = False,
    origin: Origin | None = None,
    private: bool = False,
    policy: str = PAGE_POLICY,
    **values: Any,
) -> Response[Any]:
    """A page of the site; see the module. `etag`: the page is content, the same for everybody who asks for
    the same address, and is not sent again to who has it. `origin` is all that it follows from, if it is to
    be found by `kept_page`. `private`: it is one guest's own, and nothing keeps it. `policy` is its
    Content-Security-Policy."""
    language = language_of(request)
    scope = request.scope
    notice = render.notice_of(scope)
    own = f"{page_path(scope)}{_search(scope)}" if scope["method"] == "POST" else None
    body = draw(scope, language, template, notice=notice, own_address=own, **values)
    sent = {
        "content-security-policy": policy,
        "vary": "cookie",
        "content-language": language,
        **({"cache-control": "no-store"} if private else {}),
        **(headers or {}),
    }
    if etag and status == 200 and notice is None:
        # Content alone: the length of a page with somebody's data could be used to guess at it (BREACH).
        content = packed(body.encode())
        mark = f'W/"{hashlib.blake2b(content, digest_size=10).hexdigest()}"'
        sent |= {"etag": mark, "cache-control": "private, no-cache"}
        sent["vary"] = "cookie, accept-encoding"
        kept = KeptPage(origin, sent, content)
        if origin is not None:
            pages: KeptPages = scope["litestar_app"].state.kept_pages
            pages.keep(_question(scope), kept)
        return kept.answer(scope)
    answer = Response(body, status_code=status, media_type="text/html", headers=sent)
    if notice is not None:
        answer.cookies.append(render.notice_shown(scope))
    return answer


def kept_page(request: Request[Any, Any, State], origin: Origin) -> Response[Any] | None:
    """The page that was asked for as it was sent before, if it would be made of the same again. One with a
    notice on it is always made anew."""
    pages: KeptPages = request.app.state.kept_pages
    kept = pages.get(_question(request.scope))
    if kept is None or kept.origin is None or not kept.origin.holds(origin):
        return None
    if render.notice_of(request.scope) is not None:
        return None
    return kept.answer(request.scope)


def _question(scope: AsgiScope) -> Question:
    state = scope["litestar_app"].state
    return Question(
        scope["path"],
        scope["query_string"],
        chosen_currency(scope),
        scope["state"].get("guest") is not None,
        tuple(state.group_pages),
    )


def draw(scope: AsgiScope, language: str, template: str, /, *, own_query: str = "", **values: Any) -> str:
    """A template in a language, with what every page of the site needs. `own_query` is the part of the
    address's query, with its `?`, without which it would be another page for who searches or shares it."""
    search = _search(scope)
    parts = page_path(scope).split("/", 2)
    inner = parts[2] if len(parts) > 2 and parts[1] in LANGUAGES else ""
    state = scope["litestar_app"].state
    guest = scope["state"].get("guest")
    currency = chosen_currency(scope)
    titles = written_titles(language, state.group_pages)
    return render.render(
        scope,
        template,
        templates=templates_in(language),
        lang=language,
        dir="rtl" if language in RIGHT_TO_LEFT else "ltr",
        languages=LANGUAGES,
        link=partial(link, language),
        currency=currency,
        carry=carry(scope) if search else "",
        guest=guest,
        group_pages=titles,
        frame=Frame(
            language,
            inner,
            search,
            own=own_query,
            base=state.settings.public_url.rstrip("/"),
            currency=currency,
            signed_in=guest is not None,
            titles=titles,
        ),
        **values,
    )


def _search(scope: AsgiScope) -> str:
    return f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""


def page_path(scope: AsgiScope) -> str:
    """Where the page that is drawn can be asked for: its path; and of one that answers a form, the nearest
    above it that is there to be read, as a booking is for its cancellation."""
    path: str = scope["path"]
    template: str = scope.get("path_template") or ""
    if scope.get("method") != "POST" or not template:
        return path
    readable = _readable(scope["litestar_app"])
    while template not in readable and template.count("/") > 1:
        template, path = template.rpartition("/")[0], path.rpartition("/")[0]
    return path


def _readable(app: Litestar) -> frozenset[str]:
    """The templates of the addresses that can be read."""
    if "readable" not in app.state:
        app.state.readable = frozenset(
            route.path_format
            for route in app.routes
            if isinstance(route, HTTPRoute) and "GET" in {str(method) for method in route.methods}
        )
    known: frozenset[str] = app.state.readable
    return known


def chosen_currency(scope: AsgiScope) -> str | None:
    """The currency that a guest wants to see prices in, for orientation; None: each hotel's own."""
    text = cookies.read(scope, CURRENCY)
    return text if text in CURRENCIES else None
