"""What Alertmanager sends (its webhook, version 4), as far as going back needs it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

AUTOMATIC = "automatic"  # of the label `rollback`: the runbook's triggers
MOST = 1000


class Alert(msgspec.Struct, frozen=True, rename="camel"):
    """One alert. `starts_at` is when it began to fire."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    starts_at: Annotated[datetime, msgspec.Meta(tz=True)]
    annotations: dict[str, str] = {}

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.labels.get("alertname", "an alert without a name")[:200]

    @property
    def summary(self) -> str:
        """What a person reads of it."""
        return " ".join(self.annotations.get("summary", self.name).split())[:300]


class _Body(msgspec.Struct, frozen=True):
    version: str
    alerts: list[Alert]


class NotAlerts(Exception):
    """It is no notification of Alertmanager."""


def triggers(body: bytes) -> list[Alert]:
    """The alerts of a notification that ask for going back, the earliest first. Raises `NotAlerts`."""
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotAlerts(str(error)) from None
    if found.version != "4" or len(found.alerts) > MOST:
        raise NotAlerts(f"version {found.version[:20]}, {len(found.alerts)} alerts")
    asked = [
        alert
        for alert in found.alerts
        if alert.status == "firing" and alert.labels.get("rollback") == AUTOMATIC
    ]
    return sorted(asked, key=lambda alert: alert.starts_at)
