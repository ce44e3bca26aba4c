"""The image, built as an operator builds it and run as the manifests run it: a read-only root, one
unprivileged user, no capability. It migrates a real PostgreSQL 15, sells a room and runs the runbook's lines.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from hotel_booking.bench.catalogue import catalogue_of, fill, slug
from hotel_booking.core.clock import utc_now
from hotel_booking.ops.child_processes import free_port
from tests.deployment import debian

# Built and run each night; what it is built from is checked at every push (test_containerfile.py).
pytestmark = [pytest.mark.deploy, pytest.mark.nightly]
ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("HOTEL_SHARED_DATA") or ROOT.parent / "shared" / "data").parent
PODMAN = ["podman", "--runtime", "runc"]
# What a sandbox allows; podman asks for more where it is not told.
LIMITS = ["--ulimit", "nofile=10000:10000", "--ulimit", "nproc=9000:9000"]
LOCKED = ["--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp", "--cap-drop", "all"]
PASSWORDS = {"database": "p@ss/wo rd%of:the database", "redis": "the cache's p@ssword"}
MARK = "a-mark-in-the-bundle-of-authorities"
PRIVATE_KEY = rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=\n]{64}"
SECRET = "3uW9f0QmZ1xYc7Ds2VbNkLpT8hRgJaE5"


def podman(*arguments: str, check: bool = True) -> str:
    """What podman prints."""
    done = subprocess.run(
        [*PODMAN, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        stdin=subprocess.DEVNULL,
    )
    assert not check or done.returncode == 0, f"podman {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its name, built on Debian's packages by the operator's own command."""
    debian.need("podman", "buildah", "runc", "debootstrap", str(debian.POSTGRES / "postgres"), "redis-server")
    base = subprocess.run(
        [ROOT / "deployment/docker/debian-base"], check=True, capture_output=True, text=True, timeout=900
    ).stdout.strip()
    bundle = tmp_path_factory.mktemp("ca") / "ca.crt"
    trusted = Path("/etc/ssl/certs/ca-certificates.crt")
    bundle.write_text(f"# {MARK}\n{trusted.read_text()}")
    name = "localhost/hotel-booking:under-test"
    rest = ["--", "--network", "host", *LIMITS]
    done = subprocess.run(
        [ROOT / "deployment/docker/build", "--base", base, "--tag", name, "--ca-bundle", bundle, *rest],
        env={**os.environ, "CONTAINER": " ".join(PODMAN)},
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"under-test is \d+ MB:\n.*\n\d+ MB .*/opt/hotel-booking", done.stderr), done.stderr[
        -2000:
    ]
    return name  # it stays: its layers are what makes the next build quick


class Servers(msgspec.Struct, frozen=True):
    """Ports of a PostgreSQL and a Redis that ask for passwords."""

    database: int
    redis: int

    @property
    def url(self) -> str:
        """The database, for the test itself."""
        return psycopg.conninfo.make_conninfo(
            host="127.0.0.1",
            port=self.database,
            user="hotel",
            password=PASSWORDS["database"],
            dbname="hotel",
        )

    def environ(self) -> dict[str, str]:
        """What the platform is told in production."""
        return {
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self.database),
            "DB_USER": "hotel",
            "DB_PASSWORD": PASSWORDS["database"],
            "DB_NAME": "hotel",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(self.redis),
            "REDIS_PASSWORD": PASSWORDS["redis"],
            "HOTEL_SECRET_KEY": SECRET,
            "HOTEL_PUBLIC_URL": "https://hotel.example",
            "HOTEL_EXCHANGE_RATES_URL": "",
        }


@pytest.fixture(scope="module")
def servers(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """They run until the module's end."""
    folder = tmp_path_factory.mktemp("servers")
    for parent in (folder, *folder.parents):  # PostgreSQL's own user must get there
        if parent.is_relative_to("/tmp") and parent != Path("/tmp"):
            parent.chmod(0o755)
    (folder / "db").mkdir()
    data = debian.made_database(folder / "db", user="hotel", password=PASSWORDS["database"])
    at = Servers(free_port(), free_port())
    listens = ["-h", "127.0.0.1", "-p", str(at.database), "-k", "", "-c", "fsync=off"]
    redis = ["--save", "", "--requirepass", PASSWORDS["redis"], "--dir", str(folder)]
    with (
        debian.started(
            [debian.POSTGRES / "postgres", "-D", data, *listens],
            folder / "postgres.log",
            user="postgres",
            ready=lambda: debian.listens("127.0.0.1", at.database),
        ),
        debian.started(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(at.redis), *redis],
            folder / "redis.log",
            ready=lambda: debian.listens("127.0.0.1", at.redis),
        ),
    ):
        with psycopg.connect(at.url.replace("dbname=hotel", "dbname=postgres"), autocommit=True) as admin:
            admin.execute("CREATE DATABASE hotel")
        yield at


def run(
    image: str, environ: dict[str, str], *arguments: str, name: str = "", options: tuple[str, ...] = ()
) -> str:
    """Run it locked down, as manifests and compose do; detached where it has a name."""
    settings = [part for key, value in environ.items() for part in ("--env", f"{key}={value}")]
    how = ["--detach", "--name", name] if name else ["--rm"]
    network = ["--network", "host", "--security-opt", "no-new-privileges"]
    return podman("run", *how, *network, *LIMITS, *LOCKED, *settings, *options, image, *arguments)


class Running(msgspec.Struct, frozen=True):
    """A container that serves, and the port it listens on."""

    name: str
    port: int
    servers: Servers


@pytest.fixture(scope="module")
def running(image: str, servers: Servers) -> Iterator[Running]:
    """Migrated by the image, then served by it, with a small catalogue."""
    run(image, servers.environ(), "migrate")
    catalogue = catalogue_of(30, utc_now().date())
    fill(servers.url, catalogue, nights=90)
    served = Running(f"hotel-booking-test-{os.getpid()}", free_port(), servers)
    run(image, {**servers.environ(), "HOTEL_PORT": str(served.port)}, name=served.name)
    try:
        debian.until(lambda: healthy(served.name), "the container is healthy")
        yield served
    finally:
        podman("rm", "--force", "--time", "5", served.name, check=False)


def healthy(name: str, *command: str) -> bool:
    """Its health check, as podman runs it every ten seconds where systemd is."""
    if command:
        return "answers" in podman("exec", name, *command, check=False)
    podman("healthcheck", "run", name, check=False)
    told = podman("inspect", "--format", "{{.State.Health.Status}}", name, check=False)
    return told.strip() == "healthy"


def test_a_room_is_booked(running: Running) -> None:
    arrival = (utc_now() + timedelta(days=20)).date()
    stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=2))}
    with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", trust_env=False, timeout=20) as client:
        assert "<html" in client.get("/en/").text
        found = client.get("/api/v1/search", params={"place": 900_000_000, "adults": 2, **stay})
        assert found.json()["results"]
        room = {"room_type": "T4", "rate_plan": "FLEX", "adults": 2, "children": []}
        quote = client.post("/api/v1/quotes", json={"property": slug(7), **stay, "rooms": [room]}).json()
        guest = {
            "given_name": "Ana",
            "family_name": "Silva",
            "email": "ana@example.com",
            "phone": "+34600000000",
        }
        held = client.post("/api/v1/bookings", json={"quote": quote["id"], "guest": guest}).json()
        paid = client.post(
            f"/api/v1/bookings/{held['reference']}/payments",
            json={"method": "pay_at_property"},
            headers={"Authorization": f"Bearer {held['access_token']}"},
        )
        assert paid.status_code == 200, paid.text
    with psycopg.connect(running.servers.url) as database:
        assert database.execute("SELECT status FROM booking").fetchall() == [("confirmed",)]
        # Only with the cities that the image keeps of the world's are there so many places.
        places = database.execute("SELECT count(*) FROM place").fetchone()
        assert places is not None
        assert places[0] > 30_000


# As the client's runbook has them, a command a line.
POD = "kubectl exec -n hotel-booking-production deployment/hotel-booking -- "
LINES = (
    POD + 'psql -h $DB_HOST -U $DB_USER -c "SELECT count(*) FROM pg_stat_activity;"',
    POD + 'psql -h $DB_HOST -U $DB_USER -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
    " WHERE state = 'active' AND query_start < now() - interval '5 minutes';\"",
    POD + "redis-cli -h $REDIS_HOST INFO memory",
    POD + "redis-cli -h $REDIS_HOST FLUSHDB",
)


def test_the_lines_are_the_runbooks() -> None:
    seed = SHARED / "runbook-seed.md"
    if seed.exists():
        text = re.sub(r"\\\n *", "", seed.read_text())
        assert tuple(re.findall(r"^kubectl exec .*-- +(?:psql|redis-cli) .*$", text, re.MULTILINE)) == LINES


@pytest.mark.parametrize("line", LINES, ids=["sessions", "ends long ones", "memory", "flushes"])
@pytest.mark.parametrize("known", [True, False], ids=["host known", "host unset"])
def test_the_runbooks_lines_run_as_written(running: Running, line: str, known: bool, tmp_path: Path) -> None:
    """By a `kubectl` that hands what stands behind `--` to the container, in an operator's shell that knows
    the hosts, and in one that does not."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\n'
        f'exec {" ".join(PODMAN)} exec {running.name} "$@"\n'
    )
    kubectl.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{debian.PATH}", "HOME": os.environ.get("HOME", "/root")}
    if known:
        environ |= {"DB_HOST": "127.0.0.1", "DB_USER": "hotel", "REDIS_HOST": "127.0.0.1"}
    done = subprocess.run(["sh", "-c", line], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    expected = "used_memory_human" if "INFO" in line else "OK" if "FLUSHDB" in line else r"\(\d+ rows?\)"
    assert re.search(expected, done.stdout), done.stdout + done.stderr
    assert ("is unset in your shell" in done.stderr) != known
    assert not any(secret in done.stdout + done.stderr for secret in PASSWORDS.values())


def test_the_database_can_be_dumped_and_the_dump_read(running: Running) -> None:
    """What backups need, by the same programs; a dump is streamed, for nothing but /tmp can be written."""
    said = podman("exec", running.name, "sh", "-c", "pg_dump -Fc -f /tmp/dump && pg_restore --list /tmp/dump")
    assert "TABLE DATA public booking" in said


def test_nobody_but_one_unprivileged_user_is_in_it_and_only_tmp_can_be_written(running: Running) -> None:
    inside = """
        id -u; id -g
        grep -E '^(CapEff|NoNewPrivs)' /proc/1/status
        for folder in /opt/hotel-booking /etc /var/lib/hotel-booking; do
            touch $folder/x 2>/dev/null && echo $folder
        done
        find / -xdev -perm /6000 -type f
        for name in cc gcc g++ make ld pip pip3 curl wget git uv; do command -v $name; done
        ls -d ~root/.cache /var/cache/apt/*.bin /var/lib/apt/lists/*_Packages /build 2>/dev/null
        touch /tmp/x && echo written
    """
    said = podman("exec", running.name, "sh", "-c", inside).split()
    assert said == ["10001", "10001", "CapEff:", "0000000000000000", "NoNewPrivs:", "1", "written"]
    writable = podman(
        "exec", running.name, "find", "/", "-xdev", "-writable", "-not", "-type", "l", check=False
    )
    assert set(writable.split()) <= {
        "/tmp",
        "/var/lib/hotel-booking",
        "/var/lib/hotel-booking/backups",
        "/var/lib/hotel-booking/media",
        "/var/lib/hotel-booking/spool",
    }


def test_its_labels_name_version_and_revision(image: str) -> None:
    inspected: dict[str, Any] = json.loads(podman("image", "inspect", image))[0]
    labels = inspected["Labels"]
    revision = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert labels["org.opencontainers.image.version"] == "0.1.0"
    assert labels["org.opencontainers.image.revision"].removesuffix("-modified") == revision
    assert inspected["Config"]["User"] == "10001:10001"
    assert inspected["Config"]["Entrypoint"] == ["hotel-booking"]
    assert inspected["Size"] < 680_000_000  # 59 MB are the drill's: a PostgreSQL server, its ICU, pgBackRest


def test_its_bill_of_materials_names_all_that_is_installed(image: str) -> None:
    def inside(*command: str) -> str:
        return podman(
            "run", "--rm", "--network", "none", *LIMITS, "--entrypoint", command[0], image, *command[1:]
        )

    bill = json.loads(inside("cat", "/opt/hotel-booking/sbom.cdx.json"))
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["version"] == "0.1.0"
    named = {(part["name"].lower().replace("_", "-"), part["version"]) for part in bill["components"]}
    code = (
        "import importlib.metadata as m\n"
        "for d in m.distributions(): print(d.metadata['Name'].lower().replace('_', '-'), d.version)"
    )
    python = {
        tuple(line.split()) for line in inside("/opt/hotel-booking/venv/bin/python", "-c", code).splitlines()
    }
    debs = {
        tuple(line.split())
        for line in inside("dpkg-query", "-W", "-f", "${Package} ${Version}\n").splitlines()
    }
    assert len(python) > 50
    assert python - {("hotel-booking", "0.1.0")} <= named  # which is the bill's own subject
    assert debs <= named
    assert any(name == "postgresql-client-15" for name, _ in named)
    references = [part["bom-ref"] for part in bill["components"]]
    assert len(references) == len(set(references))


def test_no_secret_is_in_its_layers_or_its_history(image: str, tmp_path: Path) -> None:
    history = podman("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    config = podman("image", "inspect", image)
    for word in (MARK, SECRET, *PASSWORDS.values()):
        assert word not in history + config
    assert not re.search(r"(?i)(password|secret|token)[a-z_]*=\S", config)
    saved = tmp_path / "image.tar"
    podman("save", "--output", str(saved), image)
    wrong = []
    with tarfile.open(saved) as whole:
        for layer in [member for member in whole if member.name.endswith(".tar")]:
            with tarfile.open(fileobj=whole.extractfile(layer)) as files:
                for file in files:
                    if re.search(r"(^|/)(\.git|\.env[^/]*|\.netrc|id_rsa|\.ssh)(/|$)", file.name):
                        wrong.append(file.name)
                    if file.isfile() and (opened := files.extractfile(file)) is not None:
                        content = opened.read()
                        # Libraries for TLS have keys of their self-tests in them.
                        key = ".so" not in file.name and re.search(PRIVATE_KEY, content)
                        if MARK.encode() in content or key:
                            wrong.append(file.name)
    saved.unlink()
    assert wrong == []


def test_the_worker_says_whether_it_is_well_and_both_stop_when_asked(running: Running, image: str) -> None:
    worker = f"{running.name}-worker"
    environ = {**running.servers.environ(), "HOTEL_WORKER_METRICS_PORT": str(free_port())}
    run(image, environ, "worker", name=worker)
    try:
        debian.until(lambda: healthy(worker, "hotel-booking-healthcheck", "worker"), "the worker answers")
        debian.until(lambda: "hotel_booking_build_info{" in metrics(environ), "the worker works")
        for name in (worker, running.name):
            podman("stop", "--time", "30", name)
            told = podman("inspect", "--format", "{{.State.ExitCode}} {{.State.OOMKilled}}", name)
            assert told.strip() == "0 false", podman("logs", name)
    finally:
        podman("rm", "--force", "--time", "5", worker, check=False)


def test_who_is_told_to_stop_while_it_starts_stops(image: str, servers: Servers) -> None:
    """A container's first process gets no signal that it does not handle."""
    name = f"hotel-booking-test-{os.getpid()}-early"
    run(image, servers.environ() | {"HOTEL_PORT": str(free_port())}, name=name)
    try:
        # Told once it can be, which is seconds before it serves.
        debian.until(lambda: handles_sigterm(name), "SIGTERM is handled")
        podman("stop", "--time", "30", name)
        assert podman("inspect", "--format", "{{.State.ExitCode}}", name).strip() in ("0", "143")
    finally:
        podman("rm", "--force", "--time", "5", name, check=False)


def handles_sigterm(name: str) -> bool:
    """Whether the container's first process has a handler for it."""
    caught = podman("exec", name, "grep", "SigCgt", "/proc/1/status", check=False).split()
    return len(caught) == 2 and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def metrics(environ: dict[str, str]) -> str:
    """What the worker tells Prometheus; nothing while it does not."""
    try:
        return httpx.get(f"http://127.0.0.1:{environ['HOTEL_WORKER_METRICS_PORT']}/metrics").text
    except httpx.TransportError:
        return ""


def test_a_wrong_setting_ends_it_with_a_line_and_no_secret(image: str, servers: Servers) -> None:
    settings = [f"--env={key}={value}" for key, value in (servers.environ() | {"HOTEL_PORT": "x"}).items()]
    done = subprocess.run(
        [*PODMAN, "run", "--rm", "--network", "host", *LIMITS, *LOCKED, *settings, image],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "HOTEL_PORT=x is not a whole number" in done.stderr
    assert "Traceback" not in done.stderr
