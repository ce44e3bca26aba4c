"""What stands around every page of the site: its style sheets, its head with the menus, its foot. Made once
for each language, chosen currency and so on as HTML, in which only the page's own address is left to be
filled in."""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import cache, lru_cache
from typing import Literal
from urllib.parse import quote_plus

import msgspec
from markupsafe import Markup, escape

from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.properties.group_pages import KINDS
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.web import social
from hotel_booking.web.templating import blocks_as

_HOLE = "\ue000"  # of Unicode's private use: in no text of ours, and no part of an address as it is quoted

SENT_ON = ("", "search", "hotels", "booking", "account", *KINDS)
"""The pages that can also be asked for without a language, besides each hotel's."""

Part = Literal["", "hotels", "account"]
"""The part of the site that the menu shows to be open."""


class _Pieces(msgspec.Struct, frozen=True):
    """The fields are the blocks of `frame.html`."""

    links: Markup
    top: Markup
    foot: Markup


class Frame:
    """The frame of one page. `inner` is its path within the language, `search` its query with the `?`, as
    they came; `own` the query without which it would be another page; `base` the site's own address, `titles`
    the group's own pages that are there."""

    def __init__(
        self,
        language: str,
        inner: str,
        search: str,
        *,
        own: str,
        base: str,
        currency: str | None,
        signed_in: bool,
        titles: Mapping[str, str],
    ) -> None:
        self._language, self._inner, self._own, self._base = language, inner, own, base
        pieces = _pieces(language, currency, _part_of(inner), signed_in, tuple(titles))
        self.links, self.foot = pieces.links, pieces.foot
        # What is quoted for an address needs no escaping.
        self.top = Markup(pieces.top.replace(_HOLE, quote_plus(f"{inner}{search}")))  # noqa: S704

    def addresses(self) -> Markup:
        """The page's own address for search engines: absolute, in its language and all, without what only
        varies the page."""
        base, inner, own = escape(self._base), escape(self._inner), escape(self._own)
        lines = [f'<link rel="canonical" href="{base}/{self._language}/{inner}{own}">']
        lines += [
            f'<link rel="alternate" hreflang="{code}" href="{base}/{where}{own}">'
            for code, where in alternates(inner)
        ]
        return Markup("\n".join(lines))  # noqa: S704 - escaped above

    def picture(self) -> Markup:
        """The page's own address and the group's picture, for those who show links to it."""
        shown = (
            ("og:url", f"{self._base}/{self._language}/{self._inner}{self._own}"),
            ("og:image", f"{self._base}{social.group_address()}"),
            ("og:image:type", "image/jpeg"),
            ("og:image:width", str(social.SIZE[0])),
            ("og:image:height", str(social.SIZE[1])),
        )
        lines = [Markup('<meta property="{}" content="{}">').format(*one) for one in shown]
        return Markup("\n").join([*lines, Markup('<meta name="twitter:card" content="summary_large_image">')])


def alternates(inner: str) -> list[tuple[str, str]]:
    """Where a page is in each language; and as "x-default", where it leads whoever speaks another one."""
    found = [(code, f"{code}/{inner}") for code in LANGUAGES]
    folder, _, rest = inner.partition("/")
    sent_on = inner in SENT_ON or (folder == "hotels" and rest and "/" not in rest)
    return [*found, ("x-default", inner)] if sent_on else found


def _part_of(inner: str) -> Part:
    if inner == "hotels":
        return "hotels"
    return "account" if "/account" in f"/{inner}" else ""


@lru_cache(maxsize=512)
def _pieces(
    language: str, currency: str | None, at: Part, signed_in: bool, written: tuple[str, ...]
) -> _Pieces:
    return blocks_as(
        _Pieces,
        language,
        "frame.html",
        lang=language,
        languages=LANGUAGES,
        link=lambda where="": f"/{language}/{where}",
        currency=currency,
        at=at,
        guest=signed_in,
        group_pages=written_titles(language, written),
        rest=_HOLE,
    )


def written_titles(language: str, written: Container[str]) -> dict[str, str]:
    """The titles of those pages of the group's own that somebody has written: no link leads nowhere."""
    return {kind: title for kind, title in group_page_titles(language).items() if kind in written}


@cache
def group_page_titles(language: str) -> dict[str, str]:
    """What the group's own pages are called, in the order of the foot."""
    _ = translations(language).gettext
    return {
        "imprint": _("Imprint"),
        "privacy": _("Privacy"),
        "terms": _("Terms and conditions"),
        "contact": _("Contact"),
        "help": _("Help"),
    }
