"""docs/METRICS.md is what core/metrics.py declares (`make docs`), and nobody else declares a metric."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

from prometheus_client import REGISTRY

from hotel_booking.core.metrics import DECLARED
from hotel_booking.core.metrics_page import page

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_made_of_the_declarations() -> None:
    assert (ROOT / "docs" / "METRICS.md").read_text() == page(), "run `make docs`"


def test_one_module_declares_them_all() -> None:
    makes = re.compile(r"\b(Counter|Gauge|Histogram|Summary|Info|Enum)\(\s*f?[\"']")
    source = ROOT / "src" / "hotel_booking"
    found = [path.name for path in source.rglob("*.py") if makes.search(path.read_text())]
    assert not found, "declare it in core/metrics.py, by its helpers"


def test_what_is_declared_is_what_is_scraped() -> None:
    scraped = {
        metric.name: metric for metric in REGISTRY.collect() if metric.name.startswith("hotel_booking_")
    }
    assert {declared.name.removesuffix("_total"): declared.kind for declared in DECLARED} == {
        name: metric.type for name, metric in scraped.items()
    }
    for declared in DECLARED:
        metric = scraped[declared.name.removesuffix("_total")]
        for sample in metric.samples:
            assert set(sample.labels) - {"le"} == set(declared.labels), sample


def test_names_follow_the_conventions() -> None:
    for declared in DECLARED:
        assert re.fullmatch(r"hotel_booking_[a-z]+(_[a-z]+)*", declared.name), declared.name
        assert declared.name.endswith("_total") == (declared.kind == "counter"), declared.name
        assert not re.search(r"millis|minutes|hours|_ms\b|kilo|mega", declared.name), declared.name


def test_a_counter_whose_outcomes_are_known_starts_at_zero() -> None:
    scraped = {metric.name: metric for metric in REGISTRY.collect()}
    looked_at = 0
    for declared in DECLARED:
        lists = [values for values in declared.labels.values() if isinstance(values, tuple)]
        if declared.kind == "counter" and declared.labels and len(lists) == len(declared.labels):
            samples = scraped[declared.name.removesuffix("_total")].samples
            found = {tuple(sample.labels[label] for label in declared.labels) for sample in samples}
            assert found == set(product(*lists)), declared.name
            looked_at += 1
    assert looked_at > 2
