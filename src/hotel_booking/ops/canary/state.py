"""The Canary as Kubernetes has it, as far as we read it."""

from __future__ import annotations

import msgspec

NAME = "hotel-booking-canary"
TARGET = "hotel-booking"
ROUTES = "hotel-booking-active"
PROMOTED, ROLLED_BACK = "Succeeded", "Failed"
# A release is being tried; in any other phase Flagger waits for one.
UNDER_WAY = ("Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising")


class TemplateRef(msgspec.Struct, frozen=True):
    """Where a metric's query stands."""

    name: str
    namespace: str = ""


class Range(msgspec.Struct, frozen=True):
    """Within which a metric is well."""

    min: float | None = None
    max: float | None = None


class Metric(msgspec.Struct, frozen=True, rename="camel"):
    """One that is looked at."""

    name: str
    template_ref: TemplateRef | None = None
    threshold_range: Range = Range()
    interval: str = "1m"


class Analysis(msgspec.Struct, frozen=True, rename="camel"):
    """How a release is tried. Flagger goes by `step_weights`, and `max_weight` is what a person decided."""

    interval: str = "1m"
    threshold: int = 5
    max_weight: float = 0
    step_weights: tuple[float, ...] = ()
    metrics: tuple[Metric, ...] = ()

    @property
    def planned(self) -> float:
        """The share, in percent, at which it waits for a person."""
        return self.step_weights[-1] if self.step_weights else self.max_weight


class Spec(msgspec.Struct, frozen=True):
    """What is asked for."""

    analysis: Analysis


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """How far it is. `canary_weight` counts while it is Progressing; in every other phase it is 0, also where
    it waits for a person at half of the requests: what is led where says `Routes`."""

    phase: str = ""
    canary_weight: float = 0
    failed_checks: int = 0
    last_transition_time: str = ""


class Metadata(msgspec.Struct, frozen=True):
    """Which one it is."""

    name: str
    namespace: str


class Canary(msgspec.Struct, frozen=True):
    """A `Canary` of flagger.app/v1beta1."""

    metadata: Metadata
    spec: Spec
    status: Status = Status()

    @property
    def promoted_by_hand(self) -> bool:
        """Whether a person wants all guests to get it: maxWeight 100."""
        return self.spec.analysis.max_weight >= 100

    @property
    def called_back(self) -> bool:
        """Whether a person wants it back: maxWeight 0."""
        return self.spec.analysis.max_weight == 0


class _Destination(msgspec.Struct, frozen=True):
    host: str = ""


class _To(msgspec.Struct, frozen=True):
    destination: _Destination
    weight: float = 0


class _Route(msgspec.Struct, frozen=True):
    route: tuple[_To, ...] = ()


class _Http(msgspec.Struct, frozen=True):
    http: tuple[_Route, ...] = ()


class Routes(msgspec.Struct, frozen=True):
    """The VirtualService by which requests are divided."""

    spec: _Http

    @property
    def tried(self) -> float:
        """How many in a hundred go to the release that is tried."""
        hosts = (to for route in self.spec.http for to in route.route)
        return next((to.weight for to in hosts if to.destination.host == f"{ROUTES}-canary"), 0)
