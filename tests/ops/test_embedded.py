"""The embedded PostgreSQL: private, durable, and recovered from whatever a killed process left."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from hotel_booking.ops import postmaster
from hotel_booking.ops.embedded import DURABLE, Cluster, EmbeddedError, programs, throwaway, throwaway_folder
from tests.clients.waiting import wait_until

pytestmark = pytest.mark.postgresql


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder of our own; whatever server is left on it is stopped and all of it removed, wherever it
    is: as root, pytest's private folder is out of the server's reach."""
    yield tmp_path / "data"
    Cluster(tmp_path / "data").remove()


def one(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
        return row[0] if row else None


@pytest.mark.nightly
def test_data_survives_a_stop_and_a_start(folder: Path) -> None:
    cluster = Cluster(folder)
    cluster.start()
    cluster.create_database("hotel")
    with psycopg.connect(cluster.url("hotel"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    cluster.stop()
    assert not cluster.running()
    again = Cluster(folder)
    again.start()
    assert one(again.url("hotel"), "SELECT answer FROM kept") == 42
    again.stop()
    again.stop()  # stopping twice does nothing


def test_it_listens_on_no_network_and_its_folders_are_private() -> None:
    with throwaway() as cluster:
        assert one(cluster.url("postgres"), "SHOW listen_addresses") == ""
        for path in (cluster.home, cluster.home / "run", cluster.data):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        home = cluster.home
    assert not home.exists()


def test_extensions_of_the_schema_are_there() -> None:
    with throwaway() as cluster:
        for name in ("btree_gist", "pg_trgm"):
            query = f"SELECT count(*) FROM pg_available_extensions WHERE name = '{name}'"
            assert one(cluster.url("postgres"), query) == 1


def test_a_crashed_server_recovers_at_the_next_start(folder: Path) -> None:
    cluster = Cluster(folder)
    cluster.start()
    cluster.create_database("hotel")
    os.kill(int((cluster.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    cluster._release_lock()  # noqa: SLF001  # as when the process that held it has died
    again = Cluster(folder)
    assert again.abandoned()
    again.start()
    assert not again.abandoned()
    assert again.has_database("hotel")
    again.stop()


def test_a_server_that_ends_by_itself_is_started_again_once_nothing_of_it_is_left(folder: Path) -> None:
    cluster = Cluster(folder)
    cluster.start()
    assert not cluster.revive()
    server = int((cluster.data / "postmaster.pid").read_text().split()[0])
    child = int(Path(f"/proc/{server}/task/{server}/children").read_text().split()[0])
    os.kill(child, signal.SIGSTOP)  # it holds on to the shared memory, as one that is busy does
    os.kill(server, signal.SIGKILL)
    later = threading.Timer(1.5, os.kill, (child, signal.SIGCONT))
    later.start()
    try:
        wait_until(cluster.revive, seconds=30)
        assert cluster.running()
    finally:
        later.join()
        cluster.stop()


@pytest.mark.parametrize("name", ["it's", 'a"b', "$HOME", "a,b", "a\\b"])
def test_a_folder_that_postgresql_cannot_run_in_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    cluster = Cluster(tmp_path / name)
    cluster.home = cluster.folder / "postgresql"  # as for who is not root
    with pytest.raises(EmbeddedError, match=r"has .* in its name; choose another folder"):
        cluster.start()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.nightly
def test_a_pid_file_whose_number_is_somebody_elses_does_not_stop_the_start(folder: Path) -> None:
    cluster = Cluster(folder)
    cluster.start()
    cluster.stop()
    lines = f"{os.getpid()}\n{cluster.data}\n1\n5432\n{cluster.home / 'run'}\n\n  0  0\nready\n"
    (cluster.data / "postmaster.pid").write_text(lines)
    cluster.start()
    assert cluster.running()
    cluster.stop()


@pytest.mark.nightly
def test_an_orphan_of_a_killed_demo_is_taken_over(folder: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from hotel_booking.ops.embedded import Cluster
Cluster(Path({str(folder)!r})).start()
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert Cluster(folder).running()  # the server outlived its parent
    again = Cluster(folder)
    again.start()
    assert again.running()
    again.stop()


@pytest.mark.nightly
def test_two_programs_never_start_one_cluster_and_neither_stops_the_others(folder: Path) -> None:
    first, second = Cluster(folder), Cluster(folder)
    first.start(serves="http://localhost:8001")
    held = rf"\(process {os.getpid()}, http://localhost:8001\) is using {folder}; .*`kill {os.getpid()}`"
    with pytest.raises(EmbeddedError, match=held):
        second.start(serves="http://localhost:8002")
    second.stop()
    assert not second.abandoned()
    with pytest.raises(EmbeddedError, match=held):
        second.remove()
    assert first.running()
    first.stop()


def _wait_until_gone(pid: str) -> None:
    """Wait for an orphan's end; what its new parent has not yet reaped (a zombie) is gone, too."""

    def gone() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True

    wait_until(gone, seconds=30)


def test_a_throwaway_cluster_whose_end_was_killed_is_removed_by_the_next(tmp_path: Path) -> None:
    code = """
import os, signal
from hotel_booking.ops.embedded import throwaway
with throwaway() as cluster:
    print(cluster.home, (cluster.data / "postmaster.pid").read_text().split()[0], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    # A temporary folder of our own, so that runs beside this one are left alone; the server must pass.
    shared = Path(tempfile.mkdtemp(prefix="hotel-tests-"))
    shared.chmod(0o711)
    try:
        environ = {**os.environ, "TMPDIR": str(shared)}
        killed = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environ
        )
        home, pid = killed.stdout.split()
        assert Path(f"/proc/{pid}").exists()
        in_use = "from hotel_booking.ops.embedded import throwaway\nwith throwaway(): pass"
        subprocess.run([sys.executable, "-c", in_use], check=True, env=environ)
        _wait_until_gone(pid)
        assert not Path(home).exists()
        assert list(shared.iterdir()) == []
    finally:
        shutil.rmtree(shared, ignore_errors=True)


def test_new_data_is_of_a_version_that_the_platform_runs_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's packages stand beside each other: what an upgrade left is older, and sorts before."""
    from hotel_booking.ops.backup.servers import Servers
    from hotel_booking.ops.refusals import Refused

    for version in ("9.6", "13", "17", "18", "15"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "postgres").touch()
    monkeypatch.setattr(programs, "DEBIAN", tmp_path)
    monkeypatch.delenv("HOTEL_POSTGRES_BIN", raising=False)
    servers, data = Servers(tmp_path / "home", port=5432), tmp_path / "data"
    data.mkdir()
    assert servers.programs() == servers.programs(data) == tmp_path / "15" / "bin"
    (data / "PG_VERSION").write_text("17\n")
    assert servers.programs(data) == tmp_path / "17" / "bin"
    (data / "PG_VERSION").write_text("14\n")
    with pytest.raises(Refused, match="PostgreSQL 14 is not installed"):
        servers.programs(data)


def test_what_a_killed_drill_left_is_ended_and_removed_by_the_next_of_any_kind() -> None:
    """Its servers are nobody's children: they lived on, with their folder."""
    code = """
import os, pwd, signal
from hotel_booking.ops.backup.servers import Servers
from hotel_booking.ops.embedded import throwaway_folder
with throwaway_folder("hotel-drill-") as folder:
    (folder / "home").mkdir()
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder / "home", owner.pw_uid, owner.pw_gid)
    servers = Servers(folder / "home", port=5432)
    data = servers.home / "instances" / "first"
    servers.initialise(data)
    servers.start(data, listen_addresses="", unix_socket_directories=str(servers.run_folder))
    print(folder, (data / "postmaster.pid").read_text().split()[0], flush=True)
    input()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    shared = Path(tempfile.mkdtemp(prefix="hotel-tests-"))
    shared.chmod(0o711)
    environ = {**os.environ, "TMPDIR": str(shared)}
    another = "from hotel_booking.ops.embedded import throwaway_folder\nwith throwaway_folder('hotel-'): pass"
    try:
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        ) as drill:
            assert drill.stdout is not None
            folder, pid = drill.stdout.readline().split()
            subprocess.run([sys.executable, "-c", another], check=True, env=environ)
            assert Path(f"/proc/{pid}/cwd").resolve() == Path(folder, "home", "instances", "first"), "in use"
            drill.communicate("go on\n", timeout=60)
        assert Path(f"/proc/{pid}/cwd").exists()
        subprocess.run([sys.executable, "-c", another], check=True, env=environ)
        _wait_until_gone(pid)
        assert list(shared.iterdir()) == []
    finally:
        shutil.rmtree(shared, ignore_errors=True)


def test_a_stale_number_that_is_another_servers_ends_nobody(folder: Path, tmp_path: Path) -> None:
    """After a crash of the machine numbers begin anew: `pg_ctl stop` would end whoever has it now."""
    with throwaway() as other:
        cluster = Cluster(folder)
        cluster.start()
        cluster.stop()
        pid = (other.data / "postmaster.pid").read_text()
        (cluster.data / "postmaster.pid").write_text(pid)
        assert not cluster.running()
        cluster.start()
        assert cluster.running()
        assert other.running()
        cluster.stop()
        assert one(other.url("postgres"), "SELECT 1") == 1


@pytest.mark.nightly
@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_roots_folder_out_of_the_servers_reach_points_to_the_cluster_and_can_be_moved(
    tmp_path: Path,
) -> None:
    (tmp_path / "private").mkdir(mode=0o700)
    first = Cluster(tmp_path / "private" / "data")
    first.start()
    first.stop()
    assert (tmp_path / "private").stat().st_uid == 0
    assert (tmp_path / "private" / "data" / "database-is-in").read_text().strip() == str(first.home)
    (tmp_path / "private" / "data").rename(tmp_path / "moved")
    moved = Cluster(tmp_path / "moved")
    assert moved.home == first.home
    moved.remove()
    assert not first.home.exists()


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EmbeddedError, match="choose another folder") as refused:
        Cluster(tmp_path / "file" / "data").start()
    assert "\n" not in str(refused.value)


@pytest.mark.nightly
def test_a_killed_initdb_leaves_nothing_half_made(folder: Path) -> None:
    home = Cluster(folder).home
    (home / "data.new").mkdir(parents=True)
    (home / "data.new" / "PG_VERSION").write_text("half")
    cluster = Cluster(folder)
    cluster.start()
    assert not (cluster.home / "data.new").exists()
    cluster.stop()


@pytest.mark.nightly
def test_a_very_long_folder_still_gets_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("long-" * 20) / ("name-" * 10)
    cluster = Cluster(deep, DURABLE)
    cluster.start()
    try:
        assert one(cluster.url("postgres"), "SELECT 1") == 1
    finally:
        cluster.remove()


@pytest.mark.parametrize(
    "background",
    [pytest.param(False, id="terminal", marks=pytest.mark.nightly), pytest.param(True, id="background")],
)
def test_a_command_that_is_told_to_end_stops_the_server_that_it_started(
    folder: Path, background: bool
) -> None:
    """In the order in which Ctrl-C ends it: asyncio waits for what it cancels, and tells of no mistake."""
    cluster = Cluster(folder)
    cluster.start()
    cluster.stop()
    program = """
import asyncio, signal, sys
from pathlib import Path
from hotel_booking.cli.database import database_url
signal.signal(signal.SIGINT, signal.SIG_IGN if sys.argv[2:] else signal.default_int_handler)
async def work():
    print("it runs", flush=True)
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        print("ended inside", flush=True)
        raise ConnectionError from None
with database_url(Path(sys.argv[1])):
    asyncio.run(work())
"""
    command = [sys.executable, "-c", program, str(folder), *(["ignored"] if background else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "it runs\n"
        assert cluster.running()
        running.terminate()
        out, told = running.communicate(timeout=60)
    assert out == "ended inside\n"
    assert background or "unhandled exception during asyncio.run" not in told
    assert not cluster.running()


@pytest.mark.parametrize("name", ["with a space", "\u00e9" * 60], ids=["space", "letters of two bytes"])
def test_a_folder_whose_path_no_socket_can_have_gets_one_elsewhere(name: str, tmp_path: Path) -> None:
    """The system counts bytes, and Prometheus' exporter of PostgreSQL takes no space in an address."""
    cluster = Cluster(tmp_path)
    # As for another user than root, who would have it in a folder of its own.
    cluster.home = Path(tempfile.gettempdir()) / name
    (host,) = parse_qs(urlsplit(cluster.url("postgres")).query)["host"]
    try:
        assert " " not in host
        assert len(os.fsencode(f"{host}/.s.PGSQL.5432.lock")) <= 107
    finally:
        Path(host).rmdir()


@pytest.mark.nightly
def test_data_of_another_version_is_not_touched(folder: Path) -> None:
    cluster = Cluster(folder)
    cluster.start()
    cluster.stop()
    (cluster.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(EmbeddedError, match="PostgreSQL 12"):
        Cluster(folder).start()
    assert (cluster.data / "PG_VERSION").read_text() == "12\n"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter: pytest closes those above its own, at each start of another run."""
    with tempfile.TemporaryDirectory(prefix="hotel-tests-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's own folders are closed to the server's user")
def test_programs_that_the_servers_user_cannot_reach_are_copied_with_their_libraries(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root with everything below /root, as a newcomer's container has it."""
    closed, home = open_folder / "closed", open_folder / "home"
    closed.mkdir(mode=0o700)
    root = programs.find_programs().parent
    package = root.parent
    for name in (package.name, f"{package.name}.libs"):
        if (package.parent / name).exists():
            (closed / name).symlink_to(package.parent / name)
    monkeypatch.setattr(programs, "ROOT_HOME", home)
    monkeypatch.setattr(programs, "find_programs", lambda: closed / package.name / root.name / "bin")
    user = programs.server_user(open_folder)
    found = programs.readable_programs(user)
    assert found.is_relative_to(home)
    assert user is not None
    for name in ("initdb", "postgres", "pg_dump", "psql"):
        if (found / name).exists():
            subprocess.run([found / name, "--version"], check=True, user=user.uid, env={})
    assert programs.readable_programs(user) == found


def test_a_full_disk_is_said_and_not_what_initdb_removed_after_it() -> None:
    said = """running bootstrap script ... ok
2026-11-30 05:45:41.144 UTC [1] FATAL:  could not extend file "base/4/1255_fsm": No space left on device
2026-11-30 05:45:41.144 UTC [1] STATEMENT:  CREATE DATABASE template0 IS_TEMPLATE = true STRATEGY = file_copy;
child process exited with exit code 1
initdb: removing data directory "/somewhere"
"""
    told = postmaster.what_is_wrong(said)
    assert told.endswith("No space left on device")
    assert "\n" not in told
    assert postmaster.what_is_wrong("") == "it said nothing"
    assert postmaster.what_is_wrong("one\ntwo\nthree\n") == "two three"


def test_a_folder_that_something_still_writes_to_is_removed_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A backup that is interrupted with its drill goes on for a moment."""
    removed, tries = shutil.rmtree, iter((False,))

    def rmtree(path: Path, *, ignore_errors: bool) -> None:
        if next(tries, True):
            removed(path, ignore_errors=ignore_errors)

    with throwaway_folder("hotel-") as folder:
        (folder / "store").mkdir()
        monkeypatch.setattr(shutil, "rmtree", rmtree)
    assert not folder.exists()
