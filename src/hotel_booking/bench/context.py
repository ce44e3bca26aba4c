"""What the parts of the bench share while it runs: the scratch cluster, its databases, servers on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from hotel_booking import migrations
from hotel_booking.bench.figures import Figure
from hotel_booking.bench.measuring import Session
from hotel_booking.bench.servers import Server, serving
from hotel_booking.ops.embedded import DURABLE, Cluster, throwaway

# As durable as production, with room for a catalogue of millions of nights.
SETTINGS = {
    **DURABLE,
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "max_connections": "300",
    # What a call runs is read in the log (`recording`); only where a database asks for it, anything is there.
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_directory": "log",
}
_EMPTY = "empty"


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Passed to every part. `sizes` are catalogues in properties; `data` is a file for the replay."""

    session: Session
    cluster: Cluster
    sizes: tuple[int, ...]
    data: Path | None

    def database(self, name: str, fill: Callable[[str], None] | None = None) -> str:
        """The URL of a database of this name, made and filled by whoever asks first."""
        if not self.cluster.has_database(name):
            self.session.say(f"making the database {name}")
            unfinished = f"{name}_unfinished"
            self.cluster.drop_database(unfinished)
            self.cluster.create_database(unfinished)
            migrations.upgrade(self.cluster.url(unfinished))
            if fill is not None:
                fill(self.cluster.url(unfinished))
            self.cluster.rename_database(unfinished, name)
        return self.cluster.url(name)

    @contextmanager
    def server(self, which: str, database_url: str, **settings: str) -> Iterator[Server]:
        """A web server on a database, until the block ends."""
        self.session.say(f"starting a web server ({which})")
        with serving(which, database_url, self.session.folder, settings) as server:
            yield server

    def empty(self) -> str:
        """A database with the schema alone."""
        return self.database(_EMPTY)


Part = Callable[[Context], Iterator[Figure]]


def postmaster(cluster: Cluster) -> int:
    """The first process of a running cluster."""
    return int((cluster.data / "postmaster.pid").read_text().split()[0])


@contextmanager
def scratch_cluster() -> Iterator[Cluster]:
    """A cluster that is gone at the end, whatever happens."""
    with throwaway(SETTINGS) as cluster:
        yield cluster
