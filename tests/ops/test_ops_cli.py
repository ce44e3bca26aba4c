"""`hotel-booking ops` and its wrapper: from any directory, with nothing else in order."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from hotel_booking.cli.ops_backup import what_helps
from hotel_booking.ops.backup.one_file import WRONG_KEY
from hotel_booking.ops.colours.guest_site import GuestSite
from hotel_booking.ops.evidence import ITEMS, make_key, read_signers
from hotel_booking.ops.refusals import WrongUse
from hotel_booking.ops.security.checks import NotChecked, Surroundings
from hotel_booking.ops.security.site import site
from tests.clients import command_line
from tests.ops.test_preflight import COMMIT, IMAGE, NEW_SCHEMA, PLAN, TAG, junit, scans

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "deployment" / "scripts"
RESTORE = ("ops", "backup", "restore", "20240115-120000")


def run(*words: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return command_line.command(*words, seconds=60, **dict(environ))


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Folders of its own, a key, and a file of signers with it."""
    private, public = make_key()
    signers = tmp_path / "signers"
    signers.write_text(f"pipeline * {public}\n")
    return {
        "HOTEL_OPS_DIR": str(tmp_path / "ops"),
        "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
        "HOTEL_EVIDENCE_KEY": private,
        "HOTEL_EVIDENCE_SIGNERS": str(signers),
    }


def sign_all(folder: Path, environ: dict[str, str]) -> None:
    plan = folder / "plan.md"
    plan.write_text(PLAN)
    told = ("--told", "front desks", "--message", "https://chat.example/1")
    tests = str(junit(folder, NEW_SCHEMA))
    more: dict[str, tuple[str, ...]] = {
        "security": tuple(word for path in scans(folder) for word in ("--report", str(path))),
        "rollback": ("--plan", str(plan)),
        "communication": told,
        "build": ("--commit", COMMIT, "--image", IMAGE),
    }
    for item in ITEMS:
        words = more.get(item, ("--report", tests))
        done = run("ops", "evidence", "sign", item, "--release", TAG, *words, environ=environ)
        assert done.returncode == 0, done.stderr + done.stdout


def acts(folder: Path) -> list[tuple[str, str]]:
    files = sorted((folder / "spool").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    read = [json.loads(file.read_text()) for file in files]
    return [(act["action"], act["detail"]["outcome"]) for act in read]


def test_a_release_passes_with_what_the_pipeline_signs(tmp_path: Path, environ: dict[str, str]) -> None:
    release = ("--release", TAG)
    before = run("ops", "preflight", *release, environ=environ)
    assert before.returncode == 1
    assert "7 missing" in before.stdout
    assert f"gh run download --name evidence-{TAG}" in before.stdout
    refused = run("ops", "preflight", *release, "--require-pass", environ=environ)
    assert refused.returncode == 1
    assert f"hotel-booking ops preflight --release {TAG}" in refused.stderr

    sign_all(tmp_path, environ)
    dry = run("ops", "preflight", *release, "--dry-run", environ=environ)
    assert dry.returncode == 0
    assert run("ops", "preflight", *release, "--require-pass", environ=environ).returncode == 1, "it was dry"
    done = run("ops", "preflight", *release, "--json", environ=environ)
    assert done.returncode == 0, done.stdout
    told = json.loads(done.stdout)
    assert told["passed"]
    assert told["commit"] == COMMIT
    assert [finding["item"] for finding in told["findings"]] == [item for item in ITEMS if item != "build"]
    assert run("ops", "preflight", *release, "--require-pass", environ=environ).returncode == 0
    assert acts(tmp_path) == [
        ("ops.preflight", "failed"),
        *[("ops.evidence", "signed")] * 7,
        ("ops.preflight", "passed"),
    ]

    (tmp_path / "ops" / "evidence" / TAG / "tests.json").unlink()
    assert run("ops", "preflight", *release, environ=environ).returncode == 1
    refused = run("ops", "preflight", *release, "--require-pass", environ=environ)
    assert f"{TAG} has not passed" in refused.stderr, "the pass was taken back"


def test_a_report_that_did_not_pass_is_signed_as_that(tmp_path: Path, environ: dict[str, str]) -> None:
    report = junit(tmp_path, '<testcase name="a"><failure/></testcase>')
    words = ("tests", "--release", TAG, "--commit", COMMIT, "--image", IMAGE, "--report", str(report))
    dry = run("ops", "evidence", "sign", *words, "--dry-run", environ=environ)
    assert (dry.returncode, (tmp_path / "ops").exists()) == (1, False)
    assert run("ops", "evidence", "sign", *words, environ=environ).returncode == 1
    shown = run("ops", "preflight", "--release", TAG, environ=environ).stdout
    assert "it did not pass: 1 failed" in " ".join(shown.split())


@pytest.mark.parametrize(
    "words",
    [
        ("preflight", "--release", "../x"),
        ("preflight", "--release", TAG, "--signers", "nowhere"),
        ("evidence", "sign", "luck", "--release", TAG),
        ("evidence", "sign", "tests", "--release", TAG),
        ("evidence", "sign", "build", "--release", TAG, "--commit", "HEAD", "--image", IMAGE),
        ("evidence", "sign", "build", "--release", TAG, "--commit", COMMIT, "--image", "latest"),
    ],
)
def test_wrong_use_ends_with_2_and_no_traceback(environ: dict[str, str], words: tuple[str, ...]) -> None:
    done = run("ops", *words, environ=environ)
    assert done.returncode == 2
    assert done.stderr.startswith("hotel-booking: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("address", ["https://hotel:abc", "https://[::1", "hotel.example"])
def test_an_address_of_a_site_or_a_gateway_that_is_none_is_said(address: str) -> None:
    with pytest.raises(WrongUse, match="is no address of a gateway"):
        GuestSite("hotel.example", address)
    with pytest.raises(NotChecked, match="is no address of a site"):
        next(site(Surroundings(None, {}, address, 1)))


def test_without_a_key_the_command_that_would_work_is_told(environ: dict[str, str]) -> None:
    words = ("ops", "evidence", "sign", "build", "--release", TAG, "--commit", COMMIT, "--image", IMAGE)
    done = run(*words, environ={**environ, "HOTEL_EVIDENCE_KEY": ""})
    assert done.returncode == 2
    assert f'HOTEL_EVIDENCE_KEY="$(cat KEY-FILE)" hotel-booking {" ".join(words)}' in done.stderr
    wrong = run(*words, environ={**environ, "HOTEL_EVIDENCE_KEY": "none"})
    assert wrong.returncode == 2
    assert "ops evidence key" in wrong.stderr


def test_a_new_key_signs_what_its_line_lets_it() -> None:
    shown = run("ops", "evidence", "key", environ={}).stdout
    assert "HOTEL_EVIDENCE_KEY=" in shown
    assert "deployment/evidence-signers" in shown
    (signer,) = read_signers(shown.splitlines()[-1])
    assert [item for item in ITEMS if not signer.may_sign(item)] == []


def test_operations_start_where_application_and_database_cannot(environ: dict[str, str]) -> None:
    """No domain is imported, no web framework, no driver; nor are they needed for the audit record."""
    code = "import sys; sys.argv = ['hotel-booking', 'ops', 'preflight', '--release', 'x', '--dry-run']\n"
    code += (
        "for name in ('litestar', 'asyncpg', 'sqlalchemy', 'hotel_booking.domains', 'hotel_booking.app'):\n"
    )
    code += "    sys.modules[name] = None\n"
    code += "from hotel_booking.cli import main\nmain()\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "7 missing" in done.stdout


def test_the_record_reaches_the_audit_log_where_the_database_answers(
    environ: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    import psycopg

    done = run("ops", "preflight", "--release", TAG, environ=environ | {"DATABASE_URL": database_url})
    assert "recorded in" not in done.stderr
    assert acts(tmp_path) == []
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT object_id FROM audit_entry WHERE action = 'ops.preflight'"
        ).fetchone()
    assert row == (TAG,)
    away = run(
        "ops",
        "preflight",
        "--release",
        TAG,
        environ=environ | {"DATABASE_URL": "postgresql://h@127.0.0.1:1/h"},
    )
    assert "recorded in" in away.stderr
    assert acts(tmp_path) == [("ops.preflight", "failed")]


@pytest.mark.nightly
def test_the_pipelines_script_signs_what_the_checklist_asks_for(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    reports, folder = tmp_path / "reports", tmp_path / "evidence"
    for name in ("tests", "migrations", "scans", "image"):
        (reports / f"reports-{name}").mkdir(parents=True)
    junit(reports / "reports-tests", NEW_SCHEMA, name="tests-make-test-.xml")
    junit(reports / "reports-tests", NEW_SCHEMA, name="deployment-files-make-check-deploy-.xml")
    junit(reports / "reports-migrations", NEW_SCHEMA)
    for path in scans(reports / "reports-scans", snyk={"vulnerabilities": []}):
        if path.name == "trivy.json":
            path.rename(reports / "reports-image" / path.name)
    words = ("scripts/sign_evidence", TAG, COMMIT, IMAGE, str(reports), str(folder))
    told = {**os.environ, **environ}
    done = subprocess.run([*words, "snyk"], cwd=ROOT, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = run("ops", "preflight", "--release", TAG, "--evidence", str(folder), environ=environ)
    assert "1 missing" in shown.stdout, shown.stdout
    assert "# communication" in shown.stdout

    (reports / "reports-scans" / "snyk.json").unlink()
    done = subprocess.run([*words, "snyk"], cwd=ROOT, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 2, "a scanner that is expected has no report"
    junit(reports / "reports-tests", '<testcase name="a"><failure/></testcase>', name="worse.xml")
    done = subprocess.run(words, cwd=ROOT, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = run("ops", "preflight", "--release", TAG, "--evidence", str(folder), environ=environ)
    assert "2 missing" in shown.stdout, shown.stdout


# The wrapper ---------------------------------------------------------------------------------------


def wrapper(script: Path, *words: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script, *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environ},
        timeout=60,
    )


def checkout(folder: Path) -> Path:
    """The scripts in another place, with a space in its name, beside the command of this environment."""
    scripts = folder / "the checkout" / "deployment" / "scripts"
    scripts.mkdir(parents=True)
    for name in ("ops", "preflight.sh"):
        (scripts / name).write_bytes((SCRIPTS / name).read_bytes())
        (scripts / name).chmod(0o755)
    return scripts


def test_the_wrapper_is_found_from_any_directory_and_by_a_link(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    scripts = checkout(tmp_path)
    programs = str(Path(sys.executable).parent)
    path = f"{programs}:{os.environ['PATH']}"
    link = tmp_path / "preflight"
    link.symlink_to(scripts / "preflight.sh")
    for script in (scripts / "preflight.sh", link):
        done = wrapper(script, "--release", TAG, cwd=Path("/"), PATH=path, **environ)
        assert (done.returncode, done.stderr.count("Traceback")) == (1, 0), done.stderr
        assert "7 missing" in done.stdout
        assert wrapper(script, "--help", cwd=tmp_path, PATH=path).returncode == 0


def test_the_wrapper_says_the_line_that_would_work(tmp_path: Path, environ: dict[str, str]) -> None:
    scripts = checkout(tmp_path)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = wrapper(scripts / "preflight.sh", "--json", cwd=tmp_path, PATH=path, **environ)
    assert done.returncode == 2
    line = done.stderr.splitlines()[2].strip()
    assert line == f"HOTEL_RELEASE=20260301-0123456789ab '{scripts}/preflight.sh' --json"


def test_the_wrapper_without_the_command_says_what_helps(tmp_path: Path) -> None:
    scripts = checkout(tmp_path)
    done = wrapper(scripts / "preflight.sh", cwd=tmp_path, PATH="/usr/bin:/bin")
    assert done.returncode == 2
    assert (
        done.stderr
        == f"hotel-booking is not installed. This line helps: make -C {scripts.parents[1]} setup\n"
    )


def test_every_wrapper_is_one_of_a_command() -> None:
    for script in SCRIPTS.glob("*.sh"):
        text = script.read_text()
        found = re.search(r'/ops" ([a-z -]+) "\$@"$', text, re.MULTILINE)
        assert found is not None, f"{script.name} is no thin wrapper"
        words = found[1].split()
        assert set(script.stem.split("-")) & {part for word in words for part in word.split("-")}
        told = re.search(r"INVOKED_WORDS=(\d)", text)
        assert int(told[1] if told else 2) == 1 + len(words), f"{script.name} says its name wrongly"
        assert run("ops", *words, "--help", environ={}).returncode == 0


@pytest.mark.parametrize(
    ("engine", "words", "names"),
    [
        (
            "",
            ("ops", "backup", "list"),
            "HOTEL_BACKUP_ENGINE HOTEL_DATABASE_HOME HOTEL_BACKUP_STORE HOTEL_BACKUP_KEY",
        ),
        ("dump", ("ops", "backup", "backup"), "HOTEL_BACKUP_STORE DB_HOST DB_USER DB_NAME HOTEL_BACKUP_KEY"),
        ("rds", ("ops", "backup", "list"), "DB_HOST DB_USER DB_NAME"),
        ("dump", ("ops", "backup", "list", "--of", "archive"), "HOTEL_BACKUP_STORE HOTEL_BACKUP_KEY"),
        ("rds", (*RESTORE, "staging"), "HOTEL_STAGING_DATABASE_URL DB_HOST DB_USER DB_NAME"),
        ("rds", (*RESTORE, "production"), "HOTEL_EVIDENCE_KEY HOTEL_APPROVAL DB_HOST DB_USER DB_NAME"),
        ("", ("ops", "dr", "restore"), "HOTEL_STANDBY HOTEL_EVIDENCE_KEY HOTEL_APPROVAL"),
        ("", ("ops", "dr", "restore", "--environment", "dr"), "HOTEL_EVIDENCE_KEY HOTEL_APPROVAL"),
        ("", ("ops", "evidence", "sign", "tests"), "HOTEL_RELEASE HOTEL_EVIDENCE_KEY"),
    ],
)
def test_all_that_is_missing_is_named_at_once(
    environ: dict[str, str], engine: str, words: tuple[str, ...], names: str
) -> None:
    done = run(*words, environ=environ | {"HOTEL_BACKUP_ENGINE": engine, "HOTEL_EVIDENCE_KEY": ""})
    assert done.returncode == 2
    assert f"not set: {', '.join(names.split())}\n" in done.stderr
    asks = "  HOTEL_APPROVAL: the file that another person gets from: hotel-booking ops backup approve "
    assert (asks in done.stderr) == ("HOTEL_APPROVAL" in names)
    *_, works = done.stderr.strip().splitlines()
    assert re.findall(r"([A-Z_]+)=\S+", works) == names.split()
    assert works.endswith(" ".join(("hotel-booking", *words)))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("incident declare Odd --severity P9", "one of P1, P2"),
        ("incident declare Odd --severity P1 --component cellar", "no component 'cellar'"),
        ("incident assess 1 --severity P9", "one of P1, P2"),
        ("incident move 1 bed", "not a phase"),
        ("incident role 1 king Ada", "no role"),
        ("incident update 1 Hello --status fine", "one of investigating"),
        ("incident note 1 ''", "note is missing"),
        ("exchange-rates set ZZZ 2", "not a currency"),
        ("staff create-owner --email nobody --name Ada", "email address"),
    ],
)
def test_what_was_typed_wrong_is_said_without_a_database(words: str, said: str) -> None:
    done = run(*shlex.split(words), environ={"DATABASE_URL": "postgresql://hotel@127.0.0.1:9/hotel"})
    assert done.returncode == 2
    assert said in done.stderr
    assert "database" not in done.stderr


def test_an_approval_without_a_reason_is_told_the_whole_line(environ: dict[str, str]) -> None:
    words = ("ops", "backup", "approve", "latest", "production")
    done = run(*words, environ={**environ, "HOTEL_EVIDENCE_KEY": ""})
    assert done.returncode == 2
    line = f"""HOTEL_EVIDENCE_KEY="$(cat KEY-FILE)" hotel-booking {" ".join(words)} --reason 'WHY'"""
    assert done.stderr.splitlines()[-1].strip() == line


def test_a_wrong_key_is_no_reason_for_another_backup() -> None:
    wrong = f"20260301-093000: {WRONG_KEY}"
    assert "the key that they were made with" in what_helps([wrong, wrong], "database")
    assert what_helps([wrong, "20260301-133000: it is damaged"], "state").endswith("backup backup --of state")
    assert what_helps(["one is damaged"], "database").endswith("backup backup --kind full")
    assert "earlier version" in what_helps(["one is damaged"], "archive")
