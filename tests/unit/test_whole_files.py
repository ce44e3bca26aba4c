"""A file that a command writes anew is whole, or as it was."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotel_booking.core.whole_files import replace_file


@pytest.fixture
def no_room() -> Iterator[None]:
    """As on a full disk: no file may get longer than 64 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.usefixtures("no_room")
def test_where_there_is_no_room_the_file_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "SECURITY.md"
    file.write_text("before")
    with pytest.raises(OSError, match="File too large"):
        replace_file(file, b"after" * 100)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_who_may_read_it_stays_and_a_link_leads_to_it(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("before")
    file.chmod(0o640)
    link.symlink_to(file)
    replace_file(link, b"after")
    assert (link.is_symlink(), file.read_text(), file.stat().st_mode & 0o777) == (True, "after", 0o640)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_whose_it_is_stays_too(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before")
    file.chmod(0o640)
    os.chown(file, 65534, 65534)
    replace_file(file, b"after")
    found = file.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (65534, 65534, 0o640)
    assert file.read_text() == "after"


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    replace_file(tmp_path / "pipe", b"told")
    assert os.read(reader, 10) == b"told"
    os.close(reader)
