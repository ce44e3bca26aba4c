"""The release before this one runs on this release's schema, as it must while one is rolled out or back."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from hotel_booking.core.db import Database
from tests.clients.waiting import wait_until
from tests.factories.paying import paying_hotel
from tests.factories.small_hotel import stay

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path("src/hotel_booking")
VERSIONS = SOURCE / "migrations" / "versions"
VENDOR = SOURCE / "http" / "ui" / "vendor"  # from npm at set-up, in no release's tree
# Its services and its API. What it says of its own schema, and its demo data, are its own affair.
TESTS = ("domains", "api", "payments", "mail", "panel", "site", "http")

# Tests of what a release says of its own schema: the audit log shows a column that it has no name for as
# the database calls it.
OF_ITS_OWN_SCHEMA = {"tests/integration/domains/test_code_names.py::test_every_column_of_the_log_has_a_name"}


def git(*command: str) -> bytes:
    done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"git {command[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def release_before() -> str:
    """The newest commit that has all our migrations but the newest."""
    newest = max(path.relative_to(ROOT) for path in (ROOT / VERSIONS).glob("[0-9]*.py"))
    added = git("log", "--diff-filter=A", "--format=%H", "--", str(newest)).decode().split()
    if not added:
        pytest.skip(f"{newest.name} is not committed yet")
    parents = git("rev-list", "--parents", "--max-count=1", added[-1]).decode().split()[1:]
    if not parents:
        pytest.skip(
            f"the clone is shallow: what was before {newest.name} is not in it (git fetch --unshallow)"
        )
    return parents[0]


def unpacked(commit: str, folder: Path) -> Path:
    with tarfile.open(fileobj=BytesIO(git("archive", "--format=tar", commit))) as tree:
        # Newer Pythons complain where nothing is said of who is trusted; Debian 12's cannot be told.
        trusted: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        tree.extractall(folder, **trusted)
    return folder


def locked(folder: Path) -> set[tuple[str, str]]:
    packages = tomllib.loads((folder / "uv.lock").read_text())["package"]
    return {(package["name"], package.get("version", "")) for package in packages}


def python_of(tree: Path) -> str:
    """Ours where it has all that the tree's lock file names; else one of the tree's own."""
    if locked(tree) <= locked(ROOT):
        shutil.copytree(ROOT / VENDOR, tree / VENDOR, dirs_exist_ok=True)
        return sys.executable
    subprocess.run([tree / "scripts" / "bootstrap"], cwd=tree, check=True)
    return str(tree / ".venv" / "bin" / "python")


class Release:
    """The release before ours, unpacked: its tests, with its code."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.python = python_of(tree)

    def failed(self, *tests: str, ours: bool) -> list[str]:
        """Those of its tests that fail on our schema, or on its own."""
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run(
                [self.python, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "-m", "not nightly"]
                + ["-o", f"cache_dir={cache}"]
                + ["-p", "newer_schema"] * ours
                + list(tests),
                cwd=self.tree,
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=3600,
            )
            sys.stdout.write(done.stdout[-6000:] + done.stderr[-2000:])  # shown where the test fails
            assert done.returncode in (0, 1), "its tests could not be run"
            assert re.search(r"\d+ (passed|failed)", done.stdout)
            found = Path(cache) / "v" / "cache" / "lastfailed"
            return sorted(json.loads(found.read_text())) if done.returncode else []

    def _environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DB_"))}
        path = (self.tree / "src", self.tree, Path(__file__).parent)
        return {
            "HOTEL_SHARED_DATA": str(ROOT.parent / "shared" / "data"),
            **kept,
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "NEWER_RELEASE_PYTHON": sys.executable,
            "NEWER_RELEASE_SOURCE": str(ROOT / "src"),
        }


def wheel_of(tree: Path, into: Path) -> Path:
    """The folder of the tree's package as its wheel installs it."""
    uv = str(ROOT / ".venv-uv" / "bin" / "uv")
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", into], cwd=tree, check=True)
    (wheel,) = into.glob("*.whl")
    site = into / "site"
    install = [uv, "pip", "install", "--quiet", "--no-deps", "--target", site, wheel]
    subprocess.run([*map(str, install), "--python", python_of(tree)], cwd=tree, check=True)
    return site


@pytest.mark.nightly
def test_the_release_before_serves_from_its_wheel_on_our_schema(database_url: str, tmp_path: Path) -> None:
    """What going back starts: it finds nothing to migrate, is ready, and sells."""
    tree = unpacked(release_before(), tmp_path / "before")
    site = wheel_of(tree, tmp_path / "wheel")
    asyncio.run(_filled(database_url))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DB_", "HOTEL_"))}
    environ = kept | {
        "PYTHONPATH": str(site),
        "DATABASE_URL": database_url,
        "HOTEL_ENVIRONMENT": "test",
        "HOTEL_PORT": str(port),
        "HOTEL_PUBLIC_URL": f"http://localhost:{port}",
        "HOTEL_SEARCH_INDEX": "false",
    }
    run = [python_of(tree), "-P", "-c", "from hotel_booking.cli import main; main()"]
    checked = subprocess.run(
        [*run, "migrate", "--check"], env=environ, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    with subprocess.Popen([*run, "serve"], env=environ, stdin=subprocess.DEVNULL) as server:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as guest:
                wait_until(lambda: _answers(port), child=server)
                ready = guest.get("/health/ready")
                assert ready.status_code == 200, ready.text
                hotels = guest.get("/api/v1/properties").json()["items"]
                slug = hotels[0]["slug"]
                when = stay(20, 2)
                nights = {"arrival": str(when.arrival), "departure": str(when.departure)}
                offers = guest.get(f"/api/v1/properties/{slug}/offers", params={**nights, "adults": "2"})
                room = {key: offers.json()["offers"][0][key] for key in ("room_type", "rate_plan")}
                asked = {"property": slug, "rooms": [room | {"adults": 2, "children": []}], **nights}
                quote = guest.post("/api/v1/quotes", json=asked)
                assert quote.status_code == 201, quote.text
                who = {"given_name": "Ana", "family_name": "Example", "email": "ana@example.com"}
                held = guest.post("/api/v1/bookings", json={"quote": quote.json()["id"], "guest": who})
                assert held.status_code == 201, held.text
        finally:
            server.terminate()


async def _filled(url: str) -> None:
    async with Database.open(url, size=1) as db:
        await paying_hotel(db)


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.nightly
def test_the_release_before_passes_its_tests_on_our_schema(tmp_path: Path) -> None:
    """What fails is tried again, alone; what then fails on its own schema too is not our schema's fault."""
    release = Release(unpacked(release_before(), tmp_path / "before"))
    folder = Path("tests") / "integration"
    tests = [str(folder / name) for name in TESTS if (release.tree / folder / name).is_dir()]
    wrong = sorted(set(release.failed(*(tests or [str(folder)]), ours=True)) - OF_ITS_OWN_SCHEMA)
    if wrong:
        wrong = release.failed(*wrong, ours=True)
    if wrong:
        wrong = sorted(set(wrong) - set(release.failed(*wrong, ours=False)))
    assert wrong == []
