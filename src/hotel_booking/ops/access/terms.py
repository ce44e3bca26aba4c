"""What may be asked for: the roles, for how long at most, and how people, durations and ends are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec

from hotel_booking.ops.refusals import WrongUse


class Role(msgspec.Struct, frozen=True):
    """`writes`: it can change something or enter a pod, so somebody else has to approve it. `groups` are the
    roles of PostgreSQL whose member one becomes; none: it has no business in the database. `binds` are the
    Roles of deployment/kubernetes/base/access."""

    name: str
    longest: timedelta
    writes: bool
    groups: tuple[str, ...]
    binds: tuple[str, ...]


# The shortest session that AWS gives, so that all three places have the same end.
SHORTEST = timedelta(minutes=15)
_LOOKS = "hotel-booking-read-only"
ROLES = {
    role.name: role
    for role in (
        Role("read-only", timedelta(hours=12), False, ("hotel_read_only",), (_LOOKS,)),
        Role("operator", timedelta(hours=8), True, ("hotel_on_call",), (_LOOKS, "hotel-booking-operator")),
        Role("dba", timedelta(hours=4), True, ("hotel_dba",), (_LOOKS, "hotel-booking-dba")),
        Role("deployer", timedelta(hours=2), True, (), (_LOOKS, "hotel-booking-deployer")),
    )
}

# What PostgreSQL (63 bytes), AWS (64 letters of a few kinds) and Kubernetes all take as a name.
_PERSON = re.compile(r"[a-z0-9](?:[a-z0-9_+.-]*[a-z0-9])?@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)+")
_LONGEST_NAME = 63
_DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,5})m(?:in)?)?")


def role_of(name: str) -> Role:
    """The role of that name. Raises `WrongUse`."""
    if role := ROLES.get(name):
        return role
    raise WrongUse(
        f"there is no role {name!r}",
        "Roles, and for how long at most:",
        *(
            f"  {role.name:<10} {told(role.longest):>4}"
            + ("  approved by somebody else" if role.writes else "")
            for role in ROLES.values()
        ),
    )


def person_of(text: str) -> str:
    """An e-mail address, in small letters. Raises `WrongUse`."""
    address = text.strip().lower()
    if not _PERSON.fullmatch(address) or ".." in address:
        raise WrongUse(
            f"{text!r} is no e-mail address that can name somebody", "Such as: --user john.doe@company.com"
        )
    if len(address) > _LONGEST_NAME:
        raise WrongUse(f"{text!r} is longer than the {_LONGEST_NAME} letters that PostgreSQL has for a name")
    return address


def duration_of(text: str, role: Role) -> timedelta:
    """`4h`, `90m` or `1h30m`, within what the role may have. Raises `WrongUse`."""
    matched = _DURATION.fullmatch(text.strip().lower())
    if matched is None or not (matched[1] or matched[2]):
        if text.strip().startswith("-"):
            raise WrongUse(f"{text!r} is past already: nothing was granted", "Such as: --duration 4h")
        raise WrongUse(f"{text!r} is no duration", "Such as: --duration 4h, 90m or 1h30m")
    length = timedelta(hours=int(matched[1] or 0), minutes=int(matched[2] or 0))
    if length < SHORTEST:
        raise WrongUse(
            f"{text!r} is shorter than {told(SHORTEST)}, the shortest session that AWS gives",
            f"  --duration {told(SHORTEST)}",
        )
    if length > role.longest:
        raise WrongUse(
            f"{role.name} is given for {told(role.longest)} at most, not for {told(length)}",
            "Ask for less, and again if it takes longer:",
            f"  --duration {told(role.longest)}",
        )
    return length


def reason_of(text: str) -> str:
    """What somebody gives as a reason, on one line that a terminal shows as it is."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())[:500]


def told(length: timedelta) -> str:
    """As it is typed: 4h, 90m, 1h30m."""
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    if not hours:
        return f"{minutes}m"
    return f"{hours}h{minutes}m" if minutes else f"{hours}h"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's access, as it was given. `approval` names what was used up to approve it."""

    person: str
    role: str
    granted_at: datetime
    until: datetime
    reason: str = ""
    requested_by: str = ""
    approved_by: str = ""
    approval: str = ""


def moment(at: datetime) -> str:
    """For a person: in UTC, to the minute."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
