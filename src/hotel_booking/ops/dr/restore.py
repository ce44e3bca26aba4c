"""`dr-restore.sh`: the standby takes bookings. Every step looks before it acts, so a run that failed or was
killed is simply run again; how long each took is told, since the runbook promises 15 minutes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from hotel_booking.ops.aws import ATTEMPTS, Aws, NotThere
from hotel_booking.ops.dr.database import RPO, Database, Way
from hotel_booking.ops.dr.platform import Platform
from hotel_booking.ops.dr.secrets import Secrets
from hotel_booking.ops.environments import Place
from hotel_booking.ops.refusals import Refused, WrongUse

RTO_MINUTES = 15  # the runbook's
Say = Callable[[str], None]


class TimedStep(NamedTuple):
    """A step that is done, and how long it took."""

    step: str
    seconds: float


Ask = Callable[[str, str, str], str]
"""What a person says that no machine can know: of a variable, what it means, and an example. Raises
`WrongUse` where nobody can be asked."""


class Restore:
    """One run. `every`: seconds between two looks at AWS and the cluster."""

    def __init__(
        self,
        place: Place,
        *,
        environ: Mapping[str, str],
        now: Callable[[], datetime],
        say: Say,
        ask: Ask,
        every: float = 10.0,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.place, self._now, self._say, self._ask = place, now, say, ask
        self._aws = Aws(place.region, environ=environ, attempts=attempts)
        # Two tries: this is the region that may be gone.
        self._there = Aws(place.other_region, environ=environ, attempts=2)
        self._database = Database(place, self._aws, now=now, say=say, every=every)
        self._secrets = Secrets(place, self._aws, say)
        self._platform = Platform(place, environ=environ, say=say, every=every)
        self.steps: list[TimedStep] = []

    @property
    def primary(self) -> str:
        """The name of what this stands in for."""
        return f"hotel-booking-{self.place.stands_in_for}"

    def look(self, wanted: str = "") -> Way:
        """Everything that can be known before anything is touched; `wanted` is the way, where it is not
        simply the first of replica, backups, snapshot that there is. Raises `Refused` and `WrongUse`."""
        account = self._aws.account()
        self._say(f"account {account}, region {self.place.region}")
        way = self._database.way(self.primary, wanted)
        self._say(_told(way))
        self._secrets.check()
        self._platform.check()
        if way.how != "none":
            self._check_primary()
            self._check_loss(way)
        return way

    def run(self, way: Way) -> None:
        """The takeover. Raises `Refused` where a step fails; those before it stay done."""
        with self.step("cluster: what it lacks, and its processes stopped"):
            self._platform.applied()
            waits = self._platform.stop() if way.how != "none" else self._platform.stopped()
        with self.step(f"database: {_VERB[way.how]}"):
            self._database.take_over(way)
        with self.step("backup begun at once"):
            self._say(f"   snapshot {self._database.snapshot()}")
        with self.step("secrets and addresses"):
            master = self._database.own_its_password()
            host = self._database.host()
            self._secrets.point_to(host)
            self._secrets.have_certificate(self._now())
            self._platform.renew_secrets()
        with self.step("roles and grants"):
            self._platform.open_beside()
            login = {**self._secrets.words(master), "host": host}
            self._tell(self._beside("ops", "dr", "roles", text=json.dumps(login)))
        with self.step("schema"):
            self._tell(self._beside("migrate", "--check"))
        if waits:  # guests are here already otherwise, and would be turned away a second time
            with self.step("closed for sale until the lost time is settled"):
                self._tell(self._beside("recovery", "begin", "--backup", "latest"))
        with self.step("checks: rows, newest heartbeat, invariants, ledger, audit chain"):
            self._tell(self._beside("recovery", "check"))
        with self.step("processes started"):
            self._platform.start()
            self._platform.close_beside()

    def _tell(self, said: str) -> None:
        for line in said.splitlines():
            self._say(f"   {line}")

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Tell that it begins and how long it took."""
        self._say(f"{len(self.steps) + 1}. {what} …")
        began = time.monotonic()
        yield
        self.steps.append(TimedStep(what, time.monotonic() - began))
        self._say(f"   done in {self.steps[-1].seconds / 60:.1f} min")

    def _beside(self, *words: str, text: str | None = None) -> str:
        code, said = self._platform.beside(*words, text=text)
        if code:
            raise Refused(
                f"`hotel-booking {' '.join(words)}` found something (exit code {code}):",
                *(f"  {line}" for line in said.splitlines()[-30:]),
                "The standby stays closed. Mend that, and run this again: what is done stays done.",
            )
        return said

    def _primary_answers(self) -> bool:
        """Whether AWS says that the primary's database is up, in a region that answers."""
        try:
            found = self._there.call("rds", "describe_db_instances", DBInstanceIdentifier=self.primary)
        except WrongUse:
            raise
        except (NotThere, Refused):
            return False
        one = found["DBInstances"][0]
        return one["DBInstanceStatus"] == "available" and not one.get("ReadReplicaSourceDBInstanceIdentifier")

    def _check_primary(self) -> None:
        if not self._primary_answers():
            return
        answer = self._ask(
            "HOTEL_PRODUCTION_IS_LOST",
            f"{self.primary} in {self.place.other_region} is up, and with this one up too both would sell the"
            " same rooms. Close it (hotel-booking ops maintenance on) and scale it to 0 first; that it is"
            " lost or closed, whatever it looks like",
            "yes",
        )
        if answer != "yes":
            raise Refused(f"{self.primary} is not said to be lost: nothing was touched")

    def _check_loss(self, way: Way) -> None:
        if way.behind is not None and way.behind <= RPO:
            return
        known = way.behind is not None
        lost = way.behind.total_seconds() if way.behind is not None else 0
        reach = self._database.backups_reach(self.primary) if way.how == "replica" else None
        better = (
            f" (the backups copied here reach until {reach:%H:%M:%S} UTC: --from backups)" if reach else ""
        )
        answer = self._ask(
            "HOTEL_ACCEPTED_LOSS_SECONDS",
            (
                f"what was booked in the last {lost / 60:.0f} minutes would be lost{better}"
                if known
                else f"how far this one is behind is not known: AWS has no figure of the last hours{better}"
            )
            + "; that so many seconds may be lost",
            f"{lost:.0f}" if known else "3600",
        )
        if not answer.isdecimal() or int(answer) < int(lost):
            raise Refused(
                f"{answer} seconds may be lost, and it would be {lost:.0f}: nothing was touched"
                if answer.isdecimal()
                else f"{answer!r} is not a number of seconds: nothing was touched"
            )


_VERB = {
    "none": "takes writes already",
    "replica": "replica promoted",
    "backups": "restored to the last moment of the copied backups",
    "snapshot": "restored from the newest copied snapshot",
}


def _told(way: Way) -> str:
    """What will be done about the database, in words."""
    known = ""
    if way.behind is not None and way.as_of is not None:
        known = f", {way.behind.total_seconds():.0f} s behind as of {way.as_of:%H:%M:%S} UTC"
    return {
        "none": "the database takes writes already: an earlier run promoted it",
        "replica": f"the replica is there{known}",
        "backups": f"no replica; backups were copied here{known}",
        "snapshot": f"no replica and no copied backups; snapshot {way.source}{known}",
    }[way.how]
