"""The site's templates, one environment a language: compiled once for all of them, before anybody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import cache, partial
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal, format_percent
from jinja2 import BytecodeCache, Environment, pass_context
from jinja2.bccache import Bucket
from jinja2.runtime import Context
from markupsafe import Markup

from hotel_booking.core import bidi, formats
from hotel_booking.core.languages import LANGUAGES, LOCALES, RIGHT_TO_LEFT
from hotel_booking.core.locales import locale_of
from hotel_booking.core.moments import clock, long_date, moment, same_day
from hotel_booking.core.money import Money
from hotel_booking.domains.rates.types import MAX_ADULTS, MAX_ROOMS
from hotel_booking.http.i18n.dates import clock_text, date_text
from hotel_booking.http.i18n.punctuation import between, colon, joined
from hotel_booking.http.i18n.words import words
from hotel_booking.http.ui import isolation, render
from hotel_booking.web.i18n.asked_field import asked_field
from hotel_booking.web.i18n.charge_list import charge_list

T = TypeVar("T")
_SURFACES = ("web/templates", "http/ui/templates")


class _Compiled(BytecodeCache):
    """Templates as code, shared by the languages: what differs between them are filters and globals, which
    code looks up when it runs."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what was compiled for another language."""
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it for the others."""
        self._code[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


async def compile_all() -> None:
    """Compile every template of the site in every language, letting requests through in between: the first
    guest of a page pays for its texts, not for its template. Once a process."""
    package = render.PACKAGE
    bidi.letters()
    names = sorted(
        path.relative_to(package / folder).as_posix()
        for folder in _SURFACES
        for path in (package / folder).rglob("*.html")
    )
    for language in LANGUAGES:
        templates = templates_in(language)
        await asyncio.sleep(0)
        for name in names:
            templates.get_template(name)
            await asyncio.sleep(0)


def blocks_as(kind: type[T], language: str, template: str, /, **values: Any) -> T:
    """The blocks of a template, each by itself, as HTML to be put into pages: the fields of `kind`."""
    found = templates_in(language).get_template(template)
    context = found.new_context(values)
    # Jinja has escaped the values already.
    return kind(**{name: Markup("".join(block(context))) for name, block in found.blocks.items()})  # noqa: S704


@cache
def templates_in(language: str) -> Environment:
    """All templates with the language's words and ways of writing."""
    templates = render.environment().overlay()
    templates.globals = dict(templates.globals)
    templates.filters = dict(templates.filters)
    templates.bytecode_cache = _COMPILED
    templates.add_extension("jinja2.ext.i18n")
    templates.newstyle_gettext = True  # type: ignore[attr-defined]  # added by the extension
    templates.globals |= words(language) | {
        "charge_list": charge_list(language),
        "asked_field": asked_field(language),
        "comma": between(language),
        "colon": colon(language),
    }
    locale = locale_of(language)

    def money(value: Money | int, currency: str | None = None, *, whole: bool = False) -> str:
        if isinstance(value, int):
            if currency is None:
                raise TypeError("an amount of money needs its currency")
            value = Money(value, currency)
        return formats.money(value.amount, value.currency, LOCALES[language], whole=whole)

    def day(value: date | None, skeleton: str = "yMMMEd") -> str:
        return "" if value is None else date_text(value, language, skeleton)

    def instant(value: datetime | None, timezone: str = "UTC") -> str:
        """When something happened, on the clock of a place. A deadline is a `moment` or a `clock`."""
        if value is None:
            return ""
        local = value.astimezone(ZoneInfo(timezone))
        at = clock_text(time(local.hour, local.minute), language)
        return joined((date_text(local.date(), language, "MMMd"), at), language)

    def number(value: float) -> str:
        return str(format_decimal(value, locale=locale))

    def percent(value: float) -> str:
        return str(format_percent(value, locale=locale))

    @pass_context  # else Jinja fills constants in as it compiles, for all languages as for the first
    def listed(context: Context, parts: Iterable[Any], mark: Literal[",", ";"] = ",") -> str:
        del context
        return joined(parts, language, mark)

    templates.filters |= {
        "money": money,
        "day": day,
        "long_date": partial(long_date, language=language),
        "instant": instant,
        "moment": partial(moment, language=language),
        "clock": partial(clock, language=language),
        "same_day": same_day,
        "number": number,
        "percent": percent,
        "joined": listed,
    }
    templates.filters |= isolation.filters(rtl=language in RIGHT_TO_LEFT)
    templates.globals |= {"timedelta": timedelta, "most_adults": MAX_ADULTS, "most_rooms": MAX_ROOMS}
    return templates
