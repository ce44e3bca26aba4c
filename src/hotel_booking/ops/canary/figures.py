"""What a release under trial is judged by, as Prometheus has it: the queries that Flagger asks, read from the
cluster."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import msgspec

from hotel_booking.ops.canary.state import TARGET, Canary, Metric
from hotel_booking.ops.kubectl import Kubectl
from hotel_booking.ops.refusals import Refused

_SECONDS = 5.0
_SERVICE = "/api/v1/namespaces/monitoring/services/prometheus-operated:9090/proxy"
_FIELD = re.compile(r"{{\s*(\w+)\s*}}")
Ask = Callable[[str], bytes]
"""Answers a path of Prometheus' API. Raises `Refused` or `httpx.HTTPError`."""


class _Template(msgspec.Struct, frozen=True):
    query: str


class _MetricTemplate(msgspec.Struct, frozen=True):
    spec: _Template


class Figure(msgspec.Struct, frozen=True):
    """A metric now. `value` is None where there is none, which fails a look too."""

    name: str
    value: float | None
    least: float | None
    most: float | None
    well: bool


class Figures:
    """The metrics of a Canary, whose queries are read once."""

    def __init__(self, kubectl: Kubectl, *, prometheus: str = "") -> None:
        self._kubectl = kubectl
        self._ask = _by_address(prometheus) if prometheus else _by_the_api(kubectl)
        self._queries: dict[str, str] = {}

    def now(self, canary: Canary) -> list[Figure]:
        """All of them; none where Prometheus cannot be asked from here, which says nothing of the release."""
        try:
            return [self._figure(canary, metric) for metric in canary.spec.analysis.metrics]
        except (Refused, httpx.HTTPError, msgspec.DecodeError):
            return []

    def _figure(self, canary: Canary, metric: Metric) -> Figure:
        limits = metric.threshold_range
        value = self._value(canary, metric)
        well = value is not None and not (
            (limits.min is not None and value < limits.min) or (limits.max is not None and value > limits.max)
        )
        return Figure(metric.name, value, limits.min, limits.max, well)

    def _value(self, canary: Canary, metric: Metric) -> float | None:
        if metric.template_ref is None:
            return None
        name = metric.template_ref.name
        if name not in self._queries:
            template = self._kubectl.get("metrictemplates.flagger.app", name, _MetricTemplate)
            self._queries[name] = template.spec.query
        fields = {
            "namespace": canary.metadata.namespace,
            "target": TARGET,
            "interval": metric.interval,
        }
        query = _FIELD.sub(lambda found: fields.get(found[1], found[0]), self._queries[name])
        return _single(self._ask(f"/api/v1/query?{httpx.QueryParams({'query': query})}"))


def _single(answer: bytes) -> float | None:
    """The one value of an answer."""
    found: Mapping[str, Any] = msgspec.json.decode(answer)
    results = (found.get("data") or {}).get("result") or []
    if not results:
        return None
    value = float(results[0]["value"][1])
    return None if math.isnan(value) else value


def _by_address(address: str) -> Ask:
    def ask(path: str) -> bytes:
        return httpx.get(address.rstrip("/") + path, timeout=_SECONDS).raise_for_status().content

    return ask


def _by_the_api(kubectl: Kubectl) -> Ask:
    def ask(path: str) -> bytes:
        return kubectl.run("get", "--raw", _SERVICE + path, seconds=_SECONDS).encode()

    return ask
