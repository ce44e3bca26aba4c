"""What all tests share: a cluster, databases on it, real data; and in which order they run."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import uvloop
from argon2 import PasswordHasher

from hotel_booking.core.db import Database
from hotel_booking.core.metrics import INDEX_FAILURES
from hotel_booking.domains.authentication.service import passwords
from hotel_booking.ops.embedded import Cluster, throwaway
from tests import warm_connections
from tests.databases import SETTINGS, Emptied, Kept, chained, copied, migrated, placed

_HERE = Path(__file__).parent
_SHARED = pytest.StashKey[Path]()
_LOOPS: list[asyncio.AbstractEventLoop] = []  # of this process

# What takes longest, first, so that the workers end together. The very first needs no hotels of the demo
# chain: while it runs, another worker makes the template for all.
LONGEST = (
    "concurrency/test_worker_life.py",
    "e2e/test_panel_pages.py",
    "e2e/test_documentation.py",
    "integration/demo/test_scale.py",
    "concurrency/test_crash_points.py",
    "integration/demo/test_demo_chain.py",
    "concurrency/test_state_machine.py",
    "integration/http/test_call_counts.py",
    "integration/http/test_odd_input.py",
    "integration/http/test_plans.py",
    "e2e/test_scripts.py",
    "integration/panel/test_panel_matrix.py",
    "integration/panel/test_booking_search.py",
    "integration/http/test_get_changes_nothing.py",
    "integration/demo/test_replay.py",
    "integration/domains/test_search_index_parity.py",
    "integration/http/test_half_sent.py",
    "integration/http/test_metrics_listener.py",
    "integration/api/test_places.py",
    "ops/test_alerts.py",
    "ops/test_embedded.py",
    "e2e",
    "concurrency",
    "integration/http",
    "integration",
)
# Programs that are started, servers that come back: workers with these alone leave a core without work.
WAITING = "ops"


# Random data: few examples of each at a push, many each night (`--hypothesis-profile night`).
hypothesis.settings.register_profile("push", max_examples=30)
hypothesis.settings.register_profile("night", max_examples=1000)
hypothesis.settings.load_profile("push")

# What production asks of Argon2 took a tenth of all tests' time: the same algorithm has little work here, but
# for tests that use `real_passwords`.
_PRODUCTION = passwords._HASHER  # noqa: SLF001  # only tests ask for it
_LITTLE = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def _work(hasher: PasswordHasher) -> None:
    passwords._HASHER = hasher  # noqa: SLF001  # only tests change it
    passwords._of_nobody.cache_clear()  # noqa: SLF001  # it was made by the other hasher


_work(_LITTLE)


warm_connections.hand_on()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """With several workers, the process that starts them starts the cluster of all."""
    config: pytest.Config = node.config
    if _SHARED not in config.stash:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        config.stash[_SHARED] = stack.enter_context(throwaway(SETTINGS)).folder
    node.workerinput["cluster"] = str(config.stash[_SHARED])


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that production serves with; one for all tests of a process."""
    return {"uvloop": _new_loop}  # the same function each time, or pytest makes a loop for each test


def _new_loop() -> asyncio.AbstractEventLoop:
    _LOOPS.append(uvloop.new_event_loop())
    return _LOOPS[-1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest goes first, and what mostly waits between what computes, so that the cores have
    something to do; a file's tests stay together."""
    items.sort(key=lambda item: _rank(item.path))
    files = list(dict.fromkeys(item.path for item in items))
    waiting = [file for file in files if _rank(file) == len(LONGEST) and file.is_relative_to(_HERE / WAITING)]
    computing = sum(_rank(file) < len(LONGEST) for file in files)
    places: dict[Path, float] = {file: place for place, file in enumerate(files)}
    places |= {file: place * computing / len(waiting) - 0.5 for place, file in enumerate(waiting, 1)}
    items.sort(key=lambda item: places[item.path])


@cache
def _rank(file: Path) -> int:
    where = file.relative_to(_HERE)
    return next((rank for rank, name in enumerate(LONGEST) if where.is_relative_to(name)), len(LONGEST))


def pytest_collection_finish() -> None:
    """What is imported and collected by now stays to the end: looking through it for garbage takes a third of
    a second each time, and a fork would copy it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A throwaway PostgreSQL; set HOTEL_POSTGRES_BIN for another version."""
    if worker := getattr(request.config, "workerinput", None):
        yield Kept(Path(worker["cluster"]), SETTINGS)
        return
    with throwaway(SETTINGS) as running:
        yield Kept(running.folder, SETTINGS)


@pytest.fixture(autouse=True)
def _no_hidden_mistakes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where the search index makes a mistake, SQL answers and nobody sees it: here everybody does, but for
    tests marked `index_fails`."""
    before = _mistakes()
    yield
    if request.node.get_closest_marker("index_fails") is None:
        assert _mistakes() == before, "the search index made a mistake"


@pytest.fixture(autouse=True)
def _nothing_goes_on() -> Iterator[None]:
    """What a test has left going on is cancelled, as it is with a loop of the test's own."""
    before = _tasks()
    yield
    for task in _tasks() - before:
        task.cancel()


def _tasks() -> set[asyncio.Task[Any]]:
    return {task for loop in _LOOPS if not loop.is_closed() for task in asyncio.all_tasks(loop)}


def _mistakes() -> float:
    """The counter alone: to look for it among all metrics takes thirty milliseconds a test."""
    return next(iter(INDEX_FAILURES.collect())).samples[0].value


@pytest.fixture
def real_passwords() -> Iterator[None]:
    """Passwords cost as much work as in production."""
    _work(_PRODUCTION)
    yield
    _work(_LITTLE)


@pytest.fixture(scope="session")
def emptied(cluster: Cluster) -> Iterator[Emptied]:
    """The database of this process's tests, one after the other."""
    database = Emptied(cluster)
    yield database
    database.close()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, cluster: Cluster, emptied: Emptied) -> Iterator[str]:
    """The URL of a migrated database with nothing in it, and, for tests marked `own_database`, nobody."""
    alone = request.node.get_closest_marker("own_database") is not None
    with copied(cluster, migrated(cluster)) if alone else emptied.use() as url:
        yield url


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh migrated database."""
    async with Database.open(database_url, size=20) as database:
        yield database


@pytest.fixture
def chain_url(cluster: Cluster) -> Iterator[str]:
    """The URL of a fresh database with three hotels of the demo chain."""
    with copied(cluster, chained(cluster, "template_chain", properties=3)) as url:
        yield url


@pytest.fixture
async def chain(chain_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh database with three hotels of the demo chain."""
    async with Database.open(chain_url, size=10) as database:
        yield database


@pytest.fixture
def places_url(cluster: Cluster) -> Iterator[str]:
    """The URL of a fresh database with all the places of the world."""
    with copied(cluster, placed(cluster)) as url:
        yield url


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real data sets; a test that needs it is skipped, visibly, where it is not there."""
    folder = Path(os.environ.get("HOTEL_SHARED_DATA") or _HERE.parents[1] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the shared data is not there (looked in {folder}; set HOTEL_SHARED_DATA)")
    return folder
