"""A PostgreSQL as production's: the platform's role owns its database, people log in by passwords."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import psycopg

from hotel_booking import migrations
from hotel_booking.ops.access.database import KEEPER
from hotel_booking.ops.access.preparing import prepare
from hotel_booking.ops.embedded import Cluster, throwaway

DATABASE = "hotel_booking"
_HBA = """local all hotel,hotel_booking trust
local all all scram-sha-256
"""


class Server:
    """A server that is prepared for access; `keeper` is the URL as hotel_access_keeper."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.home = cluster.home
        self.admin = cluster.url(DATABASE)
        self.owner = self.as_user("hotel_booking")
        self.password, self.remarks = "", list[str]()

    def as_user(self, user: str, password: str = "") -> str:
        where = self._cluster.url(DATABASE).partition("?")[2]
        secret = f":{quote(password)}" if password else ""
        return f"postgresql://{quote(user)}{secret}@/{DATABASE}?{where}"

    @property
    def keeper(self) -> str:
        return self.as_user(KEEPER, self.password)

    def ask(self, statement: str, *args: Any, url: str = "") -> list[Any]:
        with psycopg.connect(url or self.admin) as connection:
            done = connection.execute(statement, args)
            return done.fetchall() if done.description else []

    def stop(self) -> None:
        self._cluster.stop()

    def start(self) -> None:
        self._cluster.start()


@contextmanager
def server() -> Iterator[Server]:
    """Migrated and prepared."""
    with throwaway() as cluster:
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
            admin.execute("CREATE ROLE hotel_booking LOGIN")
            admin.execute(f"CREATE DATABASE {DATABASE} OWNER hotel_booking")
            admin.execute(f"REVOKE CONNECT ON DATABASE {DATABASE} FROM PUBLIC")
            (cluster.data / "pg_hba.conf").write_text(_HBA)
            admin.execute("SELECT pg_reload_conf()")
        made = Server(cluster)
        migrations.upgrade(made.owner)
        made.password, remarks = prepare(made.admin)
        made.remarks = list(remarks)
        yield made
