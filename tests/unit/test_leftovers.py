"""Temporary folders of processes that were killed."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from hotel_booking.core.leftovers import temporary_folder
from hotel_booking.domains.search.index.files import Folder, default_folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def aged(folder: Path) -> None:
    for path in (*folder.iterdir(), folder):
        os.utime(path, (0, 0))


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    for name in ("x-old", "x-fresh", "x-used", "y-old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "counted.db").write_text("1")
    for name in ("x-old", "x-used", "y-old"):
        aged(tmp_path / name)
    used = os.open(tmp_path / "x-used", os.O_RDONLY)
    fcntl.flock(used, fcntl.LOCK_EX)
    try:
        with temporary_folder("x-") as made:
            left = sorted(path.name for path in tmp_path.iterdir() if path != made)
            assert left == ["x-fresh", "x-used", "y-old"]
            aged(made)
            with temporary_folder("x-"):
                assert made.exists()
        assert not made.exists()
    finally:
        os.close(used)


def test_an_index_of_a_database_that_nobody_asks_is_removed() -> None:
    gone, used, ours = (Folder(default_folder(f"postgresql://{name}")) for name in ("gone", "used", "ours"))
    for folder in (gone, used, ours):
        assert folder.become_writer()
        (folder.path / "1.index").write_bytes(b"0" * 100)
    gone.leave()
    ours.leave()
    for folder in (gone, used, ours):
        aged(folder.path)
    assert default_folder("postgresql://ours") == ours.path
    assert [folder.path.exists() for folder in (gone, used, ours)] == [False, True, True]
