"""What staff may do: named permissions, and the roles that carry them.

A role is granted at one property, or at all of them (a group role). `docs/compliance/SECURITY.md` shows the
table below; a test fails where it is stale.
"""

from __future__ import annotations

from enum import StrEnum

from hotel_booking.core.code_names import headed


class Permission(StrEnum):
    """One thing that a member of staff may do."""

    TODAY_VIEW = "today:view"
    BOOKINGS_VIEW = "bookings:view"
    BOOKINGS_CREATE = "bookings:create"
    BOOKINGS_AMEND = "bookings:amend"
    BOOKINGS_CANCEL = "bookings:cancel"
    BOOKINGS_WAIVE = "bookings:waive"
    BOOKINGS_NOTE = "bookings:note"
    STAYS_MANAGE = "stays:manage"
    PAYMENTS_VIEW = "payments:view"
    PAYMENTS_RECORD = "payments:record"
    PAYMENTS_MANAGE = "payments:manage"
    CATALOGUE_VIEW = "catalogue:view"
    CATALOGUE_EDIT = "catalogue:edit"
    RATES_VIEW = "rates:view"
    RATES_EDIT = "rates:edit"
    STAFF_VIEW = "staff:view"
    STAFF_MANAGE = "staff:manage"
    KEYS_MANAGE = "keys:manage"
    AUDIT_VIEW = "audit:view"
    MAIL_VIEW = "mail:view"
    MAIL_SEND = "mail:send"
    JOBS_VIEW = "jobs:view"
    JOBS_MANAGE = "jobs:manage"
    MONITORING_VIEW = "monitoring:view"
    INCIDENTS_VIEW = "incidents:view"
    INCIDENTS_DECLARE = "incidents:declare"
    INCIDENTS_MANAGE = "incidents:manage"


class Role(StrEnum):
    """What a member of staff is, at one property or at all of them."""

    OWNER = "owner"
    MANAGER = "manager"
    REVENUE = "revenue"
    FRONT_DESK = "front_desk"
    HOUSEKEEPING = "housekeeping"
    FINANCE = "finance"
    READ_ONLY = "read_only"

    @property
    def label(self) -> str:
        """The role in words."""
        return headed(self.value, "role")


_P = Permission
_LOOK = frozenset({_P.TODAY_VIEW, _P.BOOKINGS_VIEW, _P.CATALOGUE_VIEW, _P.RATES_VIEW})
_MANAGER = frozenset(Permission) - {_P.KEYS_MANAGE, _P.JOBS_MANAGE}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.MANAGER: _MANAGER,
    Role.REVENUE: _LOOK | {_P.PAYMENTS_VIEW, _P.CATALOGUE_EDIT, _P.RATES_EDIT},
    Role.FRONT_DESK: _LOOK
    | {
        _P.BOOKINGS_CREATE,
        _P.BOOKINGS_AMEND,
        _P.BOOKINGS_CANCEL,
        _P.BOOKINGS_NOTE,
        _P.STAYS_MANAGE,
        _P.PAYMENTS_VIEW,
        _P.PAYMENTS_RECORD,
        _P.MAIL_VIEW,
        _P.MAIL_SEND,
        _P.INCIDENTS_VIEW,
        _P.INCIDENTS_DECLARE,
    },
    Role.HOUSEKEEPING: frozenset({_P.TODAY_VIEW}),
    Role.FINANCE: _LOOK
    | {
        _P.PAYMENTS_VIEW,
        _P.PAYMENTS_RECORD,
        _P.PAYMENTS_MANAGE,
        _P.BOOKINGS_NOTE,
        _P.MAIL_VIEW,
        _P.AUDIT_VIEW,
    },
    Role.READ_ONLY: _LOOK | {_P.MONITORING_VIEW, _P.INCIDENTS_VIEW},
}

# About the platform and no single hotel: the role counts where it is held at every property.
GROUP_WIDE = frozenset(
    {
        _P.JOBS_VIEW,
        _P.JOBS_MANAGE,
        _P.MONITORING_VIEW,
        _P.INCIDENTS_VIEW,
        _P.INCIDENTS_DECLARE,
        _P.INCIDENTS_MANAGE,
    }
)

_WORDS: dict[Permission, str] = {
    _P.TODAY_VIEW: "See arrivals, departures, guests in house and the hotel's figures",
    _P.BOOKINGS_VIEW: "Search and read bookings, with guests' names and addresses",
    _P.BOOKINGS_CREATE: "Make bookings, including walk-ins",
    _P.BOOKINGS_AMEND: "Change the dates, rooms and guests of a booking",
    _P.BOOKINGS_CANCEL: "Cancel under the booking's policy",
    _P.BOOKINGS_WAIVE: "Waive a cancellation fee, with a reason",
    _P.BOOKINGS_NOTE: "Write notes on bookings",
    _P.STAYS_MANAGE: "Check guests in and out, mark no-shows, take rooms out of order",
    _P.PAYMENTS_VIEW: "See payments, refunds and reports",
    _P.PAYMENTS_RECORD: "Record payments taken at the desk, and money given back there",
    _P.PAYMENTS_MANAGE: "Capture and refund payments, and reverse those taken at the desk",
    _P.CATALOGUE_VIEW: "See properties, room types, rooms, plans, policies and taxes",
    _P.CATALOGUE_EDIT: "Change properties, room types, rooms, plans, policies and taxes, and upload photos",
    _P.RATES_VIEW: "See prices, restrictions and availability",
    _P.RATES_EDIT: "Change prices, restrictions and availability",
    _P.STAFF_VIEW: "See who works here, and their roles",
    _P.STAFF_MANAGE: "Invite staff, grant and revoke roles, close accounts",
    _P.KEYS_MANAGE: "Create, rotate and revoke API keys",
    _P.AUDIT_VIEW: "Read the audit log",
    _P.MAIL_VIEW: "Read messages sent",
    _P.MAIL_SEND: "Send a message again",
    _P.JOBS_VIEW: "See the job queue (with the role at every property)",
    _P.JOBS_MANAGE: "Run failed jobs again or dismiss them (with the role at every property)",
    _P.MONITORING_VIEW: "See dashboards and the runbook (with the role at every property)",
    _P.INCIDENTS_VIEW: "See incidents (with the role at every property)",
    _P.INCIDENTS_DECLARE: "Declare an incident (with the role at every property)",
    _P.INCIDENTS_MANAGE: "Work on incidents and tell customers (with the role at every property)",
}


def what(permission: Permission) -> str:
    """What somebody does who has it, as it stands inside a sentence."""
    words = _WORDS[permission]
    return words[:1].lower() + words[1:]


def as_markdown() -> str:
    """The table role x permission, as docs/compliance/SECURITY.md has it."""
    roles = list(Role)
    lines = [
        f"| permission | what | {' | '.join(role.label.lower() for role in roles)} |",
        "|---|---|" + ":-:|" * len(roles),
    ]
    for permission in Permission:
        marks = ("yes" if permission in ROLE_PERMISSIONS[role] else "" for role in roles)
        lines.append(f"| `{permission.value}` | {_WORDS[permission]} | {' | '.join(marks)} |")
    return "\n".join(lines) + "\n"


# Roles whose holders can change who may do what, or what guests pay: they sign in with a second factor.
STRONG_ROLES = frozenset({Role.OWNER, Role.MANAGER})
