"""The drill as an operator runs it: guests book and pay, the machine is lost, everybody is accounted for."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.deployment.checkers import ROOT

pytestmark = pytest.mark.nightly


def test_whoever_is_lost_is_named_and_has_their_money_back(database_url: str, tmp_path: Path) -> None:
    report = tmp_path / "drill.json"
    done = subprocess.run(
        [
            str(ROOT / "deployment" / "scripts" / "backup-restore.sh"), "drill",
            "--gigabytes", "0.01", "--seconds", "90", "--report", str(report),
        ],
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "HOTEL_OPS_DIR": str(tmp_path / "ops"),
            "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
            "DATABASE_URL": database_url,
        },
        cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(report.read_text())
    figures = result["detail"]
    assert result["succeeded"]
    lost = re.findall(r"^  lost: (\S+), Drill [0-9a-f]{12}: (.+)$", done.stdout, re.MULTILINE)
    assert len(lost) == figures["lost"]
    assert {became for _, became in lost} <= {"the booking is lost; the money goes back"}
    assert figures["acknowledged"] > figures["lost"]
    # Who paid in the lost time, and had booked before it; and who had booked in it.
    assert figures["rebooked"] > 0
    assert figures["refunded"] >= figures["lost"] > 0
    assert figures["rpo_seconds"] > 0
    with psycopg.connect(database_url) as connection:
        told = connection.execute("SELECT kind, succeeded, detail FROM operations_result").fetchall()
    assert told == [("drill", True, figures)]
