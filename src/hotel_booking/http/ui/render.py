"""Pages: Jinja2 templates with what every page needs, and answers around them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from litestar import Request, Response
from litestar.datastructures import Cookie, State
from litestar.types import Scope as AsgiScope
from markupsafe import Markup

from hotel_booking.core import formats
from hotel_booking.core.code_names import called, counted, headed, value_called, zone_called
from hotel_booking.core.errors import sentence
from hotel_booking.core.locales import locale_named
from hotel_booking.core.moments import clock, moment, place_of
from hotel_booking.core.money import Money
from hotel_booking.core.phone import is_read, phone_shown
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties.beds import bed_kind
from hotel_booking.http import cookies
from hotel_booking.http.access import caller_of
from hotel_booking.http.security_headers import PAGE_POLICY
from hotel_booking.http.ui import assets, isolation
from hotel_booking.http.ui.isolation import IsolatingEnvironment

PACKAGE = Path(__file__).parents[2]
# The design system's own templates first; each surface keeps its pages beside its handlers.
_FOLDERS = [PACKAGE / where / "templates" for where in ("http/ui", "admin", "web")]
_NOTICE = "hotel_notice"
_LONGEST_NOTICE = 999  # bytes: two sentences of any language, and a fourth of what a cookie may hold
_CAUTION = "!"  # what the cookie of a warning begins with
_LOCALE = "en_GB"
_AMOUNTS = frozenset(
    "total net tax fee amount due_now goodwill price extra_adult child_amounts to_capture captured lowest"
    " highest opening cash_taken cash_reversed cash_given_back counted removed".split()
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
# A date, or the nights of a range as PostgreSQL writes it.
_DATES = re.compile(r"(\d{4}-\d\d-\d\d)|\[(\d{4}-\d\d-\d\d),(\d{4}-\d\d-\d\d)\)")


class EntryContext(msgspec.Struct, frozen=True):
    """Where an entry of the audit log belongs: the currency of its amounts, the zone of its hotel's clocks,
    the names of what its ids refer to, by column and id."""

    currency: str | None = None
    timezone: str = "UTC"
    names: Mapping[tuple[str, int | str], str] = {}


_NO_CONTEXT = EntryContext()


class Caution(str):
    """A notice of something that somebody should look at again: shown as a warning, not as a success."""

    __slots__ = ()


@cache
def environment() -> Environment:
    """The one template environment of the process."""
    templates = IsolatingEnvironment(
        loader=FileSystemLoader(_FOLDERS),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,  # all of them: they are as many as there are files, and found without a lock
    )
    templates.filters |= {
        "money": money,
        "amount": formats.for_field,
        "day": day,
        "instant": instant,
        "moment": moment,
        "clock": clock,
        "number": number,
        "percent": percent,
        "plain": plain,
        "called": called,
        "headed": headed,
        "sentence": sentence,
        "beds": beds,
        "zone": zone_called,
        "country": country_name,
        "phone": phone_shown,
        "tel": tel,
    }
    templates.filters |= isolation.filters(rtl=False)
    templates.tests["caution"] = lambda notice: isinstance(notice, Caution)
    templates.globals |= {"asset": assets.address, "query": query, "drawn_icon": icon}
    return templates


@lru_cache(maxsize=512)
def icon(name: str, flips: bool = False) -> Markup:
    """An icon of the sheet that browsers keep; `flips` where the page is written from right to left. Its size
    holds where the style sheet did not come: it would be a third of a phone else."""
    size = Markup('width="18" height="18"')
    return Markup('<svg class="icon{}" {} aria-hidden="true"><use href="{}#{}"/></svg>').format(
        " flips" if flips else "", size, assets.address("icons.svg"), name
    )


def page(
    request: Request[Any, Any, State],
    template: str,
    /,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response[str]:
    """A page. Templates also see `user` (the caller), `session`, `may(permission, property_id)`, `path`,
    `environment`, `request_id`, `notice` (what the last form said when it was done) and `asset(name)`."""
    notice = notice_of(request.scope)
    answer = Response(
        render(request.scope, template, notice=notice, **values),
        status_code=status,
        media_type="text/html",
        headers={"content-security-policy": PAGE_POLICY, "vary": "cookie", **(headers or {})},
    )
    if notice is not None:
        answer.cookies.append(notice_shown(request.scope))
    return answer


def notice_of(scope: AsgiScope) -> str | None:
    """What the last form said when it was done; None where nothing is to be said."""
    kept = cookies.read(scope, _NOTICE, longest=_LONGEST_NOTICE * 4 // 3 + 2) or ""
    text = _decoded(kept.removeprefix(_CAUTION))
    return Caution(text) if text is not None and kept.startswith(_CAUTION) else text


def notice_shown(scope: AsgiScope) -> Cookie:
    """The cookie that forgets the notice, for the answer that shows it."""
    return cookies.write(scope, _NOTICE, "", seconds=0)


def render(scope: AsgiScope, template: str, /, *, templates: Environment | None = None, **values: Any) -> str:
    """A template with what every page needs. `templates` are the site's own in a language."""
    caller = caller_of(scope)

    def may(permission: str, property_id: int | None = None) -> bool:
        wanted = Permission(permission)
        return caller.may(wanted, property_id) if property_id is not None else caller.may_somewhere(wanted)

    state = scope["state"]
    return (
        (templates or environment())
        .get_template(template)
        .render(
            {
                "user": caller,
                "session": state.get("session"),
                "may": may,
                "path": scope["path"],
                "environment": scope["litestar_app"].state.settings.environment,
                "unsafe": scope["litestar_app"].state.warnings,
                "request_id": state.get("request_id", ""),
                "notice": None,
                **values,
            }
        )
    )


def see_other(request: Request[Any, Any, State], to: str, *, notice: str | None = None) -> Response[bytes]:
    """Go and look there: the answer to a form that was carried out. `notice` is shown on the next page, a
    `Caution` as a warning.

    A request by htmx is told in its own words, so that the whole page changes and not a part of it.
    """
    set_cookies: list[Cookie] = []
    if notice is not None:
        text = base64.urlsafe_b64encode(notice.encode()[:_LONGEST_NOTICE]).decode().rstrip("=")
        text = f"{_CAUTION}{text}" if isinstance(notice, Caution) else text
        set_cookies.append(cookies.write(request.scope, _NOTICE, text, seconds=60))
    if request.headers.get("hx-request") == "true":
        return Response(b"", status_code=204, headers={"hx-redirect": to}, cookies=set_cookies)
    return Response(b"", status_code=303, headers={"location": to}, cookies=set_cookies)


def _decoded(text: str | None) -> str | None:
    try:
        whole = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if text else b""
        return whole.decode(errors="ignore") or None  # a long one is cut, perhaps within a letter
    except binascii.Error:
        return None


def query(path: str, **values: Any) -> str:
    """An address with a query, leaving out what is None, empty or False."""
    pairs = [(name, value) for name, value in values.items() if value not in (None, "", False, [], ())]
    return f"{path}?{urlencode(pairs, doseq=True)}" if pairs else path


def tel(phone: str | None) -> str:
    """A telephone number as an address that dials it (RFC 3966)."""
    number = phone or ""
    return "tel:" + (number if is_read(number) else "".join(c for c in number if c in "+0123456789"))


def money(value: Money | int, currency: str | None = None) -> str:
    """Minor units as money: 12900 EUR is €129.00."""
    if isinstance(value, int):
        if currency is None:
            raise TypeError("an amount of money needs its currency")
        value = Money(value, currency)
    return formats.english(value.amount, value.currency)


def day(value: date | None, style: str = "EEE d MMM y") -> str:
    """A date: Tue 3 Mar 2026."""
    return "" if value is None else str(format_date(value, style, locale=_LOCALE))


def instant(value: datetime | None, timezone: str = "UTC", style: str = "d MMM y, HH:mm") -> str:
    """An instant on the clock of a place: 3 Mar 2026, 14:05."""
    return (
        "" if value is None else str(format_datetime(value, style, tzinfo=ZoneInfo(timezone), locale=_LOCALE))
    )


def number(value: float) -> str:
    """A number with its thousands apart: 12,345."""
    return str(format_decimal(value, locale=_LOCALE))


def percent(value: float, digits: int = 0) -> str:
    """A share as per cent: 0.815 is 82%."""
    pattern = f"0.{'0' * digits}%" if digits else "0%"
    return str(format_percent(round(value, digits + 2), format=pattern, locale=_LOCALE))


def _days(text: str, *dates: str | None) -> str:
    try:
        return " to ".join(day(date.fromisoformat(one), "d MMM y") for one in dates if one)
    except ValueError:  # a text that looks like a date
        return text


def plain(value: Any, name: str = "", of: str = "", kept: EntryContext = _NO_CONTEXT) -> str:
    """A value as the audit log keeps it, for people: instants and money as they are read elsewhere, lists
    without brackets, a dash for nothing, codes and ids by their names. `name` is the column's, `of` the kind
    of the object."""
    currency = kept.currency
    match value:
        case None | "" | []:
            return "—"
        case bool():
            return "yes" if value else "no"
        case int() if currency is not None and name in _AMOUNTS:
            return money(value, currency)
        case int() | str() if (name, value) in kept.names:
            return kept.names[name, value]
        case str() if name == "country":
            return country_name(value)
        case str() if _INSTANT.match(value):
            at = datetime.fromisoformat(value)
            place = "UTC" if kept.timezone == "UTC" else f"({place_of(kept.timezone)} time)"
            return f"{instant(at, kept.timezone)} {place}"
        case str() if dates := _DATES.fullmatch(value):
            return _days(value, *dates.groups())
        case list() if currency is not None and name in _AMOUNTS:
            return ", ".join(money(item, currency) for item in value)
        case list():
            if all(isinstance(item, dict | list) for item in value):
                return f"{len(value)} lines"
            return ", ".join(
                kept.names.get((name, item), str(item)) if isinstance(item, int) else str(item)
                for item in value
            )
        case dict():
            pairs = ((called(key, "column"), plain(item, key, of, kept)) for key, item in value.items())
            return ", ".join(f"{key} {item}" for key, item in pairs)
    return value_called(str(value), name, of)


def country_name(code: str) -> str:
    """A country in words; a code that stands for none stays."""
    return str(locale_named("en").territories.get(code, code))


def beds(kind: str, number: int) -> str:
    """So many beds of a kind, however a hotel has written it: 2 sofa beds."""
    return counted(number, bed_kind(kind), "bed")
