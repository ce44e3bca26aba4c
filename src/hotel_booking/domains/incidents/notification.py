"""Alertmanager's notifications (webhook, version 4): read strictly where we rely on it, and no further.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from hotel_booking.core.names import without_controls
from hotel_booking.domains.incidents.errors import NotAnAlert
from hotel_booking.domains.incidents.types import SEVERITIES, Severity

MOST_ALERTS = 1000
_LONGEST = 2000  # of a label or an annotation


class _Alert(msgspec.Struct, frozen=True, rename="camel"):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    starts_at: datetime
    ends_at: datetime
    fingerprint: str
    annotations: dict[str, str] = {}
    generator_url: str = msgspec.field(default="", name="generatorURL")


class _Body(msgspec.Struct, frozen=True, rename="camel"):
    version: str
    group_key: str
    alerts: list[_Alert]


class Firing(msgspec.Struct, frozen=True):
    """An alert as it is notified. `ends_at` is None while it fires."""

    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    source_url: str
    starts_at: datetime
    ends_at: datetime | None

    @property
    def firing(self) -> bool:
        """Whether it lasts."""
        return self.ends_at is None

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.labels.get("alertname", "an alert without a name")

    @property
    def title(self) -> str:
        """What a person reads of it."""
        return " ".join(self.annotations.get("summary", self.name).split())[:200] or "an alert"

    @property
    def critical(self) -> bool:
        """Whether it declares an incident, and not a finding."""
        return self.labels.get("severity") == "critical" or self.labels.get("incident_severity") in (
            "P1",
            "P2",
        )

    @property
    def severity(self) -> Severity:
        """What its rule says (`incident_severity`), else P2 where it is critical and P3 where it is not."""
        said = self.labels.get("incident_severity")
        for severity in SEVERITIES:
            if severity == said:
                return severity
        return "P2" if self.critical else "P3"


class Notification(msgspec.Struct, frozen=True):
    """What one request tells of a group of alerts."""

    group_key: str
    alerts: tuple[Firing, ...]


def read(body: bytes) -> Notification:
    """The notification in a request's body. Raises `NotAnAlert`."""
    try:
        said = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotAnAlert(f"this is no notification of Alertmanager’s: {error}"[:300]) from None
    if said.version != "4":
        raise NotAnAlert(
            f"notifications of version {said.version[:20]!r} are not known here", fix="send version 4"
        )
    if not 0 < len(said.alerts) <= MOST_ALERTS or not 0 < len(said.group_key) <= _LONGEST:
        raise NotAnAlert(f"a notification has a group and from 1 to {MOST_ALERTS} alerts")
    return Notification(_stored(said.group_key), tuple(_firing(alert) for alert in said.alerts))


def _firing(alert: _Alert) -> Firing:
    if (
        not 0 < len(alert.fingerprint) <= 100
        or alert.starts_at.tzinfo is None
        or alert.ends_at.tzinfo is None
    ):
        raise NotAnAlert("an alert has a fingerprint, and times with their zone")
    if not all(2000 <= at.year < 2100 or at.year == 1 for at in (alert.starts_at, alert.ends_at)):
        raise NotAnAlert("an alert’s times are between 2000 and 2100")
    return Firing(
        fingerprint=_stored(alert.fingerprint),
        labels=_texts(alert.labels),
        annotations=_texts(alert.annotations),
        source_url=_stored(alert.generator_url)[:_LONGEST],
        starts_at=alert.starts_at.astimezone(UTC),
        ends_at=alert.ends_at.astimezone(UTC) if alert.status == "resolved" else None,
    )


def _texts(values: dict[str, str]) -> dict[str, str]:
    return {
        _stored(name)[:200]: without_controls(value)[:_LONGEST] for name, value in list(values.items())[:100]
    }


def _stored(text: str) -> str:
    return text.replace("\x00", "")
