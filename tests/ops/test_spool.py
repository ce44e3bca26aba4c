"""Acts that are noted on disk while the database is down: whole or not at all, whatever is killed."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from hotel_booking.ops import spool

AT = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)

_NOTING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from hotel_booking.ops import spool
print("ready", flush=True)
while True:
    spool.note(Path(sys.argv[1]), action="restore", object_kind="database", object_id="x" * 200,
               now=datetime(2030, 3, 1, tzinfo=UTC), detail={"long": "y" * 5000})
"""


def test_the_file_says_who_did_what_and_when(tmp_path: Path) -> None:
    path = spool.note(
        tmp_path / "spool",
        action="restore",
        object_kind="database",
        object_id="production",
        now=AT,
        detail={"from": "1 March"},
    )
    act = json.loads(path.read_text())
    assert act["id"] == str(UUID(act["id"]))
    assert path.stem == f"20300301T090000000000-{act['id']}", "told in the order of their times"
    assert act["at"] == "2030-03-01T09:00:00+00:00"
    assert "@" in act["who"]
    assert (act["action"], act["object_kind"], act["object_id"]) == ("restore", "database", "production")
    assert act["detail"] == {"from": "1 March"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_the_audit_log_would_not_take_is_noted_so_that_it_does(tmp_path: Path) -> None:
    """A path in Latin-1, and a long one: such acts stayed in the folder for ever."""
    path = spool.note(
        tmp_path,
        action="backup",
        object_kind="ops",
        object_id="/caf\udce9" * 50,
        now=AT,
        detail={"by": "\udce9"},
    )
    act = msgspec.json.decode(path.read_bytes())  # which takes no half of a character
    assert act["object_id"] == ("/caf?" * 50)[:200]
    assert act["detail"] == {"by": "?"}


def test_a_full_disk_is_left_no_fuller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        spool.note(tmp_path, action="backup", object_kind="ops", object_id="dump", now=AT)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_leaves_whole_files_only(tmp_path: Path) -> None:
    for round_ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", _NOTING, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.05 + 0.013 * round_)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    noted = list(tmp_path.glob("*.json"))
    assert noted
    assert all(json.loads(path.read_text())["detail"]["long"] == "y" * 5000 for path in noted)


def test_the_act_is_on_the_disk_before_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    flush, rename = os.fsync, Path.rename

    def flushed(handle: int) -> None:
        # Of a file descriptor.
        steps.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file")  # noqa: PTH112
        flush(handle)

    def renamed(path: Path, to: Path) -> Path:
        steps.append("rename")
        return rename(path, to)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "rename", renamed)
    spool.note(tmp_path, action="a", object_kind="b", object_id="c", now=AT)
    assert steps == ["file", "rename", "folder"]


def test_a_folder_that_cannot_be_written_stops_the_act(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        spool.note(tmp_path / "file", action="a", object_kind="b", object_id="c", now=AT)


def test_the_folder_is_a_setting() -> None:
    assert spool.folder({"HOTEL_SPOOL_DIR": "/elsewhere"}) == Path("/elsewhere")
    assert spool.folder({}) == Path(spool.DEFAULT_FOLDER)
