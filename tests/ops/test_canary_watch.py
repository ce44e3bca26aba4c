"""How a release under trial goes is shown to its end, which is the exit code."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from hotel_booking.cli import main

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deployment" / "scripts" / "monitor-canary.sh"
QUERY = 'sum({namespace="{{ namespace }}",pod=~"{{ target }}-x"}[{{ interval }}])'
# Each call of `kubectl get canary` is answered by the next of these, the last one again and again.
_KUBECTL = """#!{python} -IS
import json, sys
from pathlib import Path
here = Path({here!r})
what = next(word for word in sys.argv[1:] if "." in word and not word.startswith("-"))
if what.startswith("canaries"):
    told = sorted(here.glob("canary-*.json"))
    now = told[0]
    if len(told) > 1:
        told[0].rename(here / ("told" + told[0].name))
    text = now.read_text() if now.exists() else (here / ("told" + now.name)).read_text()
    if text.startswith("Error") or text.startswith("Unable"):
        sys.exit(text)
    print(text)
else:
    print((here / (what.split(".")[0] + ".json")).read_text())
"""


class Cluster:
    """What kubectl and Prometheus say."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "kubectl").write_text(_KUBECTL.format(python=sys.executable, here=str(folder)))
        (folder / "kubectl").chmod(0o755)
        (folder / "metrictemplates.json").write_text(json.dumps({"spec": {"query": QUERY}}))
        self.asked: list[str] = []
        self.values: list[str] = ["99.2"]
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._prometheus())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.routed(30)

    def _prometheus(self) -> type[BaseHTTPRequestHandler]:
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                cluster.asked.append(parse_qs(urlsplit(self.path).query)["query"][0])
                result = [{"metric": {}, "value": [0, value]} for value in cluster.values]
                content = json.dumps({"status": "success", "data": {"result": result}}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def routed(self, weight: int) -> None:
        to = [
            {"destination": {"host": f"hotel-booking-active-{name}"}, "weight": share}
            for name, share in (("primary", 100 - weight), ("canary", weight))
        ]
        routes = {"spec": {"hosts": [], "http": [{"route": to}]}}
        (self.folder / "virtualservices.json").write_text(json.dumps(routes))

    def tell(self, *phases: str, most: float = 50, failed: int = 0) -> None:
        """Each time that it is asked, the next phase; or an error in kubectl's words."""
        for number, phase in enumerate(phases):
            metric = {
                "name": "success-rate",
                "templateRef": {"name": "hotel-booking-success-rate", "namespace": "n"},
                "thresholdRange": {"min": 95},
                "interval": "20s",
            }
            analysis = {
                "interval": "1s",
                "threshold": 5,
                "maxWeight": most,
                "stepWeights": [10, 20, 30, 40, 50],
                "metrics": [metric],
                "webhooks": [],
            }
            status = {"phase": phase, "failedChecks": failed, "lastTransitionTime": "2026-03-01T10:00:00Z"}
            meta = {"name": "hotel-booking-canary", "namespace": "hotel-booking-production"}
            canary = {"metadata": meta, "spec": {"analysis": analysis}, "status": status}
            text = phase if " " in phase else json.dumps(canary)
            (self.folder / f"canary-{number:02}.json").write_text(text)

    def environ(self) -> dict[str, str]:
        return os.environ | {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "HOTEL_PROMETHEUS_URL": f"http://127.0.0.1:{self.server.server_address[1]}",
            "COLUMNS": "100",
            "TERM": "xterm",
        }

    def monitor(self, *options: str) -> Done:
        """What the script would run, in this process."""
        argv = ["hotel-booking", "ops", "monitor-canary", "--every", "0.5", *options]
        self.monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as ended:
            main()
        said = self.capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)


class Done(NamedTuple):
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    made.monkeypatch, made.capsys = monkeypatch, capsys
    for name, value in made.environ().items():
        monkeypatch.setenv(name, value)
    yield made
    made.server.shutdown()


@pytest.mark.parametrize(
    ("phases", "code", "end"),
    [
        (("Progressing", "Progressing", "Promoting", "Finalising", "Succeeded"), 0, "promoted"),
        (("Progressing", "Failed"), 1, "rolled back"),
        (("Succeeded", "Progressing", "Failed"), 1, "rolled back"),
        (("Failed", "Progressing", "Succeeded"), 0, "promoted"),
        (("Progressing", "WaitingPromotion"), 2, "time is over"),
    ],
)
def test_its_end_is_the_exit_code(cluster: Cluster, phases: tuple[str, ...], code: int, end: str) -> None:
    cluster.tell(*phases)
    done = cluster.monitor("--duration", "60" if code < 2 else "1")
    assert done.returncode == code, done.stderr
    assert done.stdout.splitlines()[-1] == end
    assert done.stderr == ""


def test_who_waits_for_a_person_says_so(cluster: Cluster) -> None:
    cluster.tell("WaitingPromotion")
    cluster.routed(50)
    done = cluster.monitor("--duration", "1")
    assert " 50 of 50 %" in done.stdout
    assert "it waits for a person" in done.stdout
    cluster.tell("WaitingPromotion", most=100)
    assert "a person has promoted it" in cluster.monitor("--duration", "1").stdout
    cluster.tell("Progressing", most=0)
    assert "a person has called it back" in cluster.monitor("--duration", "1").stdout


def test_what_had_ended_before_is_told_as_that(cluster: Cluster) -> None:
    cluster.tell("Succeeded")
    done = cluster.monitor("--duration", "30")
    assert done.returncode == 0
    assert "nothing is being tried" in done.stdout
    assert "2026-03-01" in done.stdout


def test_looks_are_lines_of_json(cluster: Cluster) -> None:
    cluster.tell("Progressing", "Failed", failed=5)
    cluster.values = ["NaN"]
    looks = [json.loads(line) for line in cluster.monitor("--duration", "60", "--json").stdout.splitlines()]
    assert [look["phase"] for look in looks] == ["Progressing", "Failed"]
    assert [look["end"] for look in looks] == [None, "rolled back"]
    first = looks[0]
    assert (first["weight"], first["failed"], first["threshold"]) == (30, 5, 5)
    figure = {"name": "success-rate", "value": None, "least": 95, "most": None, "well": False}
    assert first["figures"] == [figure]
    asked = 'sum({namespace="hotel-booking-production",pod=~"hotel-booking-x"}[20s])'
    assert set(cluster.asked) == {asked}, "the queries are Flagger's own"


def test_an_api_server_that_is_away_for_a_while_is_waited_for(cluster: Cluster) -> None:
    away = "Unable to connect to the server: dial tcp 10.0.0.1:443: i/o timeout"
    cluster.tell("Progressing", away, "Succeeded")
    done = cluster.monitor("--duration", "60")
    assert done.returncode == 0, done.stderr
    assert "cannot be reached" in done.stdout


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Error from server (NotFound): canaries x not found", "there is no Canary"),
        ("Error from server (Forbidden): canaries is forbidden: User ana", "you may not do that"),
        ("Unable to connect to the server: no such host", "cannot be reached"),
    ],
)
def test_who_cannot_look_is_told_why(cluster: Cluster, said: str, told: str) -> None:
    cluster.tell(said)
    done = cluster.monitor("--duration", "2")
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_wrong_use_is_told_apart_from_a_time_that_is_over(cluster: Cluster) -> None:
    done = cluster.monitor("--duration", "many")
    assert (done.returncode, done.stdout) == (2, "")
    assert "duration" in done.stderr


def test_on_a_terminal_it_is_one_picture(cluster: Cluster) -> None:
    cluster.tell("Progressing", "Progressing", "Succeeded")
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [str(SCRIPT), "--every", "0.5", "--duration", "60"],
        env=cluster.environ(), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 4096):
            said += part
    except OSError:  # nobody has it open any more
        pass
    os.close(ours)
    assert child.wait(10) == 0
    text = said.decode()
    assert "━" in text
    assert "✓ 99 %" in text
    assert "at least 95 %" in text
    assert text.rstrip().endswith("\x1b[?25h"), "the cursor is back"
