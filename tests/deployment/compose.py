"""deployment/compose as Compose reads it, and its services run by Debian's programs instead of containers:
the same configuration files at the same places, the same commands, settings and secrets, names and addresses.

Two network namespaces: the proxy's, where clients are too, and that of all the others.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.deployment import debian

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "hotel.example"
PROXY, WEB = "172.30.7.2", "172.30.7.3"
INSIDE = "172.30.7.3"  # where whoever is not named has an address too
CLIENT = "172.30.9.9"  # a guest's, at which the proxy listens as well
# What the image says of itself (Containerfile).
_IMAGE = {
    "HOTEL_HOST": "0.0.0.0",
    "HOTEL_METRICS_HOST": "0.0.0.0",
    "HOTEL_MEDIA_DIR": "/var/lib/hotel-booking/media",
    "HOTEL_SPOOL_DIR": "/var/lib/hotel-booking/spool",
}
_NETWORK = 0x40000000  # CLONE_NEWNET


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """What Compose makes of `${NAME}`, `${NAME:-default}`, `${NAME:?error}` and `$$`."""

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        name, how, default = found[1], found[2], found[3] or ""
        assert variables.get(name) or how == ":-", f"{name} is not set: {default}"
        return variables.get(name) or default

    return re.sub(r"\$\$|\$\{([A-Z0-9_]+)(?:(:-|:\?)([^}]*))?\}", value, text)


def read(folder: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """compose.yaml of a folder, with its variables filled in."""
    found: dict[str, Any] = yaml.safe_load(interpolated((folder / "compose.yaml").read_text(), variables))
    return found


def prepared(place: Path) -> Path:
    """A copy of what an operator has, made ready as they do it: `.env`, then `prepare`. Its folder."""
    for name in ("compose", "monitoring", "kubernetes/base"):
        ignored = shutil.ignore_patterns("secrets", ".env", "acme", "health.yml", "certificates.yml")
        shutil.copytree(ROOT / "deployment" / name, place / name, ignore=ignored)
    folder = place / "compose"
    (folder / ".env").write_text(
        (folder / ".env.example").read_text().replace("DOMAIN=hotelbooking.com", f"DOMAIN={DOMAIN}")
    )
    done = subprocess.run([folder / "prepare"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"prepare: {done.stdout}{done.stderr}"
    return folder


class Stack:
    """The services that Debian has programs for."""

    def __init__(self, folder: Path, place: Path) -> None:
        self.folder = folder
        self.place = place
        self.networks = {name: f"hotel-{name}-{os.getpid()}" for name in ("proxy", "inside")}

    @cached_property
    def compose(self) -> dict[str, Any]:
        """compose.yaml, read."""
        lines = (self.folder / ".env").read_text().splitlines()
        variables = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))
        return read(self.folder, variables)

    def secret(self, name: str) -> str:
        """What `prepare` made."""
        path: str = self.compose["secrets"][name]["file"]
        return (self.folder / path).read_text().strip()

    def log(self, service: str) -> Path:
        """Where a service's output is."""
        return self.place / f"{service}.log"

    @contextlib.contextmanager
    def wired(self) -> Iterator[None]:
        """The two networks, joined by a cable."""
        outer, inner = self.networks["proxy"], self.networks["inside"]
        ip = debian.program("ip")
        ends = f"hp{os.getpid()}", f"hi{os.getpid()}"

        def do(line: str) -> None:
            # Podman may mount networks of its own at this moment, in another test: the next try is alone.
            for left in (2, 1, 0):
                done = subprocess.run([ip, *line.split()], capture_output=True, text=True, check=False)
                if done.returncode == 0:
                    return
                assert left, f"ip {line}: {done.stderr}"
                time.sleep(1)

        try:
            do(f"netns add {outer}")
            do(f"netns add {inner}")
            do(f"link add {ends[0]} netns {outer} type veth peer name {ends[1]} netns {inner}")
            for network, end, addresses in (
                (outer, ends[0], [PROXY]),
                (inner, ends[1], [WEB, "172.30.7.4"]),
            ):
                do(f"-n {network} link set lo up")
                for address in addresses:
                    do(f"-n {network} addr add {address}/24 dev {end}")
                do(f"-n {network} link set {end} up")
            do(f"-n {outer} addr add {CLIENT}/32 dev lo")
            for name, value in self.compose["services"]["proxy"]["sysctls"].items():
                do(f"netns exec {outer} sysctl -q -w {name}={value}")
            yield
        finally:
            for network in (outer, inner):
                subprocess.run([ip, "netns", "del", network], check=False, capture_output=True)

    @contextlib.contextmanager
    def inside(self, network: str = "inside") -> Iterator[None]:
        """This thread's connections are made there, until the block ends."""
        libc = ctypes.CDLL(None, use_errno=True)
        with (
            Path("/proc/thread-self/ns/net").open() as own,
            Path(f"/run/netns/{self.networks[network]}").open() as its,
        ):
            assert libc.setns(its.fileno(), _NETWORK) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                libc.setns(own.fileno(), _NETWORK)

    def listens(self, port: int) -> bool:
        """Whether a service takes connections, proxy aside."""
        with self.inside():
            return debian.listens(INSIDE, port)

    def command(
        self,
        service: str,
        command: Sequence[str | Path],
        *,
        user: str = "root",
        more: Mapping[Path, str] | None = None,
    ) -> list[str]:
        """The program as the service's container has it: its files, secrets and names, and `more`."""
        told = self.compose["services"][service]
        place = self.place / "services" / service
        place.mkdir(parents=True, exist_ok=True)
        mounts = {Path(source): target for source, target in self._bound(told)}
        for name in told.get("secrets", []):
            mounts[self.folder / self.compose["secrets"][name]["file"]] = f"/run/secrets/{name}"
        mounts |= dict(more or {})
        (place / "mounts").write_text("".join(f"{source} {target}\n" for source, target in mounts.items()))
        names = [f"{INSIDE} {name}\n" for name in self.compose["services"] if name != "proxy"]
        extra = [" ".join(reversed(line.rsplit(":", 1))) + "\n" for line in told.get("extra_hosts", [])]
        (place / "hosts").write_text("".join(["127.0.0.1 localhost\n", *extra, *names]))
        network = self.networks["proxy" if service == "proxy" else "inside"]
        wrapper = [debian.program("ip"), "netns", "exec", network, "unshare", "--mount"]
        return [*wrapper, str(ROOT / "tests/deployment/as_service"), str(place), user, *map(str, command)]

    def _bound(self, told: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
        for volume in told.get("volumes", []):
            source, target = volume.split(":")[:2]
            if source.startswith("."):
                yield (self.folder / source).resolve(), target

    def environ(self, service: str) -> dict[str, str]:
        """The service's, as its container has it."""
        given = {
            name: str(value)
            for name, value in self.compose["services"][service].get("environment", {}).items()
        }
        return {"PATH": debian.PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC", **given}

    @contextlib.contextmanager
    def running(
        self, service: str, command: Sequence[str | Path], *, ready: Callable[[], bool], **how: Any
    ) -> Iterator[subprocess.Popen[bytes]]:
        """The service, until the block ends."""
        told = self.command(service, command, **how)
        with debian.started(told, self.log(service), environ=self.environ(service), ready=ready) as process:
            yield process

    def platform(self, *arguments: str) -> list[str]:
        """`hotel-booking` with these arguments, from this checkout."""
        return [sys.executable, "-P", "-c", "from hotel_booking.cli import main; main()", *arguments]

    def run(self, service: str, command: Sequence[str | Path], **how: Any) -> str:
        """A service that ends by itself; what it printed."""
        done = subprocess.run(
            self.command(service, command, **how),
            env=self.environ(service) | (_IMAGE if "HOTEL_PUBLIC_URL" in self.environ(service) else {}),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )
        assert done.returncode == 0, f"{service}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    # ------------------------------------------------------------- the services

    @contextlib.contextmanager
    def postgres(self) -> Iterator[None]:
        """As the official image's entrypoint does: initdb with its arguments, the start, the scripts."""
        home = self.place / "postgres"
        home.mkdir()
        given = self.environ("postgres")
        password = self.secret("postgres_password")
        shutil.chown(home, "postgres", "postgres")
        data = debian.made_database(
            home,
            user=given["POSTGRES_USER"],
            password=password,
            arguments=given["POSTGRES_INITDB_ARGS"].split(),
        )
        how: dict[str, Any] = {
            "user": "postgres",
            "more": {data: "/var/lib/postgresql/data", home: "/run/postgresql"},
        }
        server = [str(debian.POSTGRES / "postgres"), "-D", "/var/lib/postgresql/data"]
        server += ["-c", "listen_addresses=*", *self.compose["services"]["postgres"]["command"][1:]]
        with self.running("postgres", server, ready=lambda: self.listens(5432), **how):
            script = "/docker-entrypoint-initdb.d/roles.sh"
            environ = [
                "env",
                f"PGPASSWORD={password}",
                "PGHOST=/run/postgresql",
                f"PATH={debian.POSTGRES}:{debian.PATH}",
            ]
            self.run("postgres", [*environ, "bash", script], **how)
            yield

    @contextlib.contextmanager
    def pgbouncer(self) -> Iterator[None]:
        """By its own file, which this Debian's older version reads too."""
        told = self.compose["services"]["pgbouncer"]["entrypoint"][1:]
        with self.running(
            "pgbouncer",
            [debian.program("pgbouncer"), *told],
            ready=lambda: self.listens(6432),
            user="postgres",
        ):
            yield

    @contextlib.contextmanager
    def redis(self) -> Iterator[None]:
        """By its own file."""
        home = self.place / "redis"
        home.mkdir()
        command = self.compose["services"]["redis"]["command"]
        with self.running("redis", command, ready=lambda: self.listens(6379), more={home: "/data"}):
            yield

    @contextlib.contextmanager
    def web(self) -> Iterator[None]:
        """`hotel-booking serve` of this checkout, in production's settings."""
        told = self.command("web", self.platform("serve"))
        environ = {**self.environ("web"), **_IMAGE}
        with debian.started(told, self.log("web"), environ=environ, ready=lambda: self.listens(8000)):
            yield

    @contextlib.contextmanager
    def proxy(self) -> Iterator[None]:
        """nginx with what the image's entrypoint makes of the template."""
        made = self.place / "conf.d"
        made.mkdir()
        environ = self.environ("proxy")
        template = (self.folder / "proxy" / "sites.conf.template").read_text()
        filled = re.sub(r"\$\{([A-Z_]+)\}", lambda found: environ.get(found[1], found[0]), template)
        (made / "sites.conf").write_text(filled)

        def ready() -> bool:
            with self.inside("proxy"):
                return debian.listens(CLIENT, 443)

        with self.running(
            "proxy",
            [debian.program("nginx"), "-g", "daemon off;"],
            ready=ready,
            user="www-data",
            more={made: "/etc/nginx/conf.d"},
        ):
            yield

    @contextlib.contextmanager
    def all(self) -> Iterator[None]:
        """What a booking needs, migrated and served."""
        with contextlib.ExitStack() as stack:
            for service in (self.wired, self.postgres, self.pgbouncer, self.redis):
                stack.enter_context(service())
            self.run("migrate", self.platform("migrate"))
            stack.enter_context(self.web())
            stack.enter_context(self.proxy())
            yield

    def connections_to_web(self) -> int:
        """How many the proxy has to the platform at this moment."""
        told = subprocess.run(
            [debian.program("ip"), "netns", "exec", self.networks["proxy"], "cat", "/proc/net/tcp"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        web = socket.inet_aton(WEB)[::-1].hex().upper() + f":{8000:04X}"
        return sum(line.split()[2:4] == [web, "01"] for line in told.splitlines()[1:])
