"""The feed (RFC 4287), in the language of the page that names it: an entry for each incident and each
maintenance window, changed with every update."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from hotel_booking.core.languages import DEFAULT
from hotel_booking.domains.incidents.maintenance import Window
from hotel_booking.domains.incidents.types import PublicIncident
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.status import drawing
from hotel_booking.status.snapshot import Snapshot

# What no XML may hold.
_CONTROLS = (code for code in range(0x20) if code not in (0x9, 0xA, 0xD))
_NEVER = dict.fromkeys([*_CONTROLS, 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)])
_NOBODY_YET = datetime(2026, 1, 1, tzinfo=UTC)  # the feed must say some time, and nothing has happened


def feed(shown: Snapshot, language: str, *, address: str, itself: str) -> bytes:
    """The document in a language. `address` is that of the page in it, which entries are identified by;
    `itself` the feed's."""
    speaks, _ = drawing.Speaking(language), translations(language).gettext
    entries = [(_told(one), _incident(one, speaks, address)) for one in shown.incidents]
    entries += [(one.updated_at, _window(one, speaks, shown.at, address)) for one in shown.windows]
    entries.sort(key=lambda entry: entry[0], reverse=True)
    updated = entries[0][0] if entries else _NOBODY_YET
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{language}">\n'
        f"<title>{_text(_('Hotel Booking: status'))}</title>\n<id>{_text(address)}</id>\n"
        f"<updated>{_at(updated)}</updated>\n"
        f'<link rel="self" type="application/atom+xml" href={quoteattr(itself)}/>\n'
        f'<link rel="alternate" type="text/html" hreflang="{language}" href={quoteattr(address)}/>\n'
        f"<author><name>{_text(_('Hotel Booking'))}</name></author>\n"
        + "".join(text for _when, text in entries)
        + "</feed>\n"
    ).encode()


def _told(one: PublicIncident) -> datetime:
    return max(one.updates[0].at, one.resolved_at or one.updates[0].at)


def _incident(one: PublicIncident, speaks: drawing.Speaking, address: str) -> str:
    shown = speaks.incident(one)
    said = "\n\n".join(
        f"{update.word} ({speaks.utc(update.at)} UTC)\n{update.body}" for update in shown.updates
    )
    language = DEFAULT if shown.named else None
    own = f"{address}#incident-{one.id}"
    return _entry(own, shown.title, one.started_at, _told(one), said, title_language=language)


def _window(one: Window, speaks: drawing.Speaking, now: datetime, address: str) -> str:
    shown = speaks.window(one, now)
    when = f"{speaks.utc(one.starts_at)} \N{EN DASH} {speaks.utc(one.ends_at)} UTC"
    told = [shown.title, when, *([shown.state] if one.cancelled_at is not None else [])]
    return _entry(
        f"{address}#maintenance-{one.id}",
        " · ".join(told),
        one.announced_at or one.updated_at,
        max(one.updated_at, one.announced_at or one.updated_at),
        shown.body,
    )


def _entry(
    own: str,
    title: str,
    published: datetime,
    updated: datetime,
    text: str,
    *,
    title_language: str | None = None,
) -> str:
    marked = f' xml:lang="{title_language}"' if title_language else ""
    return (
        f"<entry>\n<id>{_text(own)}</id>\n<title{marked}>{_text(title)}</title>\n"
        f"<published>{_at(published)}</published>\n"
        f'<updated>{_at(updated)}</updated>\n<link rel="alternate" href={quoteattr(own)}/>\n'
        f'<content type="text">{_text(text)}</content>\n</entry>\n'
    )


def _text(value: str) -> str:
    return escape(value.translate(_NEVER))


def _at(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
