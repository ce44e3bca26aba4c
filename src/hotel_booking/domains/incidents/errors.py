"""What can be wrong with incidents."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict, Invalid, NotFound


class IncidentNotFound(NotFound):
    """There is no such incident."""

    code = "incident_not_found"


class InvalidIncident(Invalid):
    """What was said of an incident is not valid. Nothing changed."""

    code = "invalid_incident"


class IncidentMovedOn(Conflict):
    """The incident is not in the state that the act needs. Nothing changed."""

    code = "incident_moved_on"


class ActionNotFound(NotFound):
    """The incident has no such action."""

    code = "incident_action_not_found"


class NotAnAlert(Invalid):
    """What was sent is no notification of Alertmanager's. Nothing changed."""

    code = "invalid_alert_notification"


class WindowNotFound(NotFound):
    """There is no such maintenance window."""

    code = "maintenance_window_not_found"


class InvalidWindow(Invalid):
    """What was said of a maintenance window is not valid. Nothing changed."""

    code = "invalid_maintenance_window"


class WindowChanged(Conflict):
    """The maintenance window is not what it was looked at as. Nothing changed."""

    code = "maintenance_window_changed"


class InvalidSubscription(Invalid):
    """What was given is no address that can be written to. Nothing changed."""

    code = "invalid_subscription"
