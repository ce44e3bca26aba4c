"""Fixtures on a real PostgreSQL: one cluster for the run, a migrated template, a fresh copy per test."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hotel_booking import migrations
from hotel_booking.core.db import Database
from hotel_booking.ops.embedded import THROWAWAY, Cluster, throwaway

TEMPLATE = "template_hotel"
CHAIN = "template_chain"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A throwaway PostgreSQL (set HOTEL_POSTGRES_BIN for another version) with a migrated template."""
    with throwaway({**THROWAWAY, "max_connections": "400", "shared_buffers": "128MB"}) as running:
        running.create_database(TEMPLATE)
        migrations.upgrade(running.url(TEMPLATE))
        yield running


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    """The URL of a fresh migrated database."""
    name = f"test_{uuid.uuid4().hex}"
    cluster.create_database(name, template=TEMPLATE)
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture(scope="session")
def _chain(cluster: Cluster) -> str:
    """A template with three hotels of the demo chain, their rooms, prices and bookings."""
    from hotel_booking.demo import load

    cluster.create_database(CHAIN, template=TEMPLATE)
    asyncio.run(load(cluster.url(CHAIN), seed=1, progress=lambda _what, _share: None, properties=3))
    return CHAIN


@pytest.fixture
def chain_url(cluster: Cluster, _chain: str) -> Iterator[str]:
    """The URL of a fresh database with three hotels of the demo chain."""
    name = f"test_{uuid.uuid4().hex}"
    cluster.create_database(name, template=_chain)
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture
async def chain(chain_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh database with three hotels of the demo chain."""
    async with Database.open(chain_url, size=10) as database:
        yield database


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh migrated database."""
    async with Database.open(database_url, size=20) as database:
        yield database


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real data sets; a test that needs it is skipped, visibly, where it is not there."""
    folder = Path(
        os.environ.get("HOTEL_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data"
    )
    if not folder.is_dir():
        pytest.skip(f"the shared data is not there (looked in {folder}; set HOTEL_SHARED_DATA)")
    return folder
