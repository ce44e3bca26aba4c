"""What staff may do: named permissions, and the roles that carry them.

A role is granted at one property, or at all of them (a group role). `docs/compliance/SECURITY.md` shows the
table below; a test fails where it is stale.
"""

from __future__ import annotations

from enum import StrEnum


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
        return "Read-only" if self is Role.READ_ONLY else self.value.replace("_", " ").capitalize()


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
        _P.MAIL_VIEW,
        _P.MAIL_SEND,
    },
    Role.HOUSEKEEPING: frozenset({_P.TODAY_VIEW}),
    Role.FINANCE: _LOOK
    | {_P.PAYMENTS_VIEW, _P.PAYMENTS_MANAGE, _P.BOOKINGS_NOTE, _P.MAIL_VIEW, _P.AUDIT_VIEW},
    Role.READ_ONLY: _LOOK,
}

# Roles whose holders can change who may do what, or what guests pay: they sign in with a second factor.
STRONG_ROLES = frozenset({Role.OWNER, Role.MANAGER})
