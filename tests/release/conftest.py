"""One cluster for all tests of the folder, with the platform on it as Argo CD brought it, a Prometheus that
scrapes it and Flagger, which has nothing to do before a test has it `take_over`.

The table of all scenarios is printed at the end; the last run's logs stay in /tmp/hotel-booking-release-logs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import platform
from tests.cluster.cluster import Cluster
from tests.cluster.measuring import start_prometheus
from tests.release.by_git import ByGit
from tests.release.plane import Gateway, Plane
from tests.release.releases import Releases, start_flagger
from tests.release.tally import Row, Tally

_LOGS = Path("/tmp/hotel-booking-release-logs")
_SECONDS = 7200  # more than everything here takes on a slow machine; then it ends by itself
Guests = Callable[..., AbstractContextManager[Row]]
_TALLY: list[Tally] = []


@pytest.fixture(scope="session")
def releases() -> Iterator[Releases]:
    """The cluster, and what can be done to a release on it."""
    cluster = Cluster(os.environ.get("KUBERNETES", "1.34"), seconds=_SECONDS)
    try:
        cluster.start()
        platform.prepare(cluster)
        repository = platform.bring(cluster)
        platform.load_hotels(cluster, properties=6)
        start_prometheus(cluster, platform.NAMESPACE)
        start_flagger(cluster)
        yield Releases(cluster, repository)
    finally:
        cluster.keep_logs(_LOGS)
        cluster.stop()


@pytest.fixture(scope="session")
def tally(releases: Releases) -> Tally:
    """The scenarios so far."""
    _TALLY.append(Tally(releases.cluster))
    return _TALLY[0]


@pytest.fixture
def guests(tally: Tally) -> Guests:
    """`with guests("what is done") as row:` (see `Tally.guests`)."""
    return tally.guests


@pytest.fixture(scope="module")
def by_git(releases: Releases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByGit]:
    """Releases come by our scripts; in the end Git says what it said before."""
    file = releases.repository.path("deployment/kubernetes/overlays/production/release/kustomization.yaml")
    before, served = file.read_text(), releases.serving()
    yield ByGit(releases, tmp_path_factory.mktemp("operator"))
    file.write_text(before)
    releases.deploy(served)
    releases.until_serving(served)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table, for the report."""
    for tally in _TALLY:
        terminalreporter.write_line(f"\n{tally.table()}\n")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All marked."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.release)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A real API server, and nothing else of a cluster."""
    made = Plane(tmp_path_factory.mktemp("plane"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def gateway(plane: Plane) -> Iterator[Gateway]:
    """What leads requests to the pods of an empty one."""
    plane.fresh()
    made = Gateway(plane)
    yield made
    made.stop()
