"""Incidents as they are kept, and what they are told to others as."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import msgspec

Kind = Literal["incident", "finding"]
Severity = Literal["P1", "P2", "P3", "P4"]
Phase = Literal["detection", "triage", "response", "resolution", "post_mortem", "closed"]
Source = Literal["hand", "alert"]
Role = Literal["commander", "operations", "communications", "scribe"]
UpdateStatus = Literal["investigating", "identified", "monitoring", "resolved"]
Impact = Literal["critical", "major", "minor", "none"]
Target = Literal["pagerduty", "slack"]
Act = Literal["trigger", "acknowledge", "resolve", "post"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
PHASES: tuple[Phase, ...] = get_args(Phase)
ROLES: tuple[Role, ...] = get_args(Role)
UPDATE_STATUSES: tuple[UpdateStatus, ...] = get_args(UpdateStatus)
# While one of these lasts somebody is paged, and customers hear of it every half hour.
CRITICAL: frozenset[Severity] = frozenset({"P1", "P2"})

# The runbook's words, and what helps to choose.
SEVERITY_MEANS: dict[Severity, tuple[str, str, str]] = {
    "P1": (
        "Critical",
        "Complete service outage, data loss risk",
        "Nobody can book or pay, rooms may be sold twice, or data may be lost. Pages at once.",
    ),
    "P2": (
        "Major",
        "Significant functionality impaired",
        "Many guests or whole hotels can’t do something important, or it fails now and then. Pages at once.",
    ),
    "P3": (
        "Minor",
        "Minor functionality affected",
        "Something is slow or broken, and there is a way round it. In working hours.",
    ),
    "P4": ("Low", "Cosmetic issues", "It looks wrong and works. When there is time."),
}
PHASE_MEANS: dict[Phase, tuple[str, str]] = {
    "detection": ("Detection", "Alert triggered or reported"),
    "triage": ("Triage", "Assess severity and impact"),
    "response": ("Response", "Implement immediate mitigation"),
    "resolution": ("Resolution", "Fix root cause"),
    "post_mortem": ("Post-mortem", "Document and learn"),
    "closed": ("Closed", "Nothing is left to do"),
}


class Incident(msgspec.Struct, frozen=True):
    """One incident, or the finding about a warning. `channel` is Slack's, without the #; `version` counts the
    changes of what people wrote."""

    id: int
    kind: Kind
    title: str
    public_title: str | None
    severity: Severity
    phase: Phase
    source: Source
    components: tuple[str, ...]
    channel: str | None
    started_at: datetime
    declared_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    reminded_at: datetime | None
    escalated_at: datetime | None
    updated_at: datetime | None
    update_reminded_at: datetime | None
    impact: str
    cause: str
    lessons: str
    version: int

    @property
    def paged(self) -> bool:
        """Whether it lasts and somebody has to be awake for it."""
        return self.kind == "incident" and self.severity in CRITICAL and self.resolved_at is None


class Actor(msgspec.Struct, frozen=True):
    """Who does something, as the timeline names them; `staff_id` where they have an account."""

    name: str
    staff_id: int | None = None


class Alert(msgspec.Struct, frozen=True):
    """One time that an alert fired. `ends_at` is None while it does."""

    fingerprint: str
    group_key: str
    name: str
    labels: dict[str, str]
    annotations: dict[str, str]
    source_url: str
    starts_at: datetime
    ends_at: datetime | None

    @property
    def action(self) -> str:
        """What the runbook's table says is to be done."""
        return self.annotations.get("action", "")

    @property
    def runbook_url(self) -> str:
        """Where the runbook tells of it; "" where its rule names no address that may be linked to."""
        url = self.annotations.get("runbook_url", "")
        return url if url.startswith("https://") else ""


class TimelineEntry(msgspec.Struct, frozen=True):
    """A line of the timeline."""

    id: int
    at: datetime
    kind: str
    actor: str
    text: str


class RoleHeld(msgspec.Struct, frozen=True):
    """Who does what during an incident."""

    role: Role
    name: str
    staff_id: int | None
    since: datetime


class Update(msgspec.Struct, frozen=True):
    """What customers were told. `template` names the text where it stands as it was offered."""

    id: int
    at: datetime
    status: UpdateStatus
    body: str
    template: str | None
    actor: str


class Action(msgspec.Struct, frozen=True):
    """Something that remains to be done."""

    id: int
    incident_id: int
    what: str
    owner: str
    due_on: date | None
    created_at: datetime
    done_at: datetime | None
    done_by: str


class Delivery(msgspec.Struct, frozen=True):
    """What a third party is told of an incident, and whether it was. `key` is PagerDuty's incident, or
    Slack's channel without the #."""

    id: int
    incident_id: int
    target: Target
    act: Act
    key: str
    payload: dict[str, Any]
    status: Literal["waiting", "sent", "failed", "dropped"]
    attempts: int
    created_at: datetime
    next_at: datetime
    sent_at: datetime | None
    last_error: str


class PublicUpdate(msgspec.Struct, frozen=True):
    """An update as the status page shows it."""

    id: int
    at: datetime
    status: UpdateStatus
    body: str
    template: str | None


class PublicIncident(msgspec.Struct, frozen=True):
    """An incident as customers know it; `updates` newest first, at least one. `unnamed`: nobody has called
    it anything for them, and its title is what an alert says in English."""

    id: int
    title: str
    severity: Severity
    components: tuple[str, ...]
    status: UpdateStatus
    impact: Impact
    started_at: datetime
    resolved_at: datetime | None
    updates: tuple[PublicUpdate, ...]
    unnamed: bool = False  # what an earlier release kept on disk has none


class Times(msgspec.Struct, frozen=True):
    """How long incidents took, in seconds: until somebody acknowledged them (MTTA) and until they were
    resolved (MTTR), from their declaration. None where there was none."""

    severity: Severity
    incidents: int
    unresolved: int
    mtta: float | None
    mttr: float | None
    longest: float | None


class Refused(Exception):
    """A third party has refused what it was told: the same again would be refused again."""


class Unavailable(Exception):
    """A third party did not answer, or cannot now; `after` are the seconds that it asks to be left alone."""

    def __init__(self, reason: str, *, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


@runtime_checkable
class Pager(Protocol):
    """Somebody who wakes people. `wakes_secondary`: those behind the first are woken by us; otherwise its own
    escalation policy does that."""

    wakes_secondary: bool

    async def send(self, *, act: Act, key: str, payload: dict[str, Any], secondary: bool) -> None:
        """Trigger, acknowledge or resolve the page with this key; `secondary` wakes those behind the first.
        The same again does no harm. Raises `Refused` or `Unavailable`. Calls the network: no transaction may
        be open."""


@runtime_checkable
class Chat(Protocol):
    """Where people talk."""

    async def post(self, *, channel: str, text: str, incident_id: int | None = None) -> None:
        """Say something in a channel (without the #), which is made where there is none; with the address
        of an incident's page. Raises `Refused` or `Unavailable`. Calls the
        network: no transaction may be open."""
