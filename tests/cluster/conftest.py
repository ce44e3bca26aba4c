"""One cluster for all tests of the folder, with the platform on it as Argo CD brought it.

`KUBERNETES=1.28` is another version; `CLUSTER=/var/tmp/hotel-booking-cluster` the one of `make cluster-up`.
The servers' and pods' logs of the last run stay in /tmp/hotel-booking-cluster-logs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import platform
from tests.cluster.cluster import Cluster

_LOGS = Path("/tmp/hotel-booking-cluster-logs")
_SECONDS = 5400  # more than everything here takes on a slow machine; then it ends by itself


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Cluster]:
    """A cluster with Istio, a gateway and Argo CD, and nothing of the platform."""
    if folder := os.environ.get("CLUSTER"):
        yield Cluster.attached(Path(folder))
        return
    cluster = Cluster(os.environ.get("KUBERNETES", "1.34"), seconds=_SECONDS)
    try:
        cluster.start()
        platform.prepare(cluster)
        yield cluster
    finally:
        cluster.keep_logs(_LOGS)
        cluster.stop()


@pytest.fixture(scope="session")
def brought(control_plane: Cluster) -> Cluster:
    """The same with the platform, as Argo CD brought it, and three hotels."""
    if "CLUSTER" not in os.environ:
        platform.bring(control_plane)
        platform.load_hotels(control_plane)
    return control_plane


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """From nothing to a platform, then what is done with it, in the order of the files' numbers; all
    marked."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.cluster)
