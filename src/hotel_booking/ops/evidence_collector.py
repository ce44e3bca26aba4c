"""Preserving what an incident of security left: logs, the cluster's objects, the audit log, who may do what,
and a snapshot of the database, in a folder that only we read.

Nothing that cannot be had holds up the rest; it is named with the reason. A folder is called `.part` until it
is whole and signed (`ops.incident_evidence`).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from hotel_booking.core.counting import count
from hotel_booking.ops.command_runner import CommandRunner
from hotel_booking.ops.incident_evidence import AUDIT_LOG, written
from hotel_booking.ops.kubectl import Kubectl, Metadata
from hotel_booking.ops.refusals import Refused, WrongUse

# What says how the cluster was and who could do what there. Secrets are not among it.
_OBJECTS = (
    "pods,events,deployments,replicasets,jobs,cronjobs,services,endpointslices,networkpolicies,configmaps,"
    "serviceaccounts,roles,rolebindings,virtualservices,canaries"
).split(",")
LONGEST_LOG = 64 << 20  # bytes, of one container or file
_LOG_SECONDS = 300
_DATABASE_SECONDS = 1_800
_SNAPSHOT_SECONDS = 6 * 3_600
_SINCE = re.compile(r"[1-9]\d{0,4}[hm]")


class _Pod(msgspec.Struct, frozen=True):
    class Container(msgspec.Struct, frozen=True):
        name: str

    class Spec(msgspec.Struct, rename="camel", frozen=True):
        containers: list[_Pod.Container] = []
        init_containers: list[_Pod.Container] = []

    metadata: Metadata
    spec: Spec


def since_of(text: str) -> str:
    """How far back logs are taken: 24h, 90m. Raises `WrongUse`."""
    if not _SINCE.fullmatch(text.strip()):
        raise WrongUse(f"{text!r} is no time to look back", "Such as: --since 24h")
    return text.strip()


class Collector:
    """Fills a folder. `missing` says what could not be had, `cut` what is not whole, `findings` what was seen
    on the way; `most` bytes of logs are taken together."""

    def __init__(
        self,
        folder: Path,
        *,
        kubectl: Kubectl | None,
        commands: CommandRunner,
        say: Callable[[str], None],
        most: int,
    ) -> None:
        self.folder = folder
        self.missing: dict[str, str] = {}
        self.cut: list[str] = []
        self.findings: list[str] = []
        self._kubectl, self._commands, self._say, self._left = kubectl, commands, say, most

    def acts(self, spooled: Path) -> None:
        """What operations did that the audit log does not know yet."""
        for path in sorted(spooled.glob("*.json"))[:10_000]:
            with suppress(FileNotFoundError):  # it was told meanwhile
                written(self.folder / "acts" / path.name, path.read_bytes())

    def files(self, paths: Sequence[Path]) -> None:
        """Logs that lie on this machine: files, and what is in folders."""
        for number, given in enumerate(paths, 1):
            called = f"files/{number}-{given.name}"
            inside = sorted(path for path in given.rglob("*") if path.is_file() and not path.is_symlink())
            if not given.exists():
                self.missing[called] = "it is not there"
            for path in [given] if given.is_file() else inside:
                name = called if path == given else f"{called}/{path.relative_to(given)}"
                try:
                    self._copied(path, name)
                except OSError as error:
                    if error.filename != str(path):
                        raise  # it is our side that cannot be written
                    self.missing[name] = f"it cannot be read: {error.strerror}"

    def cluster(self, since: str) -> None:
        """Every pod's log, of its run before too, and the objects of the namespace."""
        if self._kubectl is None:
            self.missing["cluster"] = "left out by --without kubernetes"
            return
        try:
            pods = self._kubectl.select("pods", _Pod)
        except Refused as refusal:
            self.missing["cluster"] = refusal.detail
            return
        for kind in _OBJECTS:
            self._save(f"cluster/{kind}.json", "get", kind, "--output=json")
        for number, pod in enumerate(pods, 1):
            self._say(f"pod {number}/{len(pods)}: {pod.metadata.name}")
            for container in (*pod.spec.init_containers, *pod.spec.containers):
                self._logs(pod.metadata.name, container.name, since)

    def database(self, *, snapshot: bool, left_out: bool = False) -> None:
        """The audit log with its hashes and what its chain is worth, who may enter, and all as a file."""
        if left_out:
            self.missing["database"] = "left out by --without database"
            return
        self._say("audit log")
        with suppress(Refused):  # what is not chained yet is in the snapshot
            self._commands.run("audit-log", "seal", seconds=_DATABASE_SECONDS)
        self._save(AUDIT_LOG, "audit-log", "export", ours=True)
        self._followed()
        self._save("database/state.json", "ops", "evidence", "state", ours=True)
        self._snapshot(wanted=snapshot)

    def _followed(self) -> None:
        """Whether the whole log's chain holds; a broken one is a finding, and ends the command with 1."""
        name = "database/audit-log-followed.json"
        self._save(name, "audit-log", "verify", "--json", ours=True, keep=True)
        with suppress(FileNotFoundError, ValueError, TypeError, KeyError):
            if problem := json.loads((self.folder / name).read_bytes())["problem"]:
                self.findings.append(f"the audit log: {problem}")
                self.missing.pop(name, None)

    def _snapshot(self, *, wanted: bool) -> None:
        name = "database/snapshot"
        if not wanted:
            self.missing[name] = "left out by --no-snapshot"
        elif not self._commands.here:
            self.missing[name] = (
                "taken only where the environment names the database; make a backup where backups are made:"
                " hotel-booking ops backup backup --kind full"
            )
        else:
            self._say("snapshot of the database")
            (self.folder / "database").mkdir(mode=0o700, exist_ok=True)
            try:
                self._commands.run("backup", str(self.folder / name), seconds=_SNAPSHOT_SECONDS)
            except Refused as refusal:
                (self.folder / name).unlink(missing_ok=True)
                self.missing[name] = refusal.detail

    def _logs(self, pod: str, container: str, since: str) -> None:
        for ending, options in (("log", ()), ("previous.log", ("--previous",))):
            name = f"logs/{pod}.{container}.{ending}"
            most = min(self._left, LONGEST_LOG)
            if most <= 0:
                self.missing[name] = "no room: --most-megabytes"
                continue
            words = ("logs", pod, f"--container={container}", "--timestamps", f"--since={since}")
            size = self._save(name, *words, f"--limit-bytes={most}", *options)
            self._left -= size
            if size >= most:
                self.cut.append(name)
            # Most containers run for the first time.
            if options and "previous terminated container" in self.missing.get(name, ""):
                del self.missing[name]

    def _save(self, name: str, *words: str, ours: bool = False, keep: bool = False) -> int:
        """Have the answer as a file; its size. What is not answered is missing, and leaves no half a file but
        where it is to be kept."""
        path = self.folder / name
        written(path, b"")
        try:
            with path.open("wb") as file:
                if ours:
                    self._commands.save(file, *words, seconds=_DATABASE_SECONDS)
                elif self._kubectl is not None:
                    self._kubectl.save(file, *words, seconds=_LOG_SECONDS)
        except Refused as refusal:
            if not keep or not path.stat().st_size:
                path.unlink()
            if "doesn't have a resource type" not in refusal.detail:
                self.missing[name] = refusal.detail
            return 0
        return path.stat().st_size

    def _copied(self, path: Path, name: str) -> None:
        size = path.stat().st_size
        if size > min(self._left, LONGEST_LOG):
            self.missing[name] = f"it has {count(size, 'byte')}: --most-megabytes"
            return
        self._left -= size
        target = self.folder / name
        written(target, b"")
        with path.open("rb") as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
