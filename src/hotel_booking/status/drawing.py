"""The page as HTML, from a snapshot alone: the same for a browser's request and for published files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any, Literal

import msgspec
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit
from jinja2 import Environment, FileSystemLoader

from hotel_booking.core.languages import DEFAULT, LANGUAGES, RIGHT_TO_LEFT
from hotel_booking.core.locales import locale_of
from hotel_booking.domains.incidents import maintenance, templates
from hotel_booking.domains.incidents.maintenance import Window
from hotel_booking.domains.incidents.status_summary import ComponentStatus
from hotel_booking.domains.incidents.status_types import Day
from hotel_booking.domains.incidents.types import PublicIncident
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.dates import clock_text, date_text
from hotel_booking.http.i18n.punctuation import joined
from hotel_booking.http.i18n.words import words as template_words
from hotel_booking.http.ui import isolation, render
from hotel_booking.status import words
from hotel_booking.status.snapshot import Snapshot

Kind = Literal["good", "some", "bad", "none"]
# Higher is better: who sees no colours sees the height. A day that nobody looked at is a line at the foot.
_HEIGHTS: dict[Kind, int] = {"good": 30, "some": 22, "bad": 14, "none": 3}
_BAR, _GAP = 3, 1
_GOOD_ENOUGH = 0.99  # of a day's probes; below it the day had an outage
_MOST_SLOW = 0.1
_MOST_TROUBLED = 30


class Places(msgspec.Struct, frozen=True):
    """Where the page's links lead; relative ones in files."""

    languages: dict[str, str]
    style: str
    icon: str
    feed: str
    summary: str
    site: str
    subscribe: str
    webhooks: str


class UpdateSaid(msgspec.Struct, frozen=True):
    """An update in a language; `ours`: it is in that language, and not what people wrote."""

    at: datetime
    word: str
    ours: bool
    body: str


class IncidentSaid(msgspec.Struct, frozen=True):
    """An incident in a language; `named`: its title is what people called it, in English."""

    id: int
    title: str
    named: bool
    impact: str
    state: str
    started_at: datetime
    resolved_at: datetime | None
    parts: str
    updates: list[UpdateSaid]


class WindowSaid(msgspec.Struct, frozen=True):
    """A maintenance window in a language; `state` is empty as long as it is ahead."""

    id: int
    title: str
    body: str
    ours: bool
    state: str
    kind: str
    starts_at: datetime
    ends_at: datetime
    parts: str


def kind_of(day: Day) -> Kind:
    """How a day is drawn."""
    if day.uptime is None:
        return "none"
    if not day.down and day.slow <= _MOST_SLOW * day.probes:
        return "good"
    return "some" if day.uptime >= _GOOD_ENOUGH else "bad"


def paths(days: Sequence[Day]) -> list[tuple[Kind, str]]:
    """The bars, one path for each kind of day."""
    drawn: dict[Kind, str] = {}
    for place, day in enumerate(days):
        kind = kind_of(day)
        height = _HEIGHTS[kind]
        drawn[kind] = drawn.get(kind, "") + f"M{place * (_BAR + _GAP)} 30v-{height}h{_BAR}v{height}z"
    return list(drawn.items())


def page(shown: Snapshot, language: str, places: Places) -> str:
    """The whole page in a language."""
    texts = translations(language)
    speaks = Speaking(language)
    checked = max((one.checked_at for one in shown.components if one.checked_at), default=None)
    return (
        templates_in(language)
        .get_template("status.html")
        .render(
            lang=language,
            dir="rtl" if language in RIGHT_TO_LEFT else "ltr",
            languages=[(code, name, places.languages[code]) for code, name in LANGUAGES.items()],
            style_address=places.style,
            icon_address=places.icon,
            feed=places.feed,
            summary=places.summary,
            site=places.site,
            subscribe=places.subscribe,
            webhooks=places.webhooks,
            headline=words.headline(shown.overall, texts),
            overall=shown.overall,
            overall_mark=words.OVERALL_MARKS[shown.overall],
            checked_at=checked,
            stale=shown.read_at < shown.at,
            lasting=[speaks.incident(one) for one in shown.lasting],
            past=[speaks.incident(one) for one in shown.past],
            ahead=[speaks.window(one, shown.at) for one in shown.ahead],
            done=[
                speaks.window(one, shown.at)
                for one in reversed(shown.windows)
                if one.ends_at <= shown.at and one.cancelled_at is None
            ],
            components=[speaks.component(one) for one in shown.components],
            oldest=shown.components[0].days[0].day,
            proof=speaks.proof(shown),
            drill=speaks.drill(shown),
        )
    )


def answer(
    language: str,
    what: str,
    *,
    action: str,
    home: str,
    style: str,
    icon: str,
) -> str:
    """A small page that says what became of a subscription, or asks; `action` is where its button leads."""
    headline, told, button = words.subscription(what, translations(language))
    return (
        templates_in(language)
        .get_template("answer.html")
        .render(
            lang=language,
            dir="rtl" if language in RIGHT_TO_LEFT else "ltr",
            headline=headline,
            told=told,
            button=button,
            action=action,
            home=home,
            style_address=style,
            icon_address=icon,
        )
    )


@cache
def templates_in(language: str) -> Environment:
    """The page's template with the language's words and ways of writing."""
    templates = render.environment().overlay(loader=FileSystemLoader(render.PACKAGE / "status" / "templates"))
    templates.globals = dict(templates.globals)
    templates.filters = dict(templates.filters)
    templates.add_extension("jinja2.ext.i18n")
    templates.newstyle_gettext = True  # type: ignore[attr-defined]  # added by the extension
    templates.globals |= template_words(language)
    templates.filters |= {
        "utc": lambda value: utc(value, language),
        "date": lambda value: date_text(value, language, "MMMd"),
    }
    templates.filters |= isolation.filters(rtl=language in RIGHT_TO_LEFT)
    return templates


def utc(value: datetime, language: str) -> str:
    """An instant, to the minute, on the clock of UTC: 3 Mar 2026, 14:05."""
    value = value.astimezone(UTC)
    day: date = value.date()
    at = clock_text(time(value.hour, value.minute), language)
    return joined((date_text(day, language, "yMMMd"), at), language)


class Speaking:
    """What is shown, in the words of a language: plain values for the template."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._texts = translations(language)
        self._locale = locale_of(language)

    def utc(self, value: datetime) -> str:
        """An instant on the clock of UTC."""
        return utc(value, self._language)

    def component(self, one: ComponentStatus) -> dict[str, Any]:
        """A component with its bars, and what they say."""
        kinds = [kind_of(day) for day in one.days]
        _, ngettext = self._texts.gettext, self._texts.ngettext
        share = _("not checked yet")
        if one.uptime is not None:
            share = _("{share} uptime").format(share=self._share(one.uptime))
        good, some, bad, none = (kinds.count(kind) for kind in _HEIGHTS)
        counts = (
            (good, ngettext("{number} day without trouble", "{number} days without trouble", good)),
            (some, ngettext("{number} day with some trouble", "{number} days with some trouble", some)),
            (bad, ngettext("{number} day with an outage", "{number} days with an outage", bad)),
            (none, ngettext("{number} day not checked", "{number} days not checked", none)),
        )
        told = [share, *(text.format(number=self._number(n)) for n, text in counts if n)]
        troubled = [day for day in reversed(one.days) if kind_of(day) in ("some", "bad")][:_MOST_TROUBLED]
        return {
            "name": words.component(one.key, self._texts),
            "state": one.state,
            "mark": words.MARKS[one.state],
            "word": words.state(one.state, self._texts),
            "width": len(one.days) * (_BAR + _GAP) - _GAP,
            "paths": paths(one.days),
            "told": self._listed(told),
            "share": share,
            "troubled": [{"told": self._day(day)} for day in troubled],
        }

    def _day(self, day: Day) -> str:
        text = self._texts.ngettext(
            "{day}: {share} of {number} check was answered, {slow} of them slowly",
            "{day}: {share} of {number} checks were answered, {slow} of them slowly",
            day.probes,
        )
        return text.format(
            day=date_text(day.day, self._language, "yMMMd"),
            share=self._share(day.uptime or 0),
            number=self._number(day.probes),
            slow=self._number(day.slow),
        )

    def incident(self, one: PublicIncident) -> IncidentSaid:
        """An incident and what was said of it. What people wrote is English; what they took from the texts
        that are ready is said in the language; so is what an alert has named."""
        unnamed = one.unnamed and self._language != DEFAULT
        gettext = self._texts.gettext
        return IncidentSaid(
            id=one.id,
            title=gettext(templates.UNNAMED) if unnamed else one.title,
            named=not unnamed,
            impact="over" if one.resolved_at is not None else one.impact,
            state=words.update(one.status, self._texts),
            started_at=one.started_at,
            resolved_at=one.resolved_at,
            parts=self._parts(one.components),
            updates=[
                UpdateSaid(
                    update.at,
                    words.update(update.status, self._texts),
                    update.template is not None,
                    gettext(update.body) if update.template is not None else update.body,
                )
                for update in one.updates
            ],
        )

    def window(self, one: Window, now: datetime) -> WindowSaid:
        """A maintenance window."""
        _ = self._texts.gettext
        ours = one.body == maintenance.BODY
        state, kind = "", "none"
        if one.cancelled_at is not None:
            state = _("called off")
        elif one.lasts(now):
            state, kind = _("in progress"), "lasts"
        elif one.ends_at <= now:
            state = _("done")
        return WindowSaid(
            id=one.id,
            title=_("Scheduled maintenance") if one.title == maintenance.TITLE else one.title,
            body=self._texts.gettext(one.body) if ours else one.body,
            ours=ours,
            state=state,
            kind=kind,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            parts=self._parts(one.components),
        )

    def proof(self, shown: Snapshot) -> dict[str, str]:
        """What the last check of all nights found."""
        _, ngettext = self._texts.gettext, self._texts.ngettext
        if shown.checked is None:
            return {"kind": "none", "told": _("Not checked yet.")}
        nights = shown.checked.oversold_nights
        text = ngettext(
            "{number} oversold night, last checked {when}",
            "{number} oversold nights, last checked {when}",
            nights,
        )
        when = utc(shown.checked.finished_at, self._language)
        return {
            "kind": "bad" if nights else "good",
            "told": text.format(number=self._number(nights), when=when),
        }

    def drill(self, shown: Snapshot) -> dict[str, str]:
        """What the last drill of a restore came to."""
        _, last = self._texts.gettext, shown.drilled
        if last is None:
            return {"kind": "none", "told": _("Not tried yet.")}
        when = utc(last.at, self._language)
        if not last.succeeded or last.rpo is None or last.rto is None:
            return {"kind": "bad", "told": _("The last trial, {when}, failed.").format(when=when)}
        text = (
            _("Bookings worked again after {back}, with {lost} of bookings missing; tried {when}")
            if last.lost
            else _("Bookings worked again after {back}, and none was missing; tried {when}")
        )
        back, lost = self._seconds(last.rto), self._seconds(last.rpo)
        return {"kind": "good", "told": text.format(back=back, lost=lost, when=when)}

    def _seconds(self, value: float) -> str:
        return str(format_unit(math.ceil(value), "second", locale=self._locale))

    def _parts(self, keys: Sequence[str]) -> str:
        return self._listed([words.component(key, self._texts) for key in keys])

    def _listed(self, items: Sequence[str]) -> str:
        return format_list(items, locale=self._locale) if items else ""

    def _number(self, value: int) -> str:
        return str(format_decimal(value, locale=self._locale))

    def _share(self, value: float) -> str:
        # Rounded down: 100 % is said of what never failed alone.
        cut = int(value * 10_000) / 10_000
        pattern = self._locale.percent_formats[None].pattern.replace("#,##0", "0.##")
        return str(format_percent(cut, format=pattern, locale=self._locale))
