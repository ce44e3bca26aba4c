"""The bench runs, whatever its figures are; and ends without a trace when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from hotel_booking.bench.figures import Report
from hotel_booking.bench.running import PARTS
from tests.clients.waiting import wait_until

BENCH = [sys.executable, "-P", "-c", "from hotel_booking.cli import main; main()", "bench", "--quick"]


def _run(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*BENCH, *options],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _below(pid: int) -> set[int]:
    """All processes below this one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, fresh = set(), {pid}
    while fresh := {child for child, parent in parents.items() if parent in fresh}:
        found |= fresh
    return found


def _runs_generator(pid: int) -> bool:
    try:
        return b"bench.generator" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.nightly
@pytest.mark.parametrize("part", PARTS)
def test_every_part_gives_figures_of_right_answers(tmp_path: Path, shared_data: Path, part: str) -> None:
    out = tmp_path / "bench.json"
    data = shared_data / "booking-demand-resort.csv.gz"
    running = _run(tmp_path, "--part", part, "--data", str(data), "--json", str(out))
    text = running.communicate(timeout=900)[0]
    report = msgspec.json.decode(out.read_bytes(), type=Report)
    assert running.returncode == 0, text
    assert report.complete
    assert not report.skipped
    assert report.figures
    for figure in report.figures:
        assert figure.part == part
        assert figure.wrong == 0, figure
        assert (figure.rate or figure.value) is not None, figure
        assert figure.limit is None or figure.ratio is not None, figure


@pytest.mark.nightly
def test_when_it_is_stopped_it_says_what_it_found_and_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    running = _run(tmp_path, "--part", "floor", "--seconds", "120", "--json", str(out))
    wait_until(lambda: any(_runs_generator(pid) for pid in _below(running.pid)), seconds=120, child=running)
    cluster = next(
        path.parent
        for link in Path(f"/proc/{running.pid}/fd").iterdir()
        if (path := link.readlink()).name == "lock"
    )
    postgresql = int((cluster / "data" / "postmaster.pid").read_text().split()[0])
    started = _below(running.pid) | {postgresql} | _below(postgresql)
    assert len(started) > 10
    running.send_signal(signal.SIGINT)
    text = running.communicate(timeout=60)[0]
    assert running.returncode == 130, text
    assert "Stopped before the end" in text
    assert not msgspec.json.decode(out.read_bytes(), type=Report).complete
    # Who was left by its parent is buried by init, a moment later.
    wait_until(lambda: not [pid for pid in started if Path(f"/proc/{pid}").exists()])
    assert not cluster.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["bench.json"]


def test_an_unknown_part_is_one_line() -> None:
    done = subprocess.run([*BENCH, "--part", "dance"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("hotel-booking: there is no part dance: the parts are floor")
    assert "Traceback" not in done.stderr
