"""The post-mortem document: made of the timeline and of what people wrote, as Markdown. Blameless: it tells
what happened, not who is at fault."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from hotel_booking.domains.incidents.types import (
    SEVERITY_MEANS,
    Action,
    Alert,
    Incident,
    RoleHeld,
    TimelineEntry,
    Update,
)

_NOT_WRITTEN = "_Not written yet._"
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#])")


def post_mortem(
    incident: Incident,
    *,
    timeline: Iterable[TimelineEntry],
    roles: Iterable[RoleHeld],
    updates: Sequence[Update],
    alerts: Sequence[Alert],
    actions: Sequence[Action],
) -> str:
    """The document. Times are UTC; what people wrote is plain text in it, never Markdown of its own."""
    name, meaning, _ = SEVERITY_MEANS[incident.severity]
    facts = [
        ("Severity", f"{incident.severity} ({name}): {meaning}"),
        ("Affected", ", ".join(incident.components) or "nothing that customers see"),
        ("Channel", f"#{incident.channel}" if incident.channel else "none"),
        ("Began", instant(incident.started_at)),
        ("Declared", instant(incident.declared_at)),
        ("Acknowledged", _after(incident, incident.acknowledged_at)),
        ("Resolved", _after(incident, incident.resolved_at)),
        *((held.role.capitalize(), plain(held.name)) for held in roles),
    ]
    lines = [
        f"# Post-mortem {incident.id}: {plain(incident.title)}",
        "",
        *(f"- **{label}**: {text}" for label, text in facts),
        "",
        *_section("Impact", incident.impact),
        *_section("Cause", incident.cause),
        *_section("What we learnt", incident.lessons),
        "## Timeline",
        "",
        "| UTC | who | what |",
        "|---|---|---|",
        *(f"| {instant(entry.at)} | {plain(entry.actor)} | {plain(entry.text)} |" for entry in timeline),
        "",
    ]
    if alerts:
        lines += _list("Alerts", [f"{plain(alert.name)}: {_lasted(alert)}" for alert in alerts])
    lines += _list(
        "What customers were told",
        [f"{instant(update.at)} ({update.status}): {plain(update.body)}" for update in reversed(updates)],
        "Nothing.",
    )
    lines += _list("Actions", [_action(action) for action in actions])
    return "\n".join(lines).rstrip("\n") + "\n"


def instant(at: datetime) -> str:
    """An instant to the second: 2026-03-10 09:00:00."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def lasted(seconds: float) -> str:
    """How long, as people say it: 1 h 05 min, 4 min, 20 s."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def plain(text: str) -> str:
    """A text in one line of Markdown that shows it as it is."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _section(title: str, text: str) -> list[str]:
    paragraphs = [plain(part) for part in text.split("\n\n") if part.strip()]
    return [f"## {title}", "", *("\n\n".join(paragraphs or [_NOT_WRITTEN]).split("\n")), ""]


def _list(title: str, items: Sequence[str], empty: str = "None.") -> list[str]:
    return [f"## {title}", "", *(f"- {item}" for item in items), *([] if items else [empty]), ""]


def _lasted(alert: Alert) -> str:
    return f"{instant(alert.starts_at)} to {instant(alert.ends_at) if alert.ends_at else 'now'}"


def _action(action: Action) -> str:
    due = f", by {action.due_on}" if action.due_on else ""
    done = "x" if action.done_at else " "
    return f"[{done}] {plain(action.what)} ({plain(action.owner)}{due})"


def _after(incident: Incident, at: datetime | None) -> str:
    if at is None:
        return "not yet"
    took: timedelta = at - incident.declared_at
    return f"{instant(at)} (after {lasted(took.total_seconds())})"
