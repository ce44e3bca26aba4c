"""The commands of API_DOCUMENTATION.md run as printed, against the real demo on a real port."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """`hotel-booking demo` as a newcomer starts it, on a free port; stopped by Ctrl-C."""
    folder = tmp_path_factory.mktemp("demo")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "terminal.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                Path(sys.executable).with_name("hotel-booking"),
                "demo",
                "--port",
                str(port),
                "--data-dir",
                folder,
            ],
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: _ready(port), seconds=180, child=process)
        yield port, folder
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0, log.read_text()
    assert "stopped" in log.read_text()


def _ready(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://localhost:{port}/health/ready", timeout=5).close()
    except OSError:
        return False
    return True


def test_every_command_of_the_api_documentation_works(demo: tuple[int, Path]) -> None:
    port, folder = demo
    text = (ROOT / "API_DOCUMENTATION.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 8
    script = "\n".join(blocks).replace("http://localhost:8000", f"http://localhost:{port}")
    script = f"set -euo pipefail\nDATA_DIR='--data-dir {folder}'\n{script}"
    script = script.replace(".venv/bin/hotel-booking", str(Path(sys.executable).with_name("hotel-booking")))
    result = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, result.stderr + result.stdout[-2000:]
    assert '"status":"confirmed"' in result.stdout
    assert '"status":"cancelled"' in result.stdout


def test_the_readmes_first_look_works(demo: tuple[int, Path]) -> None:
    port, _ = demo
    command = re.search(r"^curl .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert command is not None
    line = command[0].replace("localhost:8000", f"localhost:{port}").replace("curl", "curl -fsS")
    result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert "Lisbon" in result.stdout


def test_invariants_hold_in_the_running_demo(demo: tuple[int, Path]) -> None:
    _, folder = demo
    program = str(Path(sys.executable).with_name("hotel-booking"))
    command = [program, "invariants", "check", "--data-dir", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "no difference" in result.stdout
