"""Going back to the release before because an alert says so: at most once for a release, never to one that
the schema has left behind, and never twice in a row.

Every step is noted on the Service before it is taken, in the same object that says who serves; whoever begins
anew after a crash goes on with what was begun."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from hotel_booking.ops.guard import live
from hotel_booking.ops.guard.alerts import Alert
from hotel_booking.ops.guard.live import LiveRelease, Place, Rollback
from hotel_booking.ops.kubernetes import Api, ApiError
from hotel_booking.ops.refusals import Refused
from hotel_booking.ops.releases import refuse_too_old, refuse_unfit

# Of a release that has served for longer, what goes wrong now is hardly its fault.
SUSPECT = timedelta(hours=24)
# An alert may begin to fire for so long for what a release answered that is gone: rules count two minutes.
LINGERS = timedelta(minutes=5)
_KEPT = 20  # records on the Service
_ROLLED_OUT = 600.0  # seconds that pods may take
_LOOKED = 1.0
Outcome = Literal["begun", "done", "refused", "failed"]


class Event(msgspec.Struct, frozen=True):
    """What is told of a decision. `to` is "" where there is none."""

    outcome: Outcome
    release: str
    to: str
    alert: str
    text: str


class Unchanged(Refused):
    """Nothing was done, for a reason that stands until something else is deployed."""


class Guard:
    """`found` says which schema the database has (`core.schema.FOUND`), or None where it does not answer;
    `closed` whether the platform is closed for maintenance; `tell` is told of everything that was decided.
    Nothing is changed where it only rehearses (`dry_run`)."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        *,
        found: Callable[[], str | None],
        closed: Callable[[], bool],
        tell: Callable[[Event], None],
        clock: Callable[[], datetime],
        pause: Callable[[float], None],
        dry_run: bool = False,
    ) -> None:
        self._api, self._place = api, Place(namespace)
        self._found, self._closed, self._tell = found, closed, tell
        self._clock, self._pause, self._dry_run = clock, pause, dry_run
        self._said: set[tuple[str, str, str]] = set()

    def take_up(self) -> None:
        """Go on with what was begun and not ended, by whom ever. Raises `Refused`."""
        now = live.look(self._api, self._place, self._clock())
        last = now.backs[-1] if now.backs else None
        if last is not None and not last.done:
            self._carry_out(now, last)

    def alerted(self, alerts: Sequence[Alert]) -> None:
        """Go back where the alerts are a reason to; else say once why not. Raises `ApiError` where the
        cluster cannot be asked: then they are worth another try."""
        if not alerts:
            return
        release = ""
        try:
            now = live.look(self._api, self._place, self._clock())
            release = now.now.release
            back = self.decide(now, alerts)
        except ApiError:
            raise
        except Refused as refusal:
            self._refused(release, alerts[0], refusal.detail)
            return
        text = f"{back.alert} fires: {alerts[0].summary}"
        if self._dry_run:
            self._tell(Event("refused", back.release, back.to, back.alert, f"{text}; this is a rehearsal"))
            return
        self._note(now, back)
        self._tell(Event("begun", back.release, back.to, back.alert, text))
        now = live.look(self._api, self._place, self._clock())
        self._carry_out(now, back)

    def decide(self, now: LiveRelease, alerts: Sequence[Alert]) -> Rollback:
        """What to go back to. Raises `Unchanged` where one must not, with the reason."""
        release, at = now.now.release, self._clock()
        if any(back.release == release for back in now.backs):
            raise Unchanged(f"{release} was gone back from before; that is done once")
        if any(back.to == release for back in now.backs):
            raise Unchanged(f"{release} is what was gone back to: the trouble is not the release's")
        if at - now.now.since > SUSPECT:
            raise Unchanged(f"{release} has served since {now.now.since:%Y-%m-%d %H:%M} UTC: look elsewhere")
        caused = [alert for alert in alerts if alert.starts_at >= now.now.since]
        if not caused:
            raise Unchanged(f"{alerts[0].name} fired before {release} served")
        if now.taken_back is not None:
            caused = [alert for alert in caused if alert.starts_at > now.taken_back + LINGERS]
        if not caused:
            raise Unchanged(f"{alerts[0].name} fired for a release that was taken back, not for {release}")
        if self._closed():
            raise Unchanged("the platform is closed for maintenance")
        if now.before is None:
            raise Unchanged(f"there is nothing before {release} to go back to")
        if now.before.since > now.now.since:
            raise Unchanged(f"{now.before.release} was rolled back to {release} by a person")
        self._refuse_schema(now)
        return Rollback(release, now.before.release, caused[0].name, at.replace(microsecond=0))

    def _refuse_schema(self, now: LiveRelease) -> None:
        before = now.before
        if before is None or before.range is None or now.now.range is None:
            raise Unchanged("the pods do not say which schemas their releases run on")
        names = (before.release, now.now.release)
        refuse_unfit(before.range, under=now.now.range, names=names)
        found = self._found()
        if found is not None:
            refuse_too_old(before.range, found, name=before.release)

    def _refused(self, release: str, alert: Alert, reason: str) -> None:
        key = (release, alert.name, reason)
        if key in self._said:
            return
        if len(self._said) > MOST_SAID:
            self._said.clear()
        self._said.add(key)
        self._tell(Event("refused", release, "", alert.name, reason))

    def _note(self, now: LiveRelease, back: Rollback) -> None:
        """On the Service, if it is still as it was. Raises `ApiError` (409) where it is not."""
        kept = [past for past in now.backs if past.release != back.release][-_KEPT:]
        self._api.patch(
            self._place.services + live.SERVICE,
            {
                "metadata": {
                    "resourceVersion": now.service["metadata"]["resourceVersion"],
                    "annotations": {live.RECORD: msgspec.json.encode([*kept, back]).decode()},
                }
            },
        )

    def _carry_out(self, now: LiveRelease, back: Rollback) -> None:
        began = self._clock()
        try:
            if now.now.release == back.release:
                self._go(now, back)
            elif now.now.release != back.to:
                raise Refused(f"{now.now.release} was deployed meanwhile")
            self._worker(back)
            self._served(back)
        except ApiError:
            raise
        except Refused as refusal:
            self._end(back)
            self._tell(Event("failed", back.release, back.to, back.alert, refusal.detail))
            return
        self._end(back)
        seconds = (self._clock() - began).total_seconds()
        self._tell(
            Event("done", back.release, back.to, back.alert, f"{back.to} serves since {seconds:.0f} s after")
        )

    def _go(self, now: LiveRelease, back: Rollback) -> None:
        before = now.before
        if before is None or before.release != back.to:
            raise Refused(f"the pods of {back.to} are not known any more")
        if now.kept:
            self._turn(now)
            return
        self._undo(now.name, now.now.body, before.body, back)
        if now.name == live.PRIMARY and self._api.find(self._place.canary) is not None:
            self._target(back)

    def _undo(self, name: str, body: dict[str, Any], before: dict[str, Any], back: Rollback) -> None:
        """As `kubectl rollout undo` does, if the Deployment still makes what it made."""
        path = self._place.deployments + name
        image = body["spec"]["containers"][0]["image"]
        cause = f"gone back from {back.release} by hotel-booking-guard: {back.alert}"
        self._api.patch(
            path,
            [
                {"op": "test", "path": "/spec/template/spec/containers/0/image", "value": image},
                {"op": "replace", "path": "/spec/template", "value": before},
                {"op": "add", "path": "/metadata/annotations/kubernetes.io~1change-cause", "value": cause},
            ],
            "json",
        )

    def _target(self, back: Rollback) -> None:
        """Have Flagger find the same where it looks, without trying on guests what served them before."""
        before = live.before_of(self._api, self._place, live.WEB, back.to)
        if before is None:
            raise Refused(f"deployment/{live.WEB} does not know the pods of {back.to} any more")
        body = self._api.get(self._place.deployments + live.WEB)["spec"]["template"]
        self._api.patch(self._place.canary, {"spec": {"skipAnalysis": True}})
        self._undo(live.WEB, body, before.body, back)

    def _turn(self, now: LiveRelease) -> None:
        """Lead guests to the colour that is kept, once it is as large as the other."""
        path = self._place.deployments
        wanted = self._api.get(path + now.name)["spec"].get("replicas", 1)
        if self._api.get(path + now.kept)["spec"].get("replicas", 0) < wanted:
            self._api.patch(f"{path}{now.kept}/scale", {"spec": {"replicas": wanted}})
        self._until(lambda: _rolled_out(self._api.get(path + now.kept), wanted), f"the pods of {now.kept}")
        service = self._api.get(self._place.services + live.SERVICE)
        if service["spec"]["selector"].get(live.WORKLOAD) != now.name:
            raise Refused(f"somebody has turned {live.SERVICE} meanwhile")
        stand = msgspec.json.decode(service["metadata"]["annotations"][live.COLOURS])
        stand |= {"step": "back", "kept": now.name, "to": "", "said": "gone back by hotel-booking-guard"}
        self._api.patch(
            self._place.services + live.SERVICE,
            {
                "metadata": {
                    "resourceVersion": service["metadata"]["resourceVersion"],
                    "annotations": {live.COLOURS: msgspec.json.encode(stand).decode()},
                },
                "spec": {"selector": {live.WORKLOAD: now.kept}},
            },
        )

    def _worker(self, back: Rollback) -> None:
        """The jobs' process of the same release, where it is there."""
        worker = self._api.find(self._place.deployments + live.WORKER)
        if worker is None or live.release_of(worker["spec"]["template"]) != back.release:
            return
        before = live.before_of(self._api, self._place, live.WORKER, back.to)
        if before is not None:
            self._undo(live.WORKER, worker["spec"]["template"], before.body, back)

    def _served(self, back: Rollback) -> None:
        """Until guests reach it, and Flagger is at rest."""
        name = self._api.get(self._place.services + live.SERVICE)["spec"]["selector"][live.WORKLOAD]
        self._until(lambda: self._out(name, back.to), f"the pods of {back.to}")
        canary = self._api.find(self._place.canary)
        if canary is not None and canary["spec"].get("skipAnalysis"):
            self._until(lambda: self._out(live.WEB, back.to, none=True), "Flagger")
            self._until(lambda: _succeeded(self._api.get(self._place.canary)), "Flagger")
            self._api.patch(self._place.canary, {"spec": {"skipAnalysis": False}})

    def _out(self, name: str, release: str, *, none: bool = False) -> bool:
        deployment = self._api.get(self._place.deployments + name)
        made = live.release_of(deployment["spec"]["template"]) == release
        return made and (none or _rolled_out(deployment, deployment["spec"].get("replicas", 1)))

    def _end(self, back: Rollback) -> None:
        service = self._api.get(self._place.services + live.SERVICE)
        backs = live.read_backs(service["metadata"].get("annotations") or {})
        ended = [
            msgspec.structs.replace(past, done=True) if past.release == back.release else past
            for past in backs
        ]
        self._api.patch(
            self._place.services + live.SERVICE,
            {
                "metadata": {
                    "resourceVersion": service["metadata"]["resourceVersion"],
                    "annotations": {live.RECORD: msgspec.json.encode(ended).decode()},
                }
            },
        )

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        until = self._clock() + timedelta(seconds=_ROLLED_OUT)
        while not holds():
            if self._clock() > until:
                raise Refused(f"{what} were not ready after {_ROLLED_OUT:.0f} s")
            self._pause(_LOOKED)


MOST_SAID = 1000  # reasons that are remembered as told


def _rolled_out(deployment: Any, wanted: int) -> bool:
    status = deployment.get("status") or {}
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and status.get("updatedReplicas", 0) >= wanted
        and status.get("availableReplicas", 0) >= wanted
        and status.get("replicas", 0) == status.get("updatedReplicas", 0)
    )


def _succeeded(canary: Any) -> bool:
    return bool((canary.get("status") or {}).get("phase", "") == "Succeeded")
