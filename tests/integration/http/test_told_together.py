"""Lines and counts of requests are told of many at once: none is lost, and they stay in order."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from litestar import get
from prometheus_client import REGISTRY, CollectorRegistry

from hotel_booking.core import logging as ours
from hotel_booking.core import metrics as declared
from hotel_booking.core.lru_cache import LruCache
from hotel_booking.http import access_log
from hotel_booking.http.access import public
from tests.clients.http_client import running, settings_for
from tests.clients.server import served_by_the_command

_REQUESTS = 60


class Counting(io.BytesIO):
    """A stream that knows how often it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def write(self, data: object) -> int:
        self.times += 1
        return super().write(data)  # type: ignore[arg-type]  # bytes, as they come

    def said(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@contextmanager
def written() -> Iterator[Counting]:
    """What this process writes to standard error; pytest's own handlers are back afterwards."""
    handlers, level = logging.root.handlers[:], logging.root.level
    stream = Counting()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", io.TextIOWrapper(stream, write_through=True))
        ours.configure("info")
        try:
            yield stream
        finally:
            access_log.settle()
            logging.root.handlers[:] = handlers
            logging.root.setLevel(level)


@get("/api/v1/said/{number:int}", opt=public())
async def said(number: int) -> None:
    """Says something of its own, every twentieth time."""
    if number % 20 == 19:
        logging.getLogger("hotel_booking.of_the_test").error("said", extra={"number": number})


def of_us(lines: list[dict[str, object]]) -> list[dict[str, object]]:
    return [line for line in lines if str(line.get("request_id")).startswith("request-")]


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_lines_are_written_together_behind_what_happened_before(database_url: str) -> None:
    route = {"method": "GET", "route": "/api/v1/said/{number}"}
    async with running(settings_for(database_url), said) as (_, client):
        access_log.settle()
        counted = count("hotel_booking_http_requests_total", **route, status="2xx")
        with written() as stream:
            for number in range(_REQUESTS):
                await client.get(f"/api/v1/said/{number}", headers={"x-request-id": f"request-{number}"})
            assert len(of_us(stream.said())) < _REQUESTS * 21 / 20, "the last ones wait"
            await asyncio.sleep(0.3)
        # Three said something before they ended: their own line comes behind it, earlier ones' before it.
        expected = []
        for number in range(_REQUESTS):
            if number % 20 == 19:
                expected.append(("said", f"request-{number}"))
            expected.append(("request", f"request-{number}"))
        lines = of_us(stream.said())
        assert [(line["message"], line["request_id"]) for line in lines] == expected
        assert stream.times < _REQUESTS / 2
        ended_at = [str(line["time"]) for line in lines if line["message"] == "request"]
        assert ended_at == sorted(ended_at)
        assert len(set(ended_at)) > 3, "each says when it ended, not when it was written"
        assert count("hotel_booking_http_requests_total", **route, status="2xx") - counted == _REQUESTS


def test_not_many_wait_however_busy_the_process_is() -> None:
    async def busy() -> None:  # the loop gets no turn meanwhile
        for number in range(1_300):
            scope = {"method": "GET", "path": "/", "state": {"request_id": f"request-{number}"}}
            access_log.tell(scope, status=200, started=0.0)  # type: ignore[arg-type]  # what it looks at
        assert len(of_us(stream.said())) == 1_000

    access_log.settle()
    with written() as stream:
        asyncio.run(busy())
    assert [line["request_id"] for line in stream.said()] == [f"request-{number}" for number in range(1_300)]


@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.nightly), "2"])
async def test_a_server_that_is_told_to_end_has_told_of_every_answer(
    database_url: str, tmp_path: Path, workers: str
) -> None:
    log = tmp_path / "log"
    async with (
        served_by_the_command(database_url, log, HOTEL_WORKERS=workers) as address,
        httpx.AsyncClient(base_url=address, trust_env=False, verify=False) as client,
    ):
        for number in range(_REQUESTS):
            answer = await client.get("/api/v1/places?q=lis", headers={"x-request-id": f"request-{number}"})
            assert answer.status_code < 500
    # Told to end within the tenth of a second.
    told = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    ids = [str(line["request_id"]) for line in of_us(told)]
    assert sorted(ids) == sorted(f"request-{number}" for number in range(_REQUESTS))


def test_many_durations_are_counted_as_each_would_be() -> None:
    seconds = [0.0, 0.001, 0.0011, 0.5, 0.5, 3, 7.5, 1_000]
    registry = CollectorRegistry()
    one, all_ = (
        declared.Durations(name, "of the test", ["way"], buckets=(0.001, 0.5, 3, 7), registry=registry)
        for name in ("one", "all")
    )
    for each in seconds:
        one.labels("x").observe(each)
    all_.labels("x").observe_all(seconds)
    samples = {
        name: {
            (
                sample.name.removeprefix(name),
                sample.labels.get("le", ""),
            ): sample.value
            for metric in registry.collect()
            for sample in metric.samples
            if metric.name == name and not sample.name.endswith("_created")
        }
        for name in ("one", "all")
    }
    assert len(samples["one"]) == 7
    assert samples["all"] == samples["one"]


def test_what_was_looked_for_in_memory_is_counted_with_the_request() -> None:
    declared.settle()
    kept: LruCache[int, str] = LruCache("places", 2)
    found, missed = (
        count("hotel_booking_cache_requests_total", cache="places", outcome=outcome)
        for outcome in ("hit", "miss")
    )
    assert kept.get(1) is None
    kept.keep(1, "one")
    assert [kept.get(1) for _ in range(3)] == ["one"] * 3
    declared.settle()
    assert count("hotel_booking_cache_requests_total", cache="places", outcome="hit") - found == 3
    assert count("hotel_booking_cache_requests_total", cache="places", outcome="miss") - missed == 1
