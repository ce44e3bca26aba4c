"""Whether a release answers as it should before guests are led to it, and while they are."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import msgspec

from hotel_booking.ops.colours import manifests
from hotel_booking.ops.colours.guest_site import Answer, GuestSite
from hotel_booking.ops.colours.objects import RECIPE, VirtualService
from hotel_booking.ops.kubectl import Kubectl
from hotel_booking.ops.refusals import Refused

# The gateway has heard of a new route within a second; a busy control plane may take longer.
_ROUTE_SECONDS = 60
# What a guest asks, short of booking; offers of a hotel come beside.
PAGES = ("/", "/health/live", "/api/v1/openapi.json")
LISTED = "/api/v1/properties"
_ROUNDS = 5  # so that every pod is likely to be asked
_SLOWEST = 10.0  # seconds, of a first answer of a process that is not warm yet
# While it is watched: the runbook's thresholds, of a minute's requests.
_ERRORS, _SLOW = 0.05, 1.0
_FEWEST = 20  # answers, before a share says something
_ERROR_RATE = (
    'sum(rate(hotel_booking_http_requests_total{{namespace="{namespace}",pod=~"{name}-.*",status="5xx",'
    'route!~"/health.*"}}[1m])) / sum(rate(hotel_booking_http_requests_total{{namespace="{namespace}",'
    'pod=~"{name}-.*",route!~"/health.*"}}[1m]))'
)


def try_colour(
    kubectl: Kubectl, name: str, gateway: str, *, still_ours: Callable[[], None], today: datetime
) -> int:
    """Ask the colour through the gateway, by its own Service, what a guest asks: how many requests were
    answered as they should. Raises `Refused` with the first that was not; the route is gone afterwards."""
    site = kubectl.get("virtualservice", RECIPE, VirtualService)
    guests_site = GuestSite(site.spec.hosts[0], gateway)
    word = secrets.token_hex(16)
    told = {manifests.PREVIEW_HEADER: word}
    kubectl.apply(manifests.preview(name, site, word=word), manager=manifests.MANAGER)
    try:
        until = time.monotonic() + _ROUTE_SECONDS
        while True:
            first = guests_site.ask("/health/ready", **told)
            if first.headers.get(manifests.PREVIEW_HEADER) == name and first.status == 200:
                break
            if time.monotonic() > until:
                raise Refused(f"the gateway does not lead to {name}: {_said(first, '/health/ready')}")
            still_ours()
            time.sleep(1)
        asked = 1
        for _ in range(_ROUNDS):
            asked += _round(guests_site, name, told, today)
            still_ours()
        return asked
    finally:
        kubectl.delete("virtualservice", manifests.PREVIEW)


def _round(guests_site: GuestSite, name: str, told: dict[str, str], today: datetime) -> int:
    """What a guest asks, short of booking."""

    def well(path: str, answer: Answer) -> Answer:
        if answer.headers.get(manifests.PREVIEW_HEADER) != name:
            raise Refused(f"{path} was answered by somebody else than {name}: {_said(answer, path)}")
        if answer.status != 200 or answer.took > _SLOWEST:
            raise Refused(f"{name} does not answer as it should: {_said(answer, path)}")
        return answer

    nights = {
        "arrival": f"{today + timedelta(days=30):%Y-%m-%d}",
        "departure": f"{today + timedelta(days=31):%Y-%m-%d}",
    }
    ready = well("/health/ready", guests_site.ask("/health/ready", **told)).json() or {}
    if ready.get("status") not in ("ok", "degraded"):
        raise Refused(f"{name} is not ready: {ready}")
    for path in PAGES:
        answer = guests_site.ask(path, **told)
        if answer.status in (301, 302, 303, 307, 308):  # to a language
            path = answer.headers.get("location", "/").removeprefix(f"https://{guests_site.host}")
            answer = guests_site.ask(path, **told)
        well(path, answer)
    listed = well(LISTED, guests_site.ask(LISTED, **told)).json() or {}
    asked = 5
    for hotel in listed.get("items", [])[:1]:
        path = f"/api/v1/properties/{hotel['slug']}/offers?{urlencode({**nights, 'adults': 2})}"
        well(path, guests_site.ask(path, **told))
        asked += 1
    return asked


class Watch:
    """The minutes after guests were led to a colour, by our own requests and, where its address is known, by
    Prometheus."""

    def __init__(self, host: str, gateway: str, prometheus: str, say: Callable[[str], None]) -> None:
        self._site = GuestSite(host, gateway)
        self._prometheus, self._say = prometheus.rstrip("/"), say
        self._answers: list[Answer] = []
        self._listed: list[Answer] = []  # those that take what guests' answers take
        self._silent = False
        self.asked = 0

    def look(self, namespace: str, name: str) -> str:
        """What is wrong with it now; empty where nothing is known to be. Asks once."""
        path = ("/health/ready", LISTED)[self.asked % 2]
        answer = self._site.ask(path)
        self.asked += 1
        self._answers = [*self._answers[-59:], answer]
        if path == LISTED:
            self._listed = [*self._listed[-29:], answer]
        bad = [answer for answer in self._answers if answer.status == 0 or answer.status >= 500]
        slow = [answer for answer in self._listed if answer.took > _SLOW]
        if self._answers[-3:] == bad[-3:] and len(bad) >= 3:
            return f"three requests in a row failed: {_said(bad[-1], path)}"
        if len(self._answers) >= _FEWEST:
            if len(bad) > _ERRORS * len(self._answers):
                return f"{len(bad)} of the last {len(self._answers)} requests failed: {_said(bad[-1], path)}"
            if len(slow) > len(self._listed) / 2:
                return f"{len(slow)} of the last {len(self._listed)} answers took more than {_SLOW:.0f} s"
        if self._prometheus and self.asked % 5 == 0:
            share = self._errors(namespace, name)
            if share is not None and share > _ERRORS:
                return f"Prometheus counts {share:.0%} of the guests' requests as failed"
        return ""

    def _errors(self, namespace: str, name: str) -> float | None:
        """The share of its answers that are errors, as Prometheus counts; None where it does not know."""
        query = urlencode({"query": _ERROR_RATE.format(namespace=namespace, name=name)})
        try:
            opener = build_opener(ProxyHandler({}))
            with opener.open(f"{self._prometheus}/api/v1/query?{query}", timeout=5) as answer:
                answered = msgspec.json.decode(answer.read(), type=_Found)
            value = answered.data.result[0].value[1] if answered.data.result else "NaN"
            share = float(value)
        except (OSError, ValueError, msgspec.DecodeError) as error:
            if not self._silent:
                self._say(f"Prometheus does not answer ({error}): watched by our own requests alone")
            self._silent = True
            return None
        return None if share != share else share


class _Sample(msgspec.Struct):
    value: tuple[float, str]


class _Data(msgspec.Struct):
    result: list[_Sample]


class _Found(msgspec.Struct):
    data: _Data


def _said(answer: Answer, path: str) -> str:
    if not answer.status:
        return f"{path}: {answer.why}"
    body = answer.body[:200].decode(errors="replace")
    return f"{path}: {answer.status} after {answer.took:.1f} s {body}".strip()
