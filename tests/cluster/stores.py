"""PostgreSQL 15 (17 on Debian 13), PgBouncer and Redis 7 of Debian, at the addresses where AWS would have
them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import quote

import psycopg

from hotel_booking.ops.embedded.programs import server_user
from tests.cluster.certificates import Authority
from tests.cluster.world import ClusterError, World
from tests.deployment.debian import POSTGRES

_POOLER = Path(__file__).parents[2] / "deployment" / "compose" / "pgbouncer" / "pgbouncer.ini"
DATABASE, REDIS = "10.244.0.2", "10.244.0.3"
PASSWORD = "of-a-database-of-the-tests"  # of a cluster that nobody else reaches
ACCESS_PASSWORD = "of-a-keeper-of-the-tests"
REDIS_PASSWORD = "of-a-redis-of-the-tests"
USER = NAME = "hotel_booking"
POOLED_URL = f"postgresql://{USER}:{PASSWORD}@{DATABASE}:6432/{NAME}?sslmode=require"


def start_database(world: World, authority: Authority) -> None:
    """An empty database of the platform's own role. Raises `ClusterError`."""
    if not (POSTGRES / "postgres").exists():
        raise ClusterError("there is no PostgreSQL: sudo apt-get install -y postgresql")
    who = server_user(world.folder)
    if who is None:
        raise ClusterError("PostgreSQL does not run as root, and there is no user `postgres`")
    home = world.folder / "postgresql"
    home.mkdir()
    authority.sign("database", [DATABASE, "database"])
    for name in ("database.crt", "database.key"):
        file = home / name
        file.write_bytes((authority.folder / name).read_bytes())
        file.chmod(0o600)
        os.chown(file, who.uid, who.gid)
    os.chown(home, who.uid, who.gid)
    data = home / "data"
    as_server = ["setpriv", f"--reuid={who.uid}", f"--regid={who.gid}", "--clear-groups"]
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    world.run([*as_server, str(POSTGRES / "initdb"), "-D", str(data), "-U", "postgres", *options])
    with (data / "pg_hba.conf").open("a") as file_:
        file_.write("hostssl all all 10.244.0.0/16 scram-sha-256\n")
    settings = {
        "listen_addresses": DATABASE,
        "unix_socket_directories": str(home),
        "fsync": "off",
        "full_page_writes": "off",
        "max_connections": "400",
        "shared_buffers": "128MB",
        "ssl": "on",
        "ssl_cert_file": str(home / "database.crt"),
        "ssl_key_file": str(home / "database.key"),
        "timezone": "UTC",
    }
    told = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    world.start("postgresql", [str(POSTGRES / "postgres"), "-D", str(data), *told], user=who.uid)

    def answers() -> bool:
        try:
            psycopg.connect(administrator(world, "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    world.wait(answers, 30, "PostgreSQL", world.folder / "postgresql.log")
    with psycopg.connect(administrator(world, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'".encode())
        connection.execute(f"GRANT pg_signal_backend TO {USER}".encode())
        connection.execute(f"CREATE DATABASE {NAME} OWNER {USER}".encode())


def start_pooler(world: World) -> None:
    """PgBouncer in transaction mode beside the database, with the settings of compose's; it takes its
    connections by TLS alone. Raises `ClusterError`."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    who = server_user(world.folder)
    if program is None or who is None:
        raise ClusterError("there is no PgBouncer: sudo apt-get install -y pgbouncer")
    home = world.folder / "postgresql"
    users, configuration = home / "pgbouncer.users", home / "pgbouncer.ini"
    users.write_text(f'"{USER}" "{PASSWORD}"\n')
    settings = _POOLER.read_text()
    for ours, theirs in (
        ("host=postgres ", f"host={DATABASE} "),
        ("listen_addr = *", f"listen_addr = {DATABASE}"),
        ("/run/secrets/pgbouncer_users", str(users)),
    ):
        if ours not in settings:
            raise ClusterError(f"{_POOLER} says no more: {ours}")
        settings = settings.replace(ours, theirs)
    settings += "server_tls_sslmode = require\nclient_tls_sslmode = require\n"
    settings += f"client_tls_key_file = {home}/database.key\nclient_tls_cert_file = {home}/database.crt\n"
    settings += f"stats_users = {USER}\n"  # so that a test can ask what went through it
    configuration.write_text(settings)
    for file in (users, configuration):
        file.chmod(0o600)
        os.chown(file, who.uid, who.gid)
    world.start("pgbouncer", [program, str(configuration)], user=who.uid)
    world.wait(lambda: pooled(world) is not None, 15, "PgBouncer", world.folder / "pgbouncer.log")


def pooled(world: World) -> int | None:
    """How many transactions of the platform's went through PgBouncer until now; None where it does not
    answer."""
    asked = f"host={DATABASE} port=6432 user={USER} dbname=pgbouncer sslmode=require"
    told = world.run(
        [str(POSTGRES / "psql"), "-XAt", "-F", " ", asked, "-c", "SHOW TOTALS"],
        env={"PGPASSWORD": PASSWORD},
        check=False,
    )
    counts = dict(line.rsplit(" ", 1) for line in told.stdout.splitlines())
    return int(counts["total_xact_count"]) if told.returncode == 0 else None


def administrator(world: World, database: str = NAME) -> str:
    """The URL by which this machine reaches it, through the server's socket."""
    return f"postgresql://postgres@/{database}?host={quote(str(world.folder / 'postgresql'))}"


def start_redis(world: World) -> None:
    """A Redis that asks for its password. Raises `ClusterError`."""
    world.start(
        "redis",
        [
            *("redis-server", "--bind", REDIS, "--port", "6379", "--save", "", "--appendonly", "no"),
            *("--requirepass", REDIS_PASSWORD, "--dir", str(world.folder)),
        ],
    )

    def answers() -> bool:
        asked = ["redis-cli", "-h", REDIS, "-a", REDIS_PASSWORD, "--no-auth-warning", "PING"]
        return world.run(asked, check=False).stdout.strip() == "PONG"

    world.wait(answers, 15, "Redis", world.folder / "redis.log")
