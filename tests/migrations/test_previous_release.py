"""The release before this one runs on this release's schema, as it must while one is rolled out or back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from io import BytesIO
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path("src/hotel_booking")
VERSIONS = SOURCE / "migrations" / "versions"
VENDOR = SOURCE / "http" / "ui" / "vendor"  # from npm at set-up, in no release's tree
# Its services and its API. What it says of its own schema, and its demo data, are its own affair.
TESTS = ("domains", "api", "payments", "mail", "panel", "site", "http")


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
        tree.extractall(folder, filter="data")
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


@pytest.mark.nightly
def test_the_release_before_passes_its_tests_on_our_schema(tmp_path: Path) -> None:
    tree = unpacked(release_before(), tmp_path / "before")
    python = python_of(tree)
    tests = [path for name in TESTS if (path := tree / "tests" / "integration" / name).is_dir()]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DB_"))}
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-m", "not nightly", "-p", "newer_schema", "-p", "no:cacheprovider"]
        + [str(path) for path in tests or [tree / "tests" / "integration"]],
        cwd=tree,
        env=clean
        | {
            "PYTHONPATH": os.pathsep.join(str(path) for path in (tree / "src", tree, Path(__file__).parent)),
            "HOTEL_NEWER_PYTHON": sys.executable,
            "HOTEL_NEWER_SOURCE": str(ROOT / "src"),
            "HOTEL_SHARED_DATA": clean.get("HOTEL_SHARED_DATA", str(ROOT.parent / "shared" / "data")),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=3600,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
