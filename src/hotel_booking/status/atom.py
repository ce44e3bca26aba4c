"""The feed (RFC 4287): an entry for each incident and each maintenance window, changed with every update."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from hotel_booking.core.languages import DEFAULT
from hotel_booking.domains.incidents.maintenance import Window
from hotel_booking.domains.incidents.types import PublicIncident
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.status import words
from hotel_booking.status.snapshot import Snapshot

# What no XML may hold.
_CONTROLS = (code for code in range(0x20) if code not in (0x9, 0xA, 0xD))
_NEVER = dict.fromkeys([*_CONTROLS, 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)])
_NOBODY_YET = datetime(2026, 1, 1, tzinfo=UTC)  # the feed must say some time, and nothing has happened


def feed(shown: Snapshot, *, address: str, itself: str) -> bytes:
    """The document. `address` is the page's own, which entries are identified by; `itself` the feed's."""
    entries = [(_told(one), _incident(one, address)) for one in shown.incidents]
    entries += [(one.updated_at, _window(one, address)) for one in shown.windows]
    entries.sort(key=lambda entry: entry[0], reverse=True)
    updated = entries[0][0] if entries else _NOBODY_YET
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">\n'
        f"<title>Status of Hotel Booking</title>\n<id>{_text(address)}</id>\n"
        f"<updated>{_at(updated)}</updated>\n"
        f'<link rel="self" type="application/atom+xml" href={quoteattr(itself)}/>\n'
        f'<link rel="alternate" type="text/html" href={quoteattr(address)}/>\n'
        "<author><name>Hotel Booking</name></author>\n" + "".join(text for _, text in entries) + "</feed>\n"
    ).encode()


def _told(one: PublicIncident) -> datetime:
    return max(one.updates[0].at, one.resolved_at or one.updates[0].at)


def _incident(one: PublicIncident, address: str) -> str:
    texts = translations(DEFAULT)
    said = "\n\n".join(
        f"{words.update(update.status, texts)} ({_said(update.at)} UTC): {update.body}"
        for update in one.updates
    )
    return _entry(f"{address}#incident-{one.id}", one.title, one.started_at, _told(one), said)


def _window(one: Window, address: str) -> str:
    when = f"{_said(one.starts_at)} to {_said(one.ends_at)} UTC"
    title = f"{one.title}: {when}" + (" (cancelled)" if one.cancelled_at is not None else "")
    return _entry(
        f"{address}#maintenance-{one.id}",
        title,
        one.announced_at or one.updated_at,
        max(one.updated_at, one.announced_at or one.updated_at),
        one.body,
    )


def _entry(own: str, title: str, published: datetime, updated: datetime, text: str) -> str:
    return (
        f"<entry>\n<id>{_text(own)}</id>\n<title>{_text(title)}</title>\n<published>{_at(published)}</published>\n"
        f'<updated>{_at(updated)}</updated>\n<link rel="alternate" href={quoteattr(own)}/>\n'
        f'<content type="text">{_text(text)}</content>\n</entry>\n'
    )


def _text(value: str) -> str:
    return escape(value.translate(_NEVER))


def _at(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _said(value: datetime) -> str:
    return f"{value.astimezone(UTC):%d %b %Y, %H:%M}"
