"""Nothing of a cluster outlives whoever made it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster.world import ClusterError, World

_ROOT = Path(__file__).parents[2]
_MAKER = """
import signal, sys, time
from pathlib import Path
from tests.cluster.world import World
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is born deaf to it
world = World(Path(sys.argv[1]), seconds=int(sys.argv[2]))
world.open({}, {})
world.start("sleeper", [sys.executable, "-c", "import time; time.sleep(900)", sys.argv[1]])
print("opened", flush=True)
time.sleep(60)
"""


def _left(folder: Path) -> list[str]:
    """Processes that were given the folder, but for whoever made it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command and _MAKER not in command:
            found.append(command.replace("\0", " "))
    return found


def _gone(folder: Path, seconds: float = 15) -> bool:
    until = time.monotonic() + seconds
    while _left(folder) and time.monotonic() < until:
        time.sleep(0.1)
    return not _left(folder)


def _mounts() -> list[str]:
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_maker(tmp_path: Path, how: signal.Signals) -> None:
    mounts = _mounts()
    maker = subprocess.Popen(
        [sys.executable, "-c", _MAKER, str(tmp_path), "60"], cwd=_ROOT, stdout=subprocess.PIPE, text=True
    )
    assert maker.stdout is not None
    assert maker.stdout.readline() == "opened\n"
    assert _left(tmp_path)
    os.kill(maker.pid, how)
    try:
        maker.wait(10)
    finally:
        maker.kill()
    assert _gone(tmp_path), _left(tmp_path)
    assert _mounts() == mounts


def test_it_ends_by_itself_when_its_time_is_over(tmp_path: Path) -> None:
    world = World(tmp_path, seconds=2)
    world.open({}, {})
    world.start("sleeper", [sys.executable, "-c", "import time; time.sleep(900)", str(tmp_path)])
    assert _gone(tmp_path), _left(tmp_path)
    with pytest.raises(ClusterError, match="the namespaces are gone"):
        world.wait(lambda: False, 5, "anything")
    world.close()


def test_nothing_leads_out_and_two_ports_lead_in(tmp_path: Path) -> None:
    world = World(tmp_path, seconds=60)
    try:
        world.open({"somewhere": "10.244.0.2"}, {"api": "10.244.0.1:6443"})
        world.start("server", [sys.executable, "-m", "http.server", "--bind", "10.244.0.1", "6443"])
        asked = ["curl", "-sf", "-m", "5", "-o", "/dev/null", f"http://127.0.0.1:{world.ports['api']}/"]
        world.wait(lambda: subprocess.run(asked, check=False).returncode == 0, 10, "the server")
        assert world.run(["ip", "route", "show", "default"]).stdout == ""
        assert world.run(["getent", "hosts", "somewhere"]).stdout.startswith("10.244.0.2")
    finally:
        world.close()
    assert _gone(tmp_path), _left(tmp_path)
