"""`ops isolate`: a pod, a person, a key are out, can be let in again by two people, and it is told."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.ops.quarantine import LABEL
from tests.clients.command_line import command, program
from tests.clients.http_client import api_key
from tests.clients.staff_client import staff
from tests.doubles.fake_kubectl import Cluster

POD = "hotel-booking-7d9f-abcde"
LABELS = {"app": "hotel-booking", "pod-template-hash": "7d9f", "app.kubernetes.io/name": "hotel-booking"}
NOWHERE = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}


@pytest.fixture
def cluster_(tmp_path: Path) -> Cluster:
    made = Cluster(tmp_path)
    made.pod(POD, **LABELS)
    return made


@pytest.fixture
def environ(cluster_: Cluster, database_url: str, tmp_path: Path) -> dict[str, str]:
    found = {
        "PATH": f"{cluster_.path}:{os.environ['PATH']}",
        "DATABASE_URL": database_url,
        "HOTEL_ENVIRONMENT": "demo",
        "HOTEL_OPS_DIR": str(tmp_path / "ops"),
        "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
        "HOTEL_OPERATOR": "jane.roe@company.com",
        "HOTEL_REASON": "it asks for other guests' bookings",
        "HOTEL_INCIDENT": "1",
    }
    words = ("incident", "declare", "Somebody is in", "--severity", "P1")
    assert command(*words, seconds=600, **found).returncode == 0
    return found


def isolate(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    done = command("ops", "isolate", *words, seconds=120, **environ)
    assert "Traceback" not in done.stderr
    return done


def timeline(environ: dict[str, str]) -> str:
    return command("incident", "show", "1", seconds=600, **environ).stdout


def in_the_audit_log(url: str, action: str) -> list[Any]:
    with psycopg.connect(url) as db:
        rows = db.execute("SELECT after FROM audit_entry WHERE action = %s ORDER BY id", (action,))
        return [after for (after,) in rows]


def test_a_pod_is_out_of_service_and_off_the_network_and_kept(
    cluster_: Cluster, environ: dict[str, str], database_url: str
) -> None:
    dry = isolate("pod", POD, "--dry-run", **environ)
    assert dry.returncode == 0, dry.stderr
    assert cluster_.read(POD)["labels"] == LABELS
    (cluster_.folder / "hurried").touch()  # the kubelet writes its status in between
    done = program("ops", "isolate", "pod", f"pod/{POD}", seconds=120, **environ)
    assert done.returncode == 0, done.stderr
    now = cluster_.read(POD)
    assert now["labels"] == {LABEL: "incident-1"}, "no Service, ReplicaSet or policy knows it any more"
    assert now["annotations"]["kept"] == "as it is"
    assert now["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    assert "client_addr = '10.0.7.3'" in done.stdout
    assert not [words for words in cluster_.asked() if words[0] == "delete"]
    assert f"jane.roe@company.com: {POD} is in quarantine: it asks for other guests" in timeline(environ)
    begun, ended = in_the_audit_log(database_url, "ops.isolate.pod")
    assert (begun["outcome"], ended["outcome"], ended["incident"]) == ("begun", "isolated", 1)
    assert ended["operator"] == "jane.roe@company.com"

    again = isolate("pod", POD, **environ)
    assert again.returncode == 0
    assert "already in quarantine" in again.stdout
    assert cluster_.read(POD) == now
    assert timeline(environ).count("is in quarantine") == 1


def test_it_comes_back_by_two_people_as_it_was(cluster_: Cluster, environ: dict[str, str]) -> None:
    before = cluster_.read(POD)
    assert isolate("pod", POD, **environ).returncode == 0
    alone = isolate("pod", POD, "--undo", "--approver", "Jane.Roe@company.com", **environ)
    assert alone.returncode == 2
    assert "cannot approve what they do themselves" in alone.stderr
    nobody = isolate("pod", POD, "--undo", **environ)
    assert nobody.returncode == 2
    assert "HOTEL_APPROVER=ana@company.com hotel-booking ops isolate pod" in nobody.stderr
    assert cluster_.read(POD)["labels"] == {LABEL: "incident-1"}
    done = isolate("pod", POD, "--undo", "--approver", "ana@company.com", **environ)
    assert done.returncode == 0, done.stderr
    after = cluster_.read(POD)
    assert (after["labels"], after["annotations"]) == (before["labels"], before["annotations"])
    assert "approved by ana@company.com" in timeline(environ)
    assert "was not in quarantine" in isolate("pod", POD, "--undo", "--approver", "ana", **environ).stdout


DENY = {"metadata": {"name": "deny"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}
DNS = {
    "metadata": {"name": "dns"},
    "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": 53}]}]},
}


@pytest.mark.parametrize(
    ("policies", "left"),
    [
        ([], ["no NetworkPolicy closes the way in", "no NetworkPolicy closes the way out"]),
        ([DENY, DNS], ["NetworkPolicy dns lets something out"]),
    ],
)
def test_a_network_that_stays_open_is_no_success(
    policies: list[Any], left: list[str], cluster_: Cluster, environ: dict[str, str]
) -> None:
    cluster_.policies(policies)
    done = isolate("pod", POD, **environ)
    assert done.returncode == 1
    assert all(way in done.stderr for way in left)
    assert f"kubectl delete pod {POD}" in done.stderr
    assert cluster_.read(POD)["labels"] == {LABEL: "incident-1"}, "it is out of service all the same"


def test_with_the_database_down_it_is_done_and_kept_for_the_audit_log(
    cluster_: Cluster, environ: dict[str, str], tmp_path: Path
) -> None:
    environ |= NOWHERE
    done = isolate("pod", POD, "--incident", "0", **environ)
    assert done.returncode == 0, done.stderr
    assert "the incident tracker does not answer" in done.stderr
    assert cluster_.read(POD)["labels"] == {LABEL: "incident-0"}
    acts = [json.loads(path.read_text()) for path in (tmp_path / "spool").glob("*.json")]
    assert sorted(act["detail"]["outcome"] for act in acts) == ["begun", "isolated"]
    numbered = isolate("pod", POD, "--incident", "1", **environ)
    assert numbered.returncode == 0
    assert "already" in numbered.stdout


@pytest.mark.parametrize(
    ("words", "other", "says"),
    [
        (("pod", POD, "--incident", "7"), {}, "there is no incident 7"),
        (("pod", POD, "--incident", "0"), {}, "the incident tracker answers"),
        (("pod", POD), {"HOTEL_INCIDENT": "", "HOTEL_OPERATOR": "jane"}, "HOTEL_INCIDENT=12 hotel-booking"),
        (
            ("pod", POD),
            {"HOTEL_INCIDENT": "", "HOTEL_REASON": ""},
            "2 values are needed and not set: HOTEL_REASON, HOTEL_INCIDENT\n",
        ),
        (
            ("person", "john@company.com", "--without", "kubernetes"),
            {"HOTEL_ACCESS_DATABASE_URL": "", "HOTEL_REASON": ""},
            "2 values are needed and not set: HOTEL_ACCESS_DATABASE_URL, HOTEL_REASON\n",
        ),
        (("pod", POD), {"HOTEL_REASON": ""}, "HOTEL_REASON="),
        (("pod", POD), {"HOTEL_OPERATOR": ""}, "HOTEL_OPERATOR=you@company.com"),
        (("pod", "--", "--all"), {}, "is no pod's name"),
        (("person", "nobody"), {}, "is no e-mail address"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(
    words: tuple[str, ...], other: dict[str, str], says: str, cluster_: Cluster, environ: dict[str, str]
) -> None:
    done = isolate(*words, **{**environ, **other})
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert cluster_.read(POD)["labels"] == LABELS


def test_a_pod_that_is_not_there_and_a_cluster_that_does_not_answer(
    cluster_: Cluster, environ: dict[str, str]
) -> None:
    gone = isolate("pod", "gone", **environ)
    assert gone.returncode == 1
    assert "there is no such thing" in gone.stderr
    (cluster_.folder / "away").touch()
    away = isolate("pod", POD, **environ)
    assert away.returncode == 1
    assert "kubectl cluster-info" in away.stderr


@pytest.fixture
async def members(db: Database) -> list[int]:
    """Two owners, the first of them signed in."""
    first = await staff(db, (Role.OWNER, None))
    second = await staff(db, (Role.OWNER, None))
    async with db.transaction() as tx:
        await tx.execute("UPDATE staff SET email = 'eve@company.com' WHERE id = $1", first)
        await tx.execute(
            "INSERT INTO staff_session (token_hash, staff_id, level, created_at, last_seen_at, expires_at)"
            " VALUES ('x', $1, 'full', now(), now(), now() + interval '1 day')",
            first,
        )
    return [first, second]


async def test_a_person_is_out_of_everything_and_in_again(
    cluster_: Cluster, environ: dict[str, str], members: list[int], db: Database
) -> None:
    words = ("--without", "database")
    done = isolate("person", "Eve@company.com", *words, **environ)
    assert done.returncode == 0, done.stderr
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT active FROM staff WHERE id = $1", members[0]) is False
        assert await tx.fetchval("SELECT count(*) FROM staff_session") == 0
    shown = timeline(environ)
    assert f"Staff account {members[0]} is locked" in shown
    assert "eve@" not in shown, "who it is stands in the audit log; the timeline goes to a chat"
    assert isolate("person", "eve@company.com", *words, **environ).returncode == 0, "once more"
    back = ("--undo", "--approver", "ana@company.com")
    done = isolate("person", "eve@company.com", *words, *back, **environ)
    assert done.returncode == 0, done.stderr
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT active FROM staff WHERE id = $1", members[0]) is True
    nobody = isolate("person", "no.one@company.com", *words, **environ)
    assert nobody.returncode == 1
    assert "neither a staff account nor access for hours" in nobody.stderr


def test_access_for_hours_goes_although_the_accounts_cannot_be_reached(
    cluster_: Cluster, environ: dict[str, str]
) -> None:
    binding = {
        "metadata": {
            "name": "access:eve",
            "annotations": {"access.hotelbooking.com/person": "eve@company.com"},
        }
    }
    (cluster_.folder / "rolebindings.json").write_text(json.dumps({"items": [binding]}))
    program = cluster_.path / "kubectl"
    program.write_text(
        program.read_text().replace('verb == "logs"', 'verb == "delete":\n    pass\nelif verb == "logs"')
    )
    done = isolate("person", "eve@company.com", "--without", "database", **{**environ, **NOWHERE})
    assert done.returncode == 1
    assert "not quite out: the staff account: the database cannot be reached" in done.stderr
    removed = next(words for words in cluster_.asked() if words[0] == "delete")
    assert removed[1:3] == ["rolebinding", "access:eve"]


async def test_a_key_opens_nothing_any_more(environ: dict[str, str], db: Database) -> None:
    await api_key(db)
    async with db.transaction() as tx:
        number = await tx.fetchval("SELECT id FROM api_key")
    done = isolate("key", str(number), **environ)
    assert done.returncode == 0, done.stderr
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT revoked_at IS NOT NULL FROM api_key")
    assert isolate("key", str(number), **environ).returncode == 0
    assert f"API key {number} opens nothing any more" in timeline(environ)
    none = isolate("key", "4711", **environ)
    assert none.returncode == 1
    assert "there is no such API key" in none.stderr
