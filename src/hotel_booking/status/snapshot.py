"""All that the status page shows, read at once: eight statements, each by an index, whatever was asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec

from hotel_booking.core import backups
from hotel_booking.core.backups import Drilled
from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings import invariant_results
from hotel_booking.domains.bookings.invariant_results import LatestCheck
from hotel_booking.domains.incidents import maintenance, queries, status_probes, status_summary
from hotel_booking.domains.incidents.maintenance import Window
from hotel_booking.domains.incidents.status_summary import ComponentStatus, Overall
from hotel_booking.domains.incidents.status_types import DAYS, ComponentState, Day
from hotel_booking.domains.incidents.types import PublicIncident

_MOST_INCIDENTS = 60
_WINDOWS_KEPT = timedelta(days=30)  # after their end


class StatusReading(msgspec.Struct, frozen=True):
    """What the database says."""

    at: datetime
    probed: list[ComponentState]
    days: list[Day]
    incidents: list[PublicIncident]
    windows: list[Window]
    checked: LatestCheck | None
    drilled: Drilled | None = None  # what an earlier release kept on disk has none


class Snapshot(msgspec.Struct, frozen=True):
    """What is shown at an instant. `read_at`: as of when the database said it; earlier than `at` while it
    cannot be asked."""

    at: datetime
    read_at: datetime
    overall: Overall
    components: tuple[ComponentStatus, ...]
    incidents: tuple[PublicIncident, ...]
    windows: tuple[Window, ...]
    checked: LatestCheck | None
    drilled: Drilled | None

    @property
    def lasting(self) -> list[PublicIncident]:
        """Incidents that go on, newest first."""
        return [one for one in self.incidents if one.resolved_at is None]

    @property
    def past(self) -> list[PublicIncident]:
        """Those that are over, newest first."""
        return [one for one in self.incidents if one.resolved_at is not None]

    @property
    def ahead(self) -> list[Window]:
        """Maintenance that goes on or will, or would have, the earliest first."""
        return [one for one in self.windows if one.ends_at > self.at]


async def read(tx: Transaction, *, now: datetime) -> StatusReading:
    """Ask the database."""
    since = now - timedelta(days=DAYS)
    return StatusReading(
        at=now,
        probed=await status_probes.last_words(tx),
        days=await status_probes.days(tx, since=_day(since)),
        incidents=await queries.public_incidents(tx, since=since, limit=_MOST_INCIDENTS),
        windows=await maintenance.shown(tx, now=now, since=now - _WINDOWS_KEPT),
        checked=await invariant_results.latest(tx),
        drilled=await backups.drilled(tx),
    )


def seen(said: StatusReading, *, now: datetime) -> Snapshot:
    """What was read, as it is to be understood now."""
    found = status_summary.components(
        probed=said.probed,
        days=said.days,
        incidents=said.incidents,
        windows=said.windows,
        today=_day(now),
        number=DAYS,
        now=now,
    )
    return Snapshot(
        at=now,
        read_at=said.at,
        overall=status_summary.overall(found, said.incidents),
        components=found,
        incidents=tuple(said.incidents),
        windows=tuple(said.windows),
        checked=said.checked,
        drilled=said.drilled,
    )


def _day(at: datetime) -> date:
    # Probes are counted by days of UTC: the platform is in no hotel.
    return at.astimezone(UTC).date()
