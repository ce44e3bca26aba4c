"""What the tests of faults share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hotel_booking import migrations
from hotel_booking.ops.embedded import DURABLE, Cluster, throwaway


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A cluster that this test may crash: durable, unlike the shared one."""
    with throwaway(DURABLE) as cluster:
        cluster.create_database("hotel")
        migrations.upgrade(cluster.url("hotel"))
        yield cluster
