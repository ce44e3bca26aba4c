"""Prometheus, Alertmanager and the exporters of `deployment/monitoring`, started beside a platform on one
machine: for the demo and the tests. Elsewhere they run by themselves (docs/MONITORING.md)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from hotel_booking.ops.child_processes import free_port, start_program

ALERTMANAGER = "prometheus-alertmanager"
PROMETHEUS = "prometheus"
_NODE, _POSTGRES, _REDIS, _BLACKBOX = (
    f"prometheus-{name}-exporter" for name in ("node", "postgres", "redis", "blackbox")
)
# Debian's packages, each named as its program.
PROGRAMS = (PROMETHEUS, ALERTMANAGER, _NODE, _POSTGRES, _REDIS, _BLACKBOX, "redis-server")
_PANEL = "https://admin.hotelbooking.com"
_TRACKER = "https://hotelbooking.com/webhooks/alertmanager"


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at: the platform's address, the ports of its metrics (web, worker), its database, and
    what ends TLS (`host:port`)."""

    public_url: str
    scraped: tuple[int, int]
    database_url: str
    certificates: tuple[str, ...] = ()


class Monitoring(msgspec.Struct, frozen=True, kw_only=True):
    """Ports for what is installed (`missing` is not), and the folder that it keeps its files in. `redis_url`
    is the Redis that is there already; without one a Redis of its own is started."""

    folder: Path
    ports: dict[str, int]
    missing: tuple[str, ...]
    token: str
    redis_url: str | None = None

    def url(self, program: str) -> str | None:
        """Where a program of `PROGRAMS` will answer; None where it is not installed."""
        return f"http://127.0.0.1:{self.ports[program]}" if program in self.ports else None

    def environ(self) -> dict[str, str]:
        """What the platform is told of it all."""
        told = {"HOTEL_ALERTMANAGER_TOKEN": self.token}
        if PROMETHEUS in self.ports:
            told["HOTEL_PROMETHEUS_URL"] = f"http://127.0.0.1:{self.ports[PROMETHEUS]}"
        if self.has_own_redis:
            told["REDIS_URL"] = f"redis://127.0.0.1:{self.ports['redis-server']}/0"
        return told

    @property
    def has_own_redis(self) -> bool:
        """Whether a Redis of its own is started."""
        return self.redis_url is None and "redis-server" in self.ports


def files() -> Path:
    """The folder `deployment/monitoring`: in the package where it was installed as a wheel."""
    package = Path(__file__).resolve().parents[1]
    packed = package / "deployment" / "monitoring"
    return packed if packed.exists() else package.parents[1] / "deployment" / "monitoring"


def plan(folder: Path, *, token: str, redis_url: str | None = None) -> Monitoring:
    """Choose ports for what is installed. `token` is what Alertmanager shows to the platform, `redis_url` the
    Redis that its settings name."""
    installed = [program for program in PROGRAMS if shutil.which(program)]
    return Monitoring(
        folder=folder,
        ports={program: free_port() for program in installed},
        missing=tuple(program for program in PROGRAMS if program not in installed),
        token=token,
        redis_url=redis_url,
    )


def redis(monitoring: Monitoring) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Redis of its own, where one is installed and none is named: (name, process)."""
    if not monitoring.has_own_redis:
        return
    monitoring.folder.mkdir(parents=True, exist_ok=True)
    port = str(monitoring.ports["redis-server"])
    arguments = ("--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no")
    yield "redis", _start(monitoring, "redis", "redis-server", *arguments, "--dir", str(monitoring.folder))


def start(monitoring: Monitoring, watched: Targets) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Write their files and start them, one after the other: (name, process). Their logs lie in the
    folder."""
    monitoring.folder.mkdir(parents=True, exist_ok=True)
    for program, arguments, environ in _exporters(monitoring, watched):
        if program in monitoring.ports:
            name = program.removeprefix("prometheus-")
            listens = f"--web.listen-address={_at(monitoring, program)}"
            yield name, _start(monitoring, name, program, listens, *arguments, environ=environ)
    _write(monitoring, watched)
    folder = monitoring.folder
    if ALERTMANAGER in monitoring.ports:
        yield (
            "alertmanager",
            _start(
                monitoring,
                "alertmanager",
                ALERTMANAGER,
                f"--config.file={folder}/alertmanager.yml",
                f"--storage.path={folder}/alertmanager",
                f"--web.listen-address={_at(monitoring, ALERTMANAGER)}",
                "--cluster.listen-address=",  # there is only this one
            ),
        )
    if PROMETHEUS in monitoring.ports:
        yield (
            PROMETHEUS,
            _start(
                monitoring,
                PROMETHEUS,
                PROMETHEUS,
                f"--config.file={folder}/prometheus/prometheus.yml",
                f"--storage.tsdb.path={folder}/prometheus/data",
                "--storage.tsdb.retention.time=4d",  # the objectives look back for three
                f"--web.listen-address={_at(monitoring, PROMETHEUS)}",
            ),
        )


def _exporters(
    monitoring: Monitoring, watched: Targets
) -> Iterator[tuple[str, Sequence[str], dict[str, str]]]:
    yield _NODE, (), {}
    # The embedded cluster's own user: it may see the sessions of all.
    if _POSTGRES in monitoring.ports:
        yield _POSTGRES, _unasked(_POSTGRES), {"DATA_SOURCE_NAME": _source(watched.database_url)}
    if address := _redis_url(monitoring):
        yield _REDIS, (f"-redis.addr={address}",), {}
    yield _BLACKBOX, (f"--config.file={files() / 'blackbox.yml'}",), {}


def _unasked(exporter: str) -> list[str]:
    """What is not asked of PostgreSQL: Debian's exporter wants of the background writer what PostgreSQL 17
    has no more, and each time its log would say so. No panel shows it."""
    told = subprocess.run(  # noqa: S603  # a program that we are about to start
        [exporter, "--help"], capture_output=True, text=True, check=False, timeout=30
    )
    known = re.findall(r"collector\.((?:stat_)?bgwriter)\b", told.stdout + told.stderr)
    return [f"--no-collector.{name}" for name in dict.fromkeys(known)]


def _start(
    monitoring: Monitoring, name: str, *command: str, environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TZ") if key in os.environ}
    return start_program(
        *command, environ={**inherited, **(environ or {})}, log=monitoring.folder / f"{name}.log"
    )


def _at(monitoring: Monitoring, program: str) -> str:
    return f"127.0.0.1:{monitoring.ports[program]}"


def _redis_url(monitoring: Monitoring) -> str | None:
    return monitoring.redis_url or monitoring.environ().get("REDIS_URL")


def _source(url: str) -> str:
    """The address of a database as the exporter's driver takes it: it knows no `sslmode=prefer`, and a socket
    only as a parameter."""
    parts = urlsplit(url)
    return parts._replace(query=f"{parts.query}&sslmode=disable".removeprefix("&")).geturl()


def _write(monitoring: Monitoring, watched: Targets) -> None:
    """The files of `deployment/monitoring`, with the addresses of this machine in them."""
    folder = monitoring.folder
    ours = files()
    (folder / "prometheus" / "rules").mkdir(parents=True, exist_ok=True)
    targets = _targets(monitoring, watched)
    shutil.copyfile(ours / "prometheus" / "prometheus.yml", folder / "prometheus" / "prometheus.yml")
    for rules in (ours / "prometheus" / "rules").glob("*.yml"):
        found = _rules(rules.read_text().replace(_PANEL, watched.public_url), targets)
        # JSON is YAML.
        (folder / "prometheus" / "rules" / rules.name).write_bytes(msgspec.json.encode(found))
    shutil.rmtree(folder / "prometheus" / "targets", ignore_errors=True)
    (folder / "prometheus" / "targets").mkdir()
    for job, found in targets.items():
        (folder / "prometheus" / "targets" / f"{job}.yml").write_bytes(msgspec.json.encode(found))
    (folder / "alertmanager_token").write_text(monitoring.token)
    shutil.copyfile(ours / "alertmanager" / "messages.tmpl", folder / "messages.tmpl")
    (folder / "alertmanager.yml").write_bytes(
        msgspec.json.encode(_only_the_tracker(ours / "alertmanager" / "alertmanager.yml", folder, watched))
    )


def _rules(text: str, jobs: Container[str]) -> Any:
    """All of them, but that something is not installed here is said by who starts it, and by no alert."""
    import yaml  # nobody else needs it to start

    found = yaml.safe_load(text)
    for group in found["groups"]:
        for rule in [rule for rule in group["rules"] if rule.get("alert") == "ExporterAbsent"]:
            parts = re.findall(r'absent\(up\{job="(\w+)"\}\)', rule["expr"])
            rule["expr"] = " or ".join(f'absent(up{{job="{job}"}})' for job in parts if job in jobs)
            if not rule["expr"]:
                group["rules"].remove(rule)
    return found


def _targets(monitoring: Monitoring, watched: Targets) -> dict[str, list[dict[str, Any]]]:
    """What each job scrapes, where there is something."""
    web, worker = watched.scraped
    found = {"web": [{"targets": [f"127.0.0.1:{web}"]}], "worker": [{"targets": [f"127.0.0.1:{worker}"]}]}
    for job, program in {
        "node": _NODE,
        "postgres": _POSTGRES,
        "redis": _REDIS,
        "alertmanager": ALERTMANAGER,
    }.items():
        if program in monitoring.ports and (program != _REDIS or _redis_url(monitoring)):
            found[job] = [{"targets": [_at(monitoring, program)]}]
    if _BLACKBOX in monitoring.ports:
        exporter: dict[str, Any] = {"labels": {"exporter": _at(monitoring, _BLACKBOX)}}
        found["health"] = [{"targets": [f"{watched.public_url}/health/ready"], **exporter}]
        if watched.certificates:
            found["certificates"] = [{"targets": list(watched.certificates), **exporter}]
    return found


def _only_the_tracker(configuration: Path, folder: Path, watched: Targets) -> Any:
    """The routes as they are, but nobody outside is told: the platform's own tracker alone."""
    import yaml  # as above

    config = yaml.safe_load(configuration.read_text())
    config["global"] = {"resolve_timeout": config["global"]["resolve_timeout"]}
    config["templates"] = [str(folder / "messages.tmpl")]
    for receiver in config["receivers"]:
        for hook in receiver["webhook_configs"]:
            hook["url"] = hook["url"].replace(_TRACKER, f"{watched.public_url}/webhooks/alertmanager")
            hook["http_config"]["authorization"]["credentials_file"] = str(folder / "alertmanager_token")
        for outside in ("pagerduty_configs", "slack_configs", "email_configs"):
            receiver.pop(outside, None)
    return config
