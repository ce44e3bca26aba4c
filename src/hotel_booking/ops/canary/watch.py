"""How a release under trial goes, until it is promoted, called back, or the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from hotel_booking.ops.canary.figures import Figure, Figures
from hotel_booking.ops.canary.state import NAME, PROMOTED, ROLLED_BACK, ROUTES, UNDER_WAY, Canary, Routes
from hotel_booking.ops.kubectl import Kubectl, NotFound, Unreachable
from hotel_booking.ops.refusals import Refused

End = Literal["promoted", "rolled back", "time is over"]
EXIT_CODES: dict[End, int] = {"promoted": 0, "rolled back": 1, "time is over": 2}
KIND = "canaries.flagger.app"


class Look(msgspec.Struct, frozen=True):
    """What one look found. `end` is set on the last; `note` is what a person should know or do."""

    seconds: float
    phase: str
    weight: float
    planned: float
    failed: int
    threshold: int
    figures: list[Figure]
    end: End | None = None
    note: str = ""


class Watch:
    """The Canary by kubectl, and its figures."""

    def __init__(self, kubectl: Kubectl, figures: Figures, *, every: float) -> None:
        self._kubectl, self._figures, self._every = kubectl, figures, every

    def looks(self, seconds: float, sleep: Callable[[float], None] = time.sleep) -> Iterator[Look]:
        """A look every so often for so many seconds; the last one has an `end`. What ended before counts if
        nothing begins within two of Flagger's intervals. Raises `Refused` where there is no Canary or nobody
        lets us look; an API server that is away for a while is waited for."""
        began = time.monotonic()
        patience = 0.0
        under_way = False
        last: Look | None = None
        while True:
            passed = time.monotonic() - began
            over = passed >= seconds
            try:
                canary = self._canary()
                look = self._look(canary, passed)
            except Unreachable as away:
                if over or last is None:
                    raise
                yield msgspec.structs.replace(last, seconds=passed, note=away.detail)
                sleep(self._every)
                continue
            if not patience:
                patience = 2 * interval(canary.spec.analysis.interval) + self._every
            phase = canary.status.phase
            under_way = under_way or phase in UNDER_WAY
            ended = _end(phase) if under_way or passed >= patience else None
            last = look
            if ended is None and over:
                ended = "time is over"
            yield msgspec.structs.replace(last, end=ended, note=_note(canary, ended, under_way=under_way))
            if ended is not None:
                return
            sleep(min(self._every, max(0.1, seconds - passed)))

    def _look(self, canary: Canary, passed: float) -> Look:
        status, analysis = canary.status, canary.spec.analysis
        tried = status.phase in UNDER_WAY
        routes = self._kubectl.find("virtualservices.networking.istio.io", ROUTES, Routes) if tried else None
        return Look(
            seconds=round(passed, 1),
            phase=status.phase or "Initializing",
            weight=0 if routes is None else routes.tried,
            planned=analysis.planned,
            failed=status.failed_checks,
            threshold=analysis.threshold,
            figures=self._figures.now(canary) if tried else [],
        )

    def _canary(self) -> Canary:
        try:
            return self._kubectl.get(KIND, NAME, Canary)
        except NotFound:
            raise Refused(
                f"there is no Canary {NAME} in {self._kubectl.namespace}",
                "Releases go out without one. This line begins with it:",
                "  kubectl apply -f deployment/kubernetes/canary-deployment.yaml",
            ) from None


def interval(text: str) -> float:
    """Seconds of Flagger's `1m` or `10s`."""
    return float(text[:-1]) * (60 if text.endswith("m") else 1)


def _end(phase: str) -> End | None:
    if phase == PROMOTED:
        return "promoted"
    return "rolled back" if phase == ROLLED_BACK else None


def _note(canary: Canary, ended: End | None, *, under_way: bool) -> str:
    phase = canary.status.phase
    if ended in ("promoted", "rolled back") and not under_way:
        return f"nothing is being tried: this is how the last one ended, {canary.status.last_transition_time}"
    if ended == "rolled back":
        return "all guests have the release before; why: kubectl describe canary hotel-booking-canary"
    if canary.called_back and phase in UNDER_WAY:
        return "a person has called it back: at the next look all guests have the release before"
    if phase == "WaitingPromotion" and not canary.promoted_by_hand:
        return "it waits for a person: maxWeight 100 promotes it, maxWeight 0 calls it back (docs/RUNBOOK.md)"
    if canary.promoted_by_hand and phase in UNDER_WAY:
        return "a person has promoted it: it goes on by itself"
    if phase == "Waiting":
        return "its hooks do not answer: kubectl get pods -l app=hotel-booking-release"
    if ended == "time is over" and not under_way:
        return "nothing is being tried"
    return "it goes on; look again with the same command" if ended == "time is over" else ""
