"""What the compliance pages say is kept for how long, and shown by which test, is so."""

from __future__ import annotations

import re
from pathlib import Path

from hotel_booking.worker import application
from tests.house.asvs import ROOT, Requirement, missing_tests

PAGES = ROOT / "docs" / "compliance"
_JOB = re.compile(r"\| `(\w+:\w+)` \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py(?:::\w+)?)`")


def _named(page: Path) -> list[str]:
    return _JOB.findall(page.read_text())


def test_every_retention_names_a_job_that_there_is() -> None:
    named = _named(PAGES / "PRIVACY.md")
    jobs = application("postgresql://nowhere/none")
    by_the_clock = {name for name, _ in jobs.periodic_registry.periodic_tasks}
    assert len(named) > 10
    assert set(named) - by_the_clock == set()


def test_every_test_that_the_pages_name_exists() -> None:
    for page in ("PRIVACY.md", "PCI.md"):
        named = [test for test in _TEST.findall((PAGES / page).read_text()) if "::" in test]
        assert missing_tests([Requirement(number=page, level=1, asks="", tests=tuple(named))]) == []
