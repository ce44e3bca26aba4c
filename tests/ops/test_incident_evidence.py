"""`ops evidence collect | verify`: all is preserved, what is not is named, and a changed byte is found."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hotel_booking.cli.ops_incident_evidence import _make_folder
from hotel_booking.core.db import Database
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service.sessions import start
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.ops.evidence import make_key
from hotel_booking.ops.refusals import Refused
from tests.clients.command_line import command, program
from tests.clients.http_client import api_key
from tests.clients.staff_client import HERE, staff
from tests.doubles.fake_kubectl import Cluster

POD = "hotel-booking-7d9f-abcde"
NOWHERE = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
LOG = b"2026-11-28T08:00:00Z GET /api/v1/bookings 200\n\xff\xfe not UTF-8\r\n"


@pytest.fixture
def cluster_(tmp_path: Path) -> Cluster:
    made = Cluster(tmp_path)
    made.pod(POD, app="hotel-booking")
    made.pod("isolated", **{"hotelbooking.com/quarantine": "incident-1"})
    for name in (f"{POD}.web", f"{POD}.istio-init", "isolated.web", "isolated.istio-init"):
        made.log(name, LOG)
    made.log("isolated.web.before", b"before it was killed\n")
    return made


@pytest.fixture
def environ(cluster_: Cluster, database_url: str, tmp_path: Path) -> dict[str, str]:
    private, public = make_key()
    (tmp_path / "signers").write_text(f"on-call incident {public}\n")
    found = {
        "PATH": f"{cluster_.path}:{os.environ['PATH']}",
        "DATABASE_URL": database_url,
        "HOTEL_ENVIRONMENT": "demo",
        "HOTEL_OPS_DIR": str(tmp_path / "ops"),
        "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
        "HOTEL_OPERATOR": "jane.roe@company.com",
        "HOTEL_EVIDENCE_KEY": private,
        "HOTEL_EVIDENCE_SIGNERS": str(tmp_path / "signers"),
        "HOTEL_BACKUP_KEY": "a long enough key of backups",
    }
    assert (
        command("incident", "declare", "Somebody is in", "--severity", "P1", seconds=600, **found).returncode
        == 0
    )
    return found


def evidence(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    done = command("ops", "evidence", *words, seconds=300, **environ)
    assert "Traceback" not in done.stderr
    return done


def collected(*words: str, code: int = 0, **environ: str) -> tuple[Path, str]:
    """The folder, and what the command printed."""
    return preserved(evidence("collect", "--incident", "1", *words, **environ), code)


def preserved(done: subprocess.CompletedProcess[str], code: int = 0) -> tuple[Path, str]:
    assert done.returncode == code, done.stderr + done.stdout
    found = re.search(r"^Preserved: (\S+)", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    return Path(found[1]), done.stdout


def manifest(folder: Path) -> dict[str, Any]:
    import base64

    envelope = json.loads((folder / "MANIFEST.json").read_bytes())
    found: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))
    return found


async def test_all_of_it_is_preserved_and_told(
    cluster_: Cluster, environ: dict[str, str], db: Database, database_url: str, tmp_path: Path
) -> None:
    key, member = await api_key(db), await staff(db, (Role.OWNER, None))
    async with db.transaction() as tx:
        token = await start(tx, STAFF, owner_id=member, visitor=HERE, now=await tx.fetchval("SELECT now()"))
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "web.log").write_bytes(LOG)
    folder, said = preserved(
        program(
            *"ops evidence collect --incident 1 --log".split(),
            str(tmp_path / "journal"),
            seconds=300,
            **environ,
        )
    )
    files = manifest(folder)["files"]
    assert (folder / f"logs/{POD}.web.log").read_bytes() == LOG, "byte for byte"
    assert (folder / "logs/isolated.web.previous.log").read_bytes() == b"before it was killed\n"
    assert (folder / "files/1-journal/web.log").read_bytes() == LOG
    assert {
        "cluster/pods.json",
        "cluster/rolebindings.json",
        "database/snapshot",
        "about.json",
    } <= files.keys()
    assert not [name for name in files if "secret" in name or "canaries" in name]
    assert not (folder / f"logs/{POD}.web.previous.log").exists(), "it runs for the first time"
    assert (folder / "database" / "snapshot").read_bytes().startswith(b"HOTELBACKUP1")
    state = json.loads((folder / "database" / "state.json").read_text())
    assert state["sessions"][str(member)][0]["address"] == HERE.address
    assert [one["scopes"] for one in state["api_keys"]] == [["all"]]
    assert "everybody: USAGE on schema public" in state["roles"]
    readable = [path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "snapshot"]
    assert not [content for content in readable if key.encode() in content or token.encode() in content]
    assert folder.stat().st_mode & 0o077 == 0
    assert not [path for path in folder.rglob("*") if path.stat().st_mode & 0o077 and path.is_file()]
    assert not list(folder.parent.glob("*.part"))

    hashed = said.rsplit("--hash ", 1)[1].split()[0]
    assert (
        f"the list's SHA-256 is {hashed}" in command("incident", "show", "1", seconds=600, **environ).stdout
    )
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT after->>'sha256' FROM audit_entry WHERE action = 'ops.evidence.collect' ORDER BY id"
        ).fetchall()
    assert rows == [(None,), (hashed,)]
    checked = evidence("verify", str(folder), "--hash", hashed, **environ)
    assert checked.returncode == 0, checked.stderr
    assert f"{len(files)} files" in checked.stdout


@pytest.fixture
def folder(cluster_: Cluster, environ: dict[str, str]) -> Path:
    """Evidence without a snapshot."""
    found, said = collected("--no-snapshot", code=3, **environ)
    assert "not there: database/snapshot: left out by --no-snapshot" in said
    return found


def test_whatever_is_changed_is_found(folder: Path, environ: dict[str, str], tmp_path: Path) -> None:
    assert evidence("verify", str(folder), **environ).returncode == 0
    log = folder / f"logs/{POD}.web.log"

    def changed(says: str, **other: str) -> None:
        done = evidence("verify", str(folder), **{**environ, **other})
        assert done.returncode == 1, done.stdout
        assert says in done.stderr

    log.write_bytes(LOG.replace(b"200", b"403"))
    changed(f"logs/{POD}.web.log was changed")
    log.write_bytes(LOG)
    (folder / "logs" / "another.log").touch()
    changed("logs/another.log was put in")
    (folder / "logs" / "another.log").unlink()
    log.rename(tmp_path / "away")
    changed(f"logs/{POD}.web.log is gone")
    log.symlink_to(tmp_path / "away")
    changed("is neither a file nor a folder")
    log.unlink()
    (tmp_path / "away").rename(log)
    public = make_key()[1]
    (tmp_path / "others").write_text(f"mallory incident {public}\n")
    changed("its signature (on-call) is not valid", HOTEL_EVIDENCE_SIGNERS=str(tmp_path / "others"))
    (tmp_path / "others").write_text((tmp_path / "signers").read_text().replace(" incident ", " tests "))
    changed("on-call may not sign an incident's evidence", HOTEL_EVIDENCE_SIGNERS=str(tmp_path / "others"))
    done = evidence("verify", str(folder), "--hash", "0" * 64, **environ)
    assert done.returncode == 1
    assert "is not the one that was noted" in done.stderr
    content = (folder / "MANIFEST.json").read_text()
    (folder / "MANIFEST.json").write_text(content.replace("incident-evidence", "evidence"))
    changed("it is of another kind")
    (folder / "MANIFEST.json").unlink()
    changed("is no whole evidence")


def test_an_audit_log_that_was_broken_is_preserved_as_it_is_and_told(
    environ: dict[str, str], database_url: str, cluster_: Cluster
) -> None:
    assert command("audit-log", "seal", seconds=600, **environ).returncode == 0
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(
            "UPDATE audit_entry SET actor_name = 'nobody' WHERE id = (SELECT min(id) FROM audit_entry)"
        )
    folder, said = collected("--no-snapshot", code=3, **environ)
    assert "✗ the audit log: link 1" in said
    assert "the audit log: link 1" in command("incident", "show", "1", seconds=600, **environ).stdout
    done = evidence("verify", str(folder), **environ)
    assert done.returncode == 3, "it is as it was preserved, and what was preserved is broken"
    assert "link 1 does not follow from the one before" in done.stdout


def test_with_the_database_down_logs_are_preserved_all_the_same(
    environ: dict[str, str], cluster_: Cluster, tmp_path: Path
) -> None:
    folder, said = collected(code=3, **{**environ, **NOWHERE})
    assert (folder / f"logs/{POD}.web.log").is_file()
    assert "not there: database/audit-log.jsonl: the database cannot be reached" in said
    assert not (folder / "database" / "audit-log.jsonl").exists(), "and no half a file"
    assert list((folder / "acts").glob("*.json")), "what the audit log does not know yet"
    assert evidence("verify", str(folder), **environ).returncode == 0


def test_with_the_cluster_away_the_database_is_preserved_all_the_same(
    environ: dict[str, str], cluster_: Cluster
) -> None:
    (cluster_.folder / "away").touch()
    folder, said = collected("--no-snapshot", code=3, **environ)
    assert "not there: cluster: the API server cannot be reached" in said
    assert (folder / "database" / "audit-log.jsonl").is_file()


def test_without_the_database_here_a_pod_is_asked(environ: dict[str, str], cluster_: Cluster) -> None:
    del environ["DATABASE_URL"]
    environ |= {"DATABASE_URL": "", "DB_HOST": ""}
    for name, said in (
        ("incident show 1", "P1 Somebody is in"),
        ("audit-log export", json.dumps({"after": 0, "hash": "00" * 32})),
        ("audit-log verify --json", '{"problem": null}'),
        ("ops evidence state", "{}"),
    ):
        (cluster_.folder / f"exec hotel-booking {name}").write_text(said + "\n")
    folder, said = collected(code=3, **environ)
    assert "hotel-booking ops backup backup --kind full" in said
    # Elsewhere: in the same second it would have the name of the first.
    again = evidence("collect", "--incident", "1", "--into", str(folder.parent / "again"), **environ)
    assert "the timeline was not told" in again.stderr
    assert (folder / "database" / "state.json").read_text() == "{}\n"


def test_logs_are_bounded_and_what_is_cut_is_said(environ: dict[str, str], cluster_: Cluster) -> None:
    cluster_.log(f"{POD}.istio-init", b"x" * 1_500_000)
    folder, said = collected("--most-megabytes", "1", "--without", "database", code=3, **environ)
    assert f"only the oldest part of it: logs/{POD}.istio-init.log" in said
    assert f"not there: logs/{POD}.web.log: no room: --most-megabytes" in said
    assert sum(path.stat().st_size for path in (folder / "logs").glob("*")) <= 1_000_000
    assert evidence("verify", str(folder), **environ).returncode == 0


def test_what_was_interrupted_is_no_evidence_and_the_next_one_is_whole(
    environ: dict[str, str], folder: Path
) -> None:
    half = folder.with_name("incident-1-20260101T000000Z.part")
    shutil.copytree(folder, half)
    (half / "MANIFEST.json").unlink()
    done = evidence("verify", str(half), **environ)
    assert done.returncode == 1
    assert "is no whole evidence" in done.stderr
    done = evidence("collect", "--incident", "1", "--no-snapshot", "--without", "database", **environ)
    assert done.returncode == 3
    assert f"{half} is of a run that did not end" in done.stderr
    assert half.is_dir()


@pytest.mark.parametrize(
    ("words", "other", "says"),
    [
        (("--since", "yesterday"), {}, "is no time to look back"),
        (("--without", "rooms"), {}, "there are kubernetes and database"),
        (("--incident", "9"), {}, "there is no incident 9"),
        ((), {"HOTEL_EVIDENCE_KEY": ""}, "HOTEL_EVIDENCE_KEY="),
        ((), {"HOTEL_EVIDENCE_KEY": "none"}, "ops evidence key"),
        ((), {"HOTEL_EVIDENCE_KEY": make_key()[0]}, "this key signs no evidence of an incident"),
        (("--dry-run",), {}, ""),
    ],
)
def test_what_cannot_be_meant_makes_no_folder(
    words: tuple[str, ...], other: dict[str, str], says: str, environ: dict[str, str], tmp_path: Path
) -> None:
    done = evidence("collect", "--incident", "1", *words, **{**environ, **other})
    assert done.returncode == (0 if "--dry-run" in words else 2), done.stderr
    assert says in done.stderr
    assert not (tmp_path / "ops" / "incidents").exists()


def test_all_that_is_missing_is_named_at_once(environ: dict[str, str]) -> None:
    done = evidence("collect", **{**environ, "HOTEL_EVIDENCE_KEY": "", "HOTEL_INCIDENT": ""})
    assert done.returncode == 2
    assert "2 values are needed and not set: HOTEL_INCIDENT, HOTEL_EVIDENCE_KEY\n" in done.stderr


def test_a_place_that_cannot_be_written_is_told(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = evidence("collect", "--incident", "1", "--into", str(tmp_path / "file" / "below"), **environ)
    assert done.returncode == 1
    assert "--into FOLDER" in done.stderr


def test_a_folder_that_is_whole_is_not_collected_into_again(tmp_path: Path) -> None:
    """As two who collect in the same second would."""
    whole = tmp_path / "incident-1-20260101T000000Z"
    whole.mkdir()
    with pytest.raises(Refused, match="in this very second") as refused:
        _make_folder(tmp_path / f"{whole.name}.part", "incident-1-")
    assert "once more" in refused.value.lines[0]
    assert list(tmp_path.iterdir()) == [whole]
