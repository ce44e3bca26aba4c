"""The Service `hotel-booking-active`: whom guests reach, what the last run did, and who is at it.

All of it is one object, changed only where it is still as we read it (resourceVersion). So of two operators
one is refused, and turning the Service and noting that it was turned are one act.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from hotel_booking.ops.colours.objects import ACTIVE, COLOURS, RECIPE, WORKLOAD, Service
from hotel_booking.ops.kubectl import Conflict, Kubectl, NotFound, Unreachable
from hotel_booking.ops.operation import operator
from hotel_booking.ops.refusals import Busy, Refused
from hotel_booking.ops.spool import machine_user

ANNOTATION = "hotelbooking.com/blue-green"
# A run that is at work says so again long before this is over; of one that was killed it is how long others
# on other machines have to wait.
HELD = timedelta(seconds=120)
_AGAIN = 30.0  # seconds
Step = Literal["none", "adopting", "migrating", "deploying", "smoke", "watching", "done", "back", "failed"]


class RunRecord(msgspec.Struct, omit_defaults=True):
    """What the annotation has. `to` is the workload that is being made the active one, with `image`; `kept`
    the one that can be gone back to at once; `by` who did that; `holder` whoever is at it, for as long as
    `until`; `at` when that was noted last."""

    step: Step = "none"
    to: str = ""
    image: str = ""
    kept: str = ""
    said: str = ""
    by: str = ""
    holder: str = ""
    until: datetime | None = None
    at: datetime | None = None


class ServiceState(msgspec.Struct):
    """What the Service says now: the workload that guests reach, and the rest."""

    active: str
    record: RunRecord
    version: str
    selector: dict[str, str]


def read(kubectl: Kubectl) -> ServiceState:
    """Raises `Refused` where there is no such Service, or it leads to nothing that is known."""
    try:
        service = kubectl.get("service", ACTIVE, Service)
    except NotFound:
        raise Refused(
            f"there is no Service {ACTIVE} in {kubectl.namespace}",
            "Is it the right cluster and namespace?",
            f"  kubectl get services -n {kubectl.namespace}",
        ) from None
    active = service.spec.selector.get(WORKLOAD, "")
    text = service.metadata.annotations.get(ANNOTATION, "{}")
    try:
        record = msgspec.json.decode(text, type=RunRecord)
    except msgspec.DecodeError:
        record = RunRecord(said="what stood in the annotation could not be read")
    return ServiceState(active, record, service.metadata.resource_version, service.spec.selector)


class Hold:
    """The right to deploy by colours in this namespace, until it is let go."""

    def __init__(self, kubectl: Kubectl, me: str, clock: Callable[[], datetime]) -> None:
        self._kubectl, self._me, self._clock = kubectl, me, clock
        self._noted = 0.0
        self.now = read(kubectl)

    def take(self, *, over: bool = False) -> None:
        """Have it; `over` takes it from a run that has turned the Service already and only watches. Raises
        `Busy` where somebody else is at it."""
        if self.now.active not in (RECIPE, *COLOURS):
            raise Refused(
                f"{ACTIVE} leads to {self.now.active or self.now.selector}, which is none of ours to turn",
                f"  kubectl get service {ACTIVE} -n {self._kubectl.namespace} -o wide",
            )
        record = self.now.record
        lasts = record.until is not None and record.until > self._clock()
        watches = over and record.step == "watching"
        if lasts and record.until and not watches and record.holder != self._me and not _ended(record.holder):
            left = int((record.until - self._clock()).total_seconds()) + 1
            raise Busy(
                f"{record.holder} is at it (step {record.step}): nothing was done here",
                f"Talk to them. If their run was killed, this works in {left} s.",
            )
        self.note(holder=self._me)

    def note(self, turn: str = "", **changes: Any) -> None:
        """Keep this in the annotation; with `turn`, in the same act lead guests to that workload. Raises
        `Refused` where somebody else has changed who is active, or has taken over."""
        at = self._clock().replace(microsecond=0)
        record = msgspec.structs.replace(self.now.record, by=self._me, at=at, **changes)
        if record.holder:
            record.until = at + HELD
        else:
            record.until = None
        change: dict[str, Any] = {
            "metadata": {"annotations": {ANNOTATION: msgspec.json.encode(record).decode()}}
        }
        if turn:
            others = dict.fromkeys(self.now.selector)
            change["spec"] = {"selector": {**others, WORKLOAD: turn}}
        for last in (False, False, True):
            try:
                made = self._kubectl.patch("service", ACTIVE, change, version=self.now.version)
                version = made.resource_version
                break
            except Conflict:
                # Labels or something else of the Service; or somebody at our business; or our own act, whose
                # answer was lost.
                now = read(self._kubectl)
                if turn and now.active == turn and now.record.holder == record.holder:
                    version = now.version
                    break
                self._still_ours(now)
                if last:
                    raise
        self.now.version, self.now.record = version, record
        if turn:
            self.now.active, self.now.selector = turn, {WORKLOAD: turn}
        self._noted = time.monotonic()

    def keep(self) -> None:
        """Say that we are still at it, now and then; for as long as we hold it, a server that does not answer
        is asked again later."""
        since = time.monotonic() - self._noted
        if since < _AGAIN:
            return
        try:
            self.note()
        except Unreachable:
            if since > HELD.total_seconds():
                raise

    def let_go(self, **changes: Any) -> None:
        """Nobody is at it any more. Raises as `note`."""
        self.note(holder="", **changes)

    def _still_ours(self, now: ServiceState) -> None:
        holder, mine = now.record.holder, self.now.record.holder
        if (now.active, holder) != (self.now.active, mine):
            who = now.record.by if now.record.by != self._me else "somebody"
            raise Busy(
                f"{who} has turned {ACTIVE} to {now.active} meanwhile: this run changes nothing more",
                f"  kubectl get service {ACTIVE} -n {self._kubectl.namespace} -o wide",
            )
        self.now.version, self.now.selector = now.version, now.selector


def myself(environ: Mapping[str, str]) -> str:
    """Who holds it, as others read it: the operator, the machine and the process."""
    return f"{operator(environ) or machine_user()} on {socket.gethostname()}, process {os.getpid()}"


def _ended(holder: str) -> bool:
    """Whether it was a process of this machine that is no more."""
    who, _, process = holder.rpartition(", process ")
    return (
        who.endswith(f" on {socket.gethostname()}")
        and process.isdigit()
        and not Path(f"/proc/{process}").exists()
        and Path("/proc/self").exists()
    )
