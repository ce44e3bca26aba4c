"""Fixtures of the integration tests: a database with all the places of the world in it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.properties.place_data import load_places, read_places
from hotel_booking.ops.embedded import Cluster
from tests.conftest import TEMPLATE

PLACES = f"template_places_{uuid.uuid4().hex}"  # of this process: the cluster may serve several


@pytest.fixture(scope="session")
def _places(cluster: Cluster) -> str:
    """A template with the whole of GeoNames."""

    data = read_places()
    assert len(data.places) > 30_000

    async def load() -> None:
        async with Database.open(cluster.url(PLACES), size=1) as database, database.transaction() as tx:
            await load_places(tx, data)

    cluster.create_database(PLACES, template=TEMPLATE)
    asyncio.run(load())
    return PLACES


@pytest.fixture
async def places_url(cluster: Cluster, _places: str) -> AsyncIterator[str]:
    """The URL of a fresh database with all places."""
    name = f"test_{uuid.uuid4().hex}"
    cluster.create_database(name, template=_places)
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture
async def among_places(places_url: str) -> AsyncIterator[Transaction]:
    """A transaction on a fresh database with all places."""
    async with Database.open(places_url, size=5) as database, database.transaction() as tx:
        yield tx
