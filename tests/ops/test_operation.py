"""The frame of `hotel-booking ops`: alone, recorded, and safe to interrupt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hotel_booking.ops.asking import Want, needed, typed
from hotel_booking.ops.operation import acts, home, operation, tell_audit_log
from hotel_booking.ops.refusals import Busy, Interrupted, Refused, WrongUse

AT = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)

_WAITING = """
import os, signal, sys, time
from contextlib import suppress
from datetime import UTC, datetime
from hotel_booking.ops.operation import operation
from hotel_booking.ops.refusals import Interrupted, Refused
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it
try:
    told = {"target": "staging", "dry_run": False, "environ": os.environ, "clock": lambda: datetime.now(UTC)}
    with operation("restore", **told):
        print("begun", flush=True)
        with suppress(Refused):  # many places go on without what is refused
            time.sleep(60)
except Interrupted as refusal:
    sys.exit(refusal.exit_code)
"""


def environ(folder: Path, **more: str) -> dict[str, str]:
    return {"HOTEL_OPS_DIR": str(folder / "ops"), "HOTEL_SPOOL_DIR": str(folder / "spool"), **more}


def run(folder: Path, name: str = "restore", **given: Any) -> Any:
    told = {"target": "staging", "dry_run": False, "environ": environ(folder), "clock": lambda: AT}
    return operation(name, **{**told, **given})


def recorded(folder: Path) -> list[dict[str, Any]]:
    """What was noted, oldest first."""
    files = sorted((folder / "spool").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(file.read_text()) for file in files]


def outcomes(folder: Path) -> list[str]:
    return [act["detail"]["outcome"] for act in recorded(folder)]


def test_who_did_what_when_and_to_which_end_is_recorded(tmp_path: Path) -> None:
    with run(tmp_path, environ=environ(tmp_path, HOTEL_OPERATOR="jo@hotel.example")) as act:
        act.tell(backup="20300301-080000")
    begun, ended = recorded(tmp_path)
    assert begun["detail"] == {"outcome": "begun", "operator": "jo@hotel.example"}
    assert ended["detail"]["outcome"] == "done"
    assert ended["detail"]["backup"] == "20300301-080000"
    assert (ended["action"], ended["object_id"]) == ("ops.restore", "staging")
    assert ended["at"] == AT.isoformat()
    assert "@" in ended["who"]


def test_the_pipelines_run_is_recorded(tmp_path: Path) -> None:
    told = {
        "GITHUB_ACTOR": "jo",
        "GITHUB_RUN_ID": "42",
        "GITHUB_REPOSITORY": "hotel/booking",
        "GITHUB_SERVER_URL": "https://github.example",
    }
    with run(tmp_path, environ=environ(tmp_path, **told)):
        pass
    assert recorded(tmp_path)[-1]["detail"] == {
        "outcome": "done",
        "operator": "jo@github",
        "run": "https://github.example/hotel/booking/actions/runs/42",
    }


def test_a_refusal_and_a_mistake_are_recorded_with_their_reason(tmp_path: Path) -> None:
    with pytest.raises(Refused), run(tmp_path, changes=False):
        raise Refused("no such backup")
    with pytest.raises(ZeroDivisionError), run(tmp_path, changes=False):
        _ = 1 / 0
    assert outcomes(tmp_path) == ["refused", "failed"]
    assert [act["detail"]["reason"] for act in recorded(tmp_path)] == [
        "no such backup",
        "ZeroDivisionError: division by zero",
    ]


def test_a_dry_run_records_nothing(tmp_path: Path) -> None:
    with run(tmp_path, dry_run=True) as act:
        assert act.dry_run
    assert recorded(tmp_path) == []


def test_what_cannot_be_recorded_is_not_done(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    done = []
    with pytest.raises(Refused, match="nothing can be recorded") as refusal, run(tmp_path):
        done.append(1)
    assert done == []
    assert any("export HOTEL_SPOOL_DIR=" in line for line in refusal.value.lines)


def test_a_second_run_of_the_same_is_refused_while_the_first_lasts(tmp_path: Path) -> None:
    with run(tmp_path):
        with pytest.raises(Busy, match=rf"process {os.getpid()}, since 2030-03-01T09:00"), run(tmp_path):
            pass
        with run(tmp_path, target="production"), run(tmp_path, "backup"):
            pass
    with run(tmp_path):
        pass
    assert outcomes(tmp_path).count("done") == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_one_is_recorded_and_can_be_run_again(tmp_path: Path, number: signal.Signals) -> None:
    process = started(tmp_path)
    process.send_signal(number)
    assert process.wait(timeout=30) == Interrupted.exit_code
    assert outcomes(tmp_path) == ["begun", "interrupted"]
    with run(tmp_path):
        pass


def test_who_interrupts_is_told_what_stands_all_the_same(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as plain, run(tmp_path):
        raise KeyboardInterrupt
    assert plain.value.lines == ("Some of it may be done already. It can be run again.",)
    with pytest.raises(Interrupted) as only_looks, run(tmp_path, changes=False):
        raise KeyboardInterrupt
    assert only_looks.value.lines == ("It can be run again.",)

    def closed_and_interrupted() -> None:
        with run(tmp_path) as act:
            act.happened("guests are closed out", "Open:", "  hotel-booking ops maintenance off")
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as after:
        closed_and_interrupted()
    assert after.value.detail == "restore was interrupted, and guests are closed out"
    assert after.value.lines == ("Open:", "  hotel-booking ops maintenance off")
    assert recorded(tmp_path)[-1]["detail"] == {"outcome": "interrupted", "stands": "guests are closed out"}

    def closed_and_lost() -> None:
        with run(tmp_path) as act:
            act.happened("guests are closed out", "Open:")
            raise ConnectionError("gone")

    with pytest.raises(ConnectionError) as lost:
        closed_and_lost()
    assert lost.value.__notes__ == ["guests are closed out\nOpen:"]


def test_one_that_was_killed_leaves_its_beginning_and_no_lock(tmp_path: Path) -> None:
    process = started(tmp_path)
    with pytest.raises(Busy), run(tmp_path):
        pass
    process.kill()
    process.wait(timeout=30)
    assert outcomes(tmp_path) == ["begun"]
    with run(tmp_path):
        pass


def started(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _WAITING],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ(folder)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.stdout.close()
    return process


def test_a_targets_name_makes_no_path_elsewhere(tmp_path: Path) -> None:
    with run(tmp_path, target="../../etc/passwd"):
        pass
    assert [path.parent.name for path in (tmp_path / "ops").rglob("*") if path.is_file()] == ["locks"]


def test_where_things_are_kept(tmp_path: Path) -> None:
    assert home({"HOTEL_OPS_DIR": "/somewhere"}) == Path("/somewhere")
    assert acts({"HOTEL_SPOOL_DIR": "/spool"}) == Path("/spool")
    own = {"XDG_STATE_HOME": str(tmp_path)}
    if os.geteuid():
        assert home(own) == tmp_path / "hotel-booking" / "ops"
    else:
        assert home(own) == Path("/var/lib/hotel-booking/ops")


class Terminal:
    """A terminal that nobody sits at, or somebody."""

    def __init__(self, there: bool) -> None:
        self.there = there

    def isatty(self) -> bool:
        return self.there


def test_what_is_missing_is_asked_for_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(answer: str, secret: bool = False) -> str:
        monkeypatch.setattr("builtins.input", lambda _question: answer)
        monkeypatch.setattr("getpass.getpass", lambda _question: answer)
        terminal: Any = Terminal(there=True)
        want = Want("HOTEL_RELEASE", "the tag", "x")
        return needed(want, environ={}, argv=["hotel-booking"], secret=secret, terminal=terminal)

    assert ask(" 1.2 ") == "1.2"
    assert ask("hidden", secret=True) == "hidden"
    with pytest.raises(WrongUse):
        ask("")


def test_where_nobody_can_be_asked_the_command_that_would_work_is_told() -> None:
    nobody: Any = Terminal(there=False)
    argv = ["/x/.venv/bin/hotel-booking", "ops", "preflight", "--evidence", "a b"]
    with pytest.raises(WrongUse) as refusal:
        needed(Want("HOTEL_RELEASE", "the tag", "1.2"), environ={}, argv=argv, terminal=nobody)
    assert refusal.value.lines[-1] == "  HOTEL_RELEASE=1.2 hotel-booking ops preflight --evidence 'a b'"
    by_script = {"HOTEL_INVOKED_AS": "./deployment/scripts/preflight.sh:2"}
    assert typed(by_script, argv) == "./deployment/scripts/preflight.sh --evidence 'a b'"
    found = needed(Want("HOTEL_RELEASE", "the tag", ""), environ={"HOTEL_RELEASE": "1.3"}, argv=argv)
    assert found == "1.3"


def test_acts_wait_where_the_worker_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine where nothing has made the folder yet, too."""
    monkeypatch.setattr("hotel_booking.ops.spool.DEFAULT_FOLDER", str(tmp_path / "var" / "spool"))
    assert acts({}) == tmp_path / "var" / "spool"
    # Who may not write there keeps them for themselves, and is told where.
    monkeypatch.setattr(os, "access", lambda *_: False)
    own = {"XDG_STATE_HOME": str(tmp_path)}
    assert acts(own) == tmp_path / "hotel-booking" / "ops" / "spool"
    said = tell_audit_log(own)
    assert said is not None
    assert f"HOTEL_SPOOL_DIR={acts(own)} hotel-booking audit-log drain" in said
