"""Access for hours on a real Kubernetes API server and a real PostgreSQL: before, during and after, by the
commands as they are typed; with the reaper as its ServiceAccount may, and with the reaper dead.

A control plane of its own, without nodes: nothing of it needs a pod.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from hotel_booking import migrations
from hotel_booking.ops.access import preparing
from hotel_booking.ops.access.bindings import USER, ByKubectl
from hotel_booking.ops.access.database import Login
from hotel_booking.ops.access.granting import Places, grant
from hotel_booking.ops.access.in_pod import InPod
from hotel_booking.ops.access.listing import listed
from hotel_booking.ops.access.reaping import reap
from hotel_booking.ops.access.terms import Grant
from hotel_booking.ops.evidence import make_key
from hotel_booking.ops.kubectl import Forbidden, Kubectl
from hotel_booking.ops.kubernetes import Api, ApiError
from tests.cluster import control, stores, toolchain
from tests.cluster.cluster import Cluster
from tests.cluster.first import BRIDGE
from tests.cluster.platform import NAMESPACE

ROOT = Path(__file__).parents[2]
ACCESS = ROOT / "deployment" / "kubernetes" / "base" / "access"
JOHN, JANE, ANN = "john.doe@company.com", "jane.roe@company.com", "ann.poe@company.com"
_REAPER = "hotel-booking-access-reaper"


@pytest.fixture(scope="module")
def bare() -> Iterator[Cluster]:
    """An API server and a migrated database, prepared for access, with the roles of the manifests."""
    cluster = Cluster(os.environ.get("KUBERNETES", "1.34"), seconds=900)
    try:
        cluster.world.open({"database": stores.DATABASE}, {"api": f"{BRIDGE}:6443"})
        control.write_kubeconfig(cluster.kubeconfig, f"https://127.0.0.1:{cluster.world.ports['api']}")
        (cluster.folder / "pods").mkdir()
        kubectl = Path(cluster.program(f"kubernetes-{cluster.version}", "kubectl"))
        control.start_control_plane(
            cluster.world, cluster.authority, kubectl.parent, toolchain.programs("kubelet-streams")
        )
        stores.start_database(cluster.world, cluster.authority)
        database = stores.administrator(cluster.world)
        migrations.upgrade(database.replace("postgres@", f"{stores.USER}@"))
        preparing.prepare(database, stores.ACCESS_PASSWORD)
        cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}])
        written = [one for file in ACCESS.glob("*.yaml") for one in yaml.safe_load_all(file.read_text())]
        kinds = ("Role", "RoleBinding", "ServiceAccount")
        cluster.apply([_placed(one) for one in written if one["kind"] in kinds])
        yield cluster
    finally:
        cluster.stop()


def _placed(one: dict[str, Any]) -> dict[str, Any]:
    """With the namespace that kustomize writes into it."""
    for each in (one["metadata"], *one.get("subjects", [])):
        if each.get("kind", "ServiceAccount") == "ServiceAccount":
            each["namespace"] = NAMESPACE
    return one


@pytest.fixture
def environ(bare: Cluster, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A person who administers the cluster, and an approver. Nothing of what is granted stays."""
    private, public = make_key()
    (tmp_path / "approvers").write_text(f"{ANN} operator,dba {public}\n")
    kubectl = Path(bare.program(f"kubernetes-{bare.version}", "kubectl"))
    given = {
        "PATH": f"{kubectl.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "KUBECONFIG": str(bare.kubeconfig),
        "HOTEL_OPERATOR": JANE,
        "HOTEL_ACCESS_DATABASE_URL": stores.administrator(bare.world),
        "HOTEL_ACCESS_APPROVERS": str(tmp_path / "approvers"),
        "HOTEL_ACCESS_KEY": private,
        "HOTEL_OPS_DIR": str(tmp_path / "ops"),
        "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
    }
    yield given
    typed("revoke-access.sh", "--user", JOHN, environ=given)


@pytest.fixture
def places(environ: dict[str, str]) -> Places:
    bindings = ByKubectl(Kubectl(NAMESPACE, environ=environ))
    return Places(database=environ["HOTEL_ACCESS_DATABASE_URL"], bindings=bindings, environ=environ, who=JANE)


@pytest.fixture
def account(bare: Cluster, tmp_path: Path) -> Path:
    """What the kubelet puts into the reaper's pod: its own token, with its own rights."""
    account = tmp_path / "account"
    account.mkdir()
    token = bare.kubectl("create", "token", _REAPER, "-n", NAMESPACE).stdout
    (account / "token").write_text(token)
    (account / "namespace").write_text(NAMESPACE)
    shutil.copy(bare.authority.folder / "ca.crt", account / "ca.crt")
    return account


def asked(port: int, account: Path) -> InPod:
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(port)}
    return InPod(Api.in_pod(environ, account))


@pytest.fixture
def pod(bare: Cluster, account: Path) -> InPod:
    """The API server as the reaper's pod has it."""
    return asked(bare.world.ports["api"], account)


def typed(script: str, *words: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A script of deployment/scripts, as somebody types it where no terminal is."""
    return subprocess.run(
        [str(ROOT / "deployment" / "scripts" / script), *words],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def may(cluster: Cluster, person: str, *what: str) -> bool:
    who = (f"--as={USER}{person}", "--as-group=system:authenticated", "-n", NAMESPACE)
    return cluster.kubectl("auth", "can-i", *what, *who, check=False).returncode == 0


def nearly_over(role: str, *, seconds: float) -> Grant:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return Grant(
        person=JOHN, role=role, granted_at=until - timedelta(minutes=15), until=until, requested_by=JANE
    )


def session(bare: Cluster, login: Login) -> psycopg.Connection:
    """By password: over TCP where the pods would come from, so from inside; here by the socket, as them."""
    url = stores.administrator(bare.world).replace("postgres@", f"{login.user.replace('@', '%40')}@")
    return psycopg.connect(url, password=login.password, autocommit=True)


def test_the_runbooks_own_commands_before_during_and_after(bare: Cluster, environ: dict[str, str]) -> None:
    assert not may(bare, JOHN, "get", "pods")
    words = ("--user", JOHN, "--role", "read-only", "--duration", "4h")
    done = typed("grant-access.sh", *words, environ=environ)
    assert done.returncode == 0, done.stderr
    assert f"{JOHN} has read-only until" in done.stdout
    assert "no AWS is configured" in done.stderr
    assert may(bare, JOHN, "get", "pods")
    for refused in (
        ("get", "secrets"),
        ("create", "pods", "--subresource=exec"),
        ("patch", "deployments"),
        ("create", "rolebindings.rbac.authorization.k8s.io"),
    ):
        assert not may(bare, JOHN, *refused), refused
    file = Path(environ["HOTEL_OPS_DIR"]) / "access" / f"{JOHN}.env"
    assert file.stat().st_mode & 0o077 == 0
    assert "PGPASSWORD=" in file.read_text()
    assert "PGPASSWORD" not in done.stdout + done.stderr

    shown = typed("ops", "access", "list", "--json", environ=environ)
    assert shown.returncode == 0, shown.stderr
    line = json.loads(shown.stdout)["lines"][0]
    assert (line["person"], line["role"], line["kubernetes"], line["database"]) == (
        JOHN,
        "read-only",
        True,
        True,
    )

    done = typed("revoke-access.sh", "--user", JOHN, environ=environ)
    assert done.returncode == 0, done.stderr
    assert not may(bare, JOHN, "get", "pods")
    assert not file.exists()
    again = typed("revoke-access.sh", "--user", JOHN, environ=environ)
    assert again.returncode == 1
    assert f"{JOHN} has no access" in again.stderr
    acts = [json.loads(file.read_text()) for file in Path(environ["HOTEL_SPOOL_DIR"]).glob("*.json")]
    outcomes = {(act["action"], act["detail"]["outcome"]) for act in acts}
    assert {("ops.access.grant", "granted"), ("ops.access.revoke", "revoked")} <= outcomes
    assert "PGPASSWORD" not in json.dumps(acts)


def test_an_operator_needs_somebody_else(bare: Cluster, environ: dict[str, str]) -> None:
    words = ("--user", JOHN, "--role", "operator", "--duration", "2h")
    done = typed("grant-access.sh", *words, "--reason", "a stuck worker", environ=environ)
    assert done.returncode == 2
    asked = next(line for line in done.stderr.splitlines() if "access approve" in line).split()
    assert not may(bare, JOHN, "delete", "pods")
    approved = typed("ops", *asked[2:], environ=environ | {"HOTEL_OPERATOR": ANN})
    assert approved.returncode == 0, approved.stderr
    environ["HOTEL_ACCESS_APPROVAL"] = approved.stdout.strip()
    done = typed("grant-access.sh", *words, "--reason", "a stuck worker", environ=environ)
    assert done.returncode == 0, done.stderr
    assert f"approved by {ANN}" in done.stdout
    assert may(bare, JOHN, "delete", "pods")
    assert may(bare, JOHN, "create", "pods", "--subresource=exec")
    assert not may(bare, JOHN, "get", "secrets")
    typed("revoke-access.sh", "--user", JOHN, environ=environ)
    done = typed("grant-access.sh", *words, "--reason", "once more", environ=environ)
    assert done.returncode == 1
    assert "was used already" in done.stderr
    assert not may(bare, JOHN, "delete", "pods")


def test_with_the_reaper_dead_and_then_alive(bare: Cluster, places: Places, pod: InPod) -> None:
    """What holds by itself, and what does not: an open session and the RoleBinding go on, and are told of."""
    given = grant(nearly_over("operator", seconds=4), places)
    assert given.login is not None
    open_session = session(bare, given.login)
    assert may(bare, JOHN, "delete", "pods")
    time.sleep(4.5)
    assert open_session.execute("SELECT 1").fetchone() == (1,), "a session outlives VALID UNTIL"
    assert may(bare, JOHN, "delete", "pods"), "Kubernetes knows no end"
    found = listed(places, now=datetime.now(UTC)).lines
    assert [(line.person, line.expired, line.sessions) for line in found] == [(JOHN, True, 1)]

    done = reap(database=places.database, bindings=pod, now=datetime.now(UTC))
    assert (done.ended, done.problems) == ([JOHN], [])
    assert not may(bare, JOHN, "delete", "pods")
    assert not may(bare, JOHN, "get", "pods")
    with pytest.raises(psycopg.OperationalError):
        open_session.execute("SELECT 1")
    assert listed(places, now=datetime.now(UTC)).lines == []
    assert bare.get("rolebindings", NAMESPACE, "hotel-booking-operator"), "the groups' own stay"


def test_what_the_reaper_cannot_ask_stays_on_the_list(
    bare: Cluster, places: Places, pod: InPod, account: Path
) -> None:
    grant(nearly_over("read-only", seconds=1), places)
    time.sleep(1.2)
    away = asked(1, account)
    done = reap(database=places.database, bindings=away, now=datetime.now(UTC))
    assert done.ended == []
    assert any("does not answer" in problem for problem in done.problems)
    assert [line.expired for line in listed(places, now=datetime.now(UTC)).lines] == [True]
    assert reap(database=places.database, bindings=pod, now=datetime.now(UTC)).ended == [JOHN]


def test_with_the_database_down_kubernetes_is_given_and_listed_later(
    bare: Cluster, places: Places, pod: InPod
) -> None:
    nowhere = Places(
        database="postgresql://nobody@127.0.0.1:1/none", bindings=places.bindings, environ={}, who=JANE
    )
    until = datetime.now(UTC) + timedelta(hours=1)
    wanted = Grant(
        person=JOHN, role="read-only", granted_at=datetime.now(UTC), until=until, requested_by=JANE
    )
    given = grant(wanted, nowhere)
    assert given.kubernetes
    assert any("does not let us in" in remark for remark in given.remarks)
    assert may(bare, JOHN, "get", "pods")
    assert reap(database=places.database, bindings=pod, now=datetime.now(UTC)).ended == []
    line = listed(places, now=datetime.now(UTC)).lines[0]
    assert (line.person, line.until, line.requested_by) == (JOHN, until, JANE)


def test_a_binding_whose_end_cannot_be_read_is_removed(bare: Cluster, places: Places, pod: InPod) -> None:
    grant(nearly_over("read-only", seconds=3600), places)
    name = f"access:{JOHN}:read-only"
    bare.kubectl(
        "annotate", "rolebinding", name, "-n", NAMESPACE, "--overwrite", "access.hotelbooking.com/until=never"
    )
    reap(database=places.database, bindings=pod, now=datetime.now(UTC))
    assert bare.get("rolebindings", NAMESPACE, name) == []


def test_the_reaper_may_see_and_remove_bindings_and_nothing_else(bare: Cluster, account: Path) -> None:
    user = (f"--as=system:serviceaccount:{NAMESPACE}:{_REAPER}", "-n", NAMESPACE)
    for verb, kind in (
        ("get", "secrets"),
        ("create", "rolebindings"),
        ("patch", "rolebindings"),
        ("list", "pods"),
    ):
        assert bare.kubectl("auth", "can-i", verb, kind, *user, check=False).returncode == 1, (verb, kind)
    folder = account.with_name("elsewhere")  # another namespace with the same token
    shutil.copytree(account, folder)
    (folder / "namespace").write_text("kube-system")
    with pytest.raises(ApiError, match="may not"):
        asked(bare.world.ports["api"], folder).all()


def test_what_kubernetes_refuses_undoes_the_rest(bare: Cluster, environ: dict[str, str]) -> None:
    """Who grants may bind one of the two roles and not the other."""
    rules = [
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings"], "verbs": ["*"]},
        {
            "apiGroups": ["rbac.authorization.k8s.io"],
            "resources": ["roles"],
            "verbs": ["bind"],
            "resourceNames": ["hotel-booking-read-only"],
        },
    ]
    api = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": "half", "namespace": NAMESPACE}
    meta = {"name": "half", "namespace": NAMESPACE}
    bare.apply(
        [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
            {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": meta, "rules": rules},
            {
                "apiVersion": f"{api}/v1",
                "kind": "RoleBinding",
                "metadata": meta,
                "roleRef": {"apiGroup": api, "kind": "Role", "name": "half"},
                "subjects": [subject],
            },
        ]
    )
    config = json.loads(bare.kubeconfig.read_text())
    config["users"][0]["user"]["token"] = bare.kubectl("create", "token", "half", "-n", NAMESPACE).stdout
    (Path(environ["HOME"]) / "half").write_text(json.dumps(config))
    half = Kubectl(NAMESPACE, environ=environ | {"KUBECONFIG": str(Path(environ["HOME"]) / "half")})
    places = Places(
        database=environ["HOTEL_ACCESS_DATABASE_URL"], bindings=ByKubectl(half), environ={}, who=JANE
    )
    with pytest.raises(Forbidden):
        grant(nearly_over("operator", seconds=600), places)
    assert not may(bare, JOHN, "get", "pods")
    assert listed(places, now=datetime.now(UTC)).lines == []
