"""Granting: in all places that are there, and nothing half done unless it is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime

import msgspec

from hotel_booking.ops.access import aws
from hotel_booking.ops.access.bindings import Binding, ByKubectl
from hotel_booking.ops.access.database import DatabaseAway, Keeper, Login, keeper
from hotel_booking.ops.access.terms import ROLES, Grant, moment
from hotel_booking.ops.refusals import Refused


class Places(msgspec.Struct, frozen=True):
    """Where access is given: `database` is the URL of whom access is kept by, None for none; `bindings` is
    None where there is no Kubernetes. `who` acts."""

    database: str | None
    bindings: ByKubectl | None
    environ: Mapping[str, str]
    who: str


class GrantedAccess(msgspec.Struct, kw_only=True):
    """What came of it; `remarks` say what was not given, and why."""

    extended: datetime | None = None
    kubernetes: bool = False
    login: Login | None = None
    session: aws.Session | None = None
    remarks: list[str] = []


class OtherRole(Refused):
    """They have another role, until it ends or is revoked; nothing was changed."""


def grant(wanted: Grant, places: Places) -> GrantedAccess:
    """Give it in Kubernetes, in the database and at AWS. Who has the role already has it until the new end,
    with a new password. A database or an AWS that does not answer leaves a remark: access is for bad days
    too; what Kubernetes or the database refuses undoes the rest.

    Raises `OtherRole` or the refusals of the places.
    """
    outcome = GrantedAccess()
    bindings = places.bindings
    kept: set[str] | None = None
    try:
        with _database(places, outcome) as db:
            bound = (
                [binding for binding in bindings.all() if binding.person == wanted.person] if bindings else []
            )
            held = db.standing(wanted.person) if db else None
            before: Grant | None = held or next((binding.grant for binding in bound if binding.grant), None)
            if before and before.until <= wanted.granted_at:
                _end(wanted, db, bindings, bound, places.who)
                bound = []
            elif before:
                _refuse_another_role(before, wanted)
                outcome.extended = before.until
            kept = {binding.name for binding in bound}
            _give(wanted, db, bindings, outcome)
            try:
                outcome.session = aws.begin(wanted, places.environ)
            except aws.AwsRefused as refusal:
                outcome.remarks.append(f"No session of AWS: {refusal.detail}.")
            if db:
                db.told(wanted.person, kubernetes=outcome.kubernetes, aws=outcome.session is not None)
    except BaseException:
        if bindings and kept is not None:
            _undo(bindings, wanted.person, kept)
        raise
    return outcome


def _give(wanted: Grant, db: Keeper | None, bindings: ByKubectl | None, given: GrantedAccess) -> None:
    role = ROLES[wanted.role]
    if db:
        db.record(wanted, in_database=bool(role.groups))
        if role.groups:
            given.login = db.give(wanted, role)
        else:
            given.remarks.append(f"No login of the database: {role.name} has no business there.")
    if bindings:
        bindings.give(wanted, role)
        given.kubernetes = True
    else:
        given.remarks.append("Nothing in Kubernetes: --without kubernetes.")


def _refuse_another_role(held: Grant, wanted: Grant) -> None:
    if held.role != wanted.role:
        raise OtherRole(
            f"{wanted.person} has {held.role} until {moment(held.until)}: one role at a time",
            "Take that back first:",
            f"  hotel-booking ops access revoke --user {wanted.person}",
        )


def _end(
    wanted: Grant, db: Keeper | None, bindings: ByKubectl | None, bound: Sequence[Binding], who: str
) -> None:
    """An earlier grant ended, and nobody saw to it: nothing of it may live on in the new one."""
    for binding in bound:
        if bindings:
            bindings.remove(binding.name)
    if db:
        if db.shut(wanted.person):
            db.commit()
            db.end(wanted.person)
        db.ended(wanted.person, now=wanted.granted_at, by=who)


@contextmanager
def _database(places: Places, given: GrantedAccess) -> Iterator[Keeper | None]:
    """The keeper, where there is a database that answers; otherwise it is remarked."""
    with ExitStack() as stack:
        db: Keeper | None = None
        if places.database is None:
            given.remarks.append("No login of the database, and nothing on its list: --without database.")
        else:
            try:
                db = stack.enter_context(keeper(places.database, who=places.who))
            except DatabaseAway as away:
                if places.bindings is None:
                    raise
                given.remarks.append(
                    f"No login of the database: {away.detail}. Run this again when it answers; the reaper"
                    " puts the grant on the list then."
                )
        yield db


def _undo(bindings: ByKubectl, person: str, kept: set[str]) -> None:
    with suppress(Refused):
        for binding in bindings.all():
            if binding.person == person and binding.name not in kept:
                bindings.remove(binding.name)
