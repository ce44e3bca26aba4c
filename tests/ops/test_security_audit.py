"""The security audit: what each check finds, that it passes, and that it never passes what it did not see."""

from __future__ import annotations

import http.server
import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.ops.security import cluster, code
from hotel_booking.ops.security.checks import Check, NotChecked, Surroundings, run
from hotel_booking.ops.security.site import site
from tests.clients.command_line import command
from tests.clients.http_client import api_key
from tests.clients.staff_client import staff
from tests.clients.waiting import wait_until
from tests.factories.certificates import certificate
from tests.ops.test_ops_cli import SCRIPTS, wrapper

BY_NAME = {check.name: check for check in (*code.CHECKS, *cluster.CHECKS)}
ADVISORY = {"name": "left", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
ZIZMOR = {"ident": "template-injection", "desc": "code by template", "locations": []}
# By check: the program's name, what it prints when all is well, and what it prints of something wrong.
SAYS: list[tuple[str, str, Any, Any]] = [
    ("dependencies", "pip-audit", {"dependencies": [{**ADVISORY, "vulns": []}]},
     {"dependencies": [ADVISORY]}),
    ("browser dependencies", "npm", {"vulnerabilities": {}},
     {"vulnerabilities": {"left-pad": {"range": "<2", "severity": "high"}}}),
    ("image", "trivy", {"Results": [{}]},
     {"Results": [{"Vulnerabilities": [
         {"PkgName": "openssl", "VulnerabilityID": "CVE-1", "Severity": "HIGH"}]}]}),
    ("code", "bandit", {"errors": [], "results": []},
     {"errors": [], "results": [
         {"filename": "a.py", "line_number": 3, "test_id": "B602", "issue_text": "a shell"}]}),
    ("own rules", "semgrep", {"errors": [], "paths": {"scanned": ["a"]}, "results": []},
     {"errors": [], "paths": {"scanned": ["a"]},
      "results": [{"path": "a.py", "start": {"line": 1}, "extra": {"message": "a shell"}}]}),
    ("containerfile", "hadolint", [],
     [{"file": "Containerfile", "line": 1, "code": "DL3007", "message": "latest"}]),
    ("infrastructure", "checkov",
     {"summary": {"passed": 9, "parsing_errors": 0}, "results": {"failed_checks": []}},
     {"summary": {"passed": 9, "parsing_errors": 0},
      "results": {"failed_checks": [
          {"file_path": "main.tf", "check_id": "CKV_AWS_24", "resource": "open"}]}}),
    ("workflows", "zizmor", [], [ZIZMOR]),
]  # fmt: skip
# What a scanner prints that did not look although it ended well.
LOOKED_AT_NOTHING: list[tuple[str, Any]] = [
    ("dependencies", {"dependencies": [{"name": "left", "skip_reason": "could not be audited"}]}),
    ("dependencies", {"dependencies": []}),
    ("browser dependencies", {"error": {"summary": "the registry does not answer"}}),
    ("code", {"errors": ["a.py: syntax"], "results": []}),
    ("own rules", {"errors": [], "paths": {"scanned": []}, "results": []}),
    ("own rules", {"errors": [{"message": "no rules"}], "paths": {"scanned": ["a"]}, "results": []}),
    ("infrastructure", {"summary": {"passed": 0, "parsing_errors": 0}, "results": {"failed_checks": []}}),
    ("infrastructure", {"summary": {"passed": 9, "parsing_errors": 2}, "results": {"failed_checks": []}}),
    ("containerfile", "nothing that is JSON"),
]
PROGRAM = {name: program for name, program, _, _ in SAYS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout with nothing in it but programs that a test writes."""
    (tmp_path / ".venv-deploy" / "tools").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    written(tmp_path / "bin" / "uv", "exit 0")
    return tmp_path


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    return Surroundings(folder, {"PATH": f"{folder / 'bin'}:/usr/bin:/bin"}, "", 20)


def ended(process: int) -> bool:
    """Whether it is gone, or only waits to be buried."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def written(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def says(folder: Path, program: str, answer: Any, ends_with: int = 0) -> None:
    """Have a program answer so."""
    (folder / f"{program}.json").write_text(answer if isinstance(answer, str) else json.dumps(answer))
    script = f"cat '{folder}/{program}.json'\nexit {ends_with}"
    written(folder / "bin" / program, script)
    written(folder / ".venv-deploy" / "tools" / program, script)


@pytest.mark.parametrize(("name", "program", "well", "wrong"), SAYS, ids=[one[0] for one in SAYS])
def test_a_scanner_passes_finds_and_is_missed(
    name: str, program: str, well: Any, wrong: Any, here: Surroundings, folder: Path
) -> None:
    says(folder, program, well)
    assert run(BY_NAME[name], here).outcome == "passed"
    says(folder, program, wrong, ends_with=0 if program in ("zizmor", "trivy") else 1)
    found = run(BY_NAME[name], here)
    assert (found.outcome, len(found.findings)) == ("findings", 1), found
    says(folder, program, well, ends_with=2)
    broken = run(BY_NAME[name], here)
    assert broken.outcome == "not checked"
    assert program in broken.why
    for place in (folder / "bin", folder / ".venv-deploy" / "tools"):
        written(place / program, f"sleep 60 & echo $! > '{folder}/child'; wait")
    assert "did not end" in run(BY_NAME[name], here._replace(seconds=1)).why
    child = int((folder / "child").read_text())
    wait_until(lambda: ended(child), seconds=20)
    (folder / "bin" / program).unlink()
    (folder / ".venv-deploy" / "tools" / program).unlink()
    absent = run(BY_NAME[name], here._replace(environ={"PATH": str(folder / "bin")}))
    if program != "npm":  # a machine may have one of its own
        assert absent.outcome == "not checked"


@pytest.mark.parametrize(("name", "answer"), LOOKED_AT_NOTHING)
def test_a_scanner_that_looked_at_nothing_is_no_pass(
    name: str, answer: Any, here: Surroundings, folder: Path
) -> None:
    says(folder, PROGRAM[name], answer)
    found = run(BY_NAME[name], here)
    assert found.outcome == "not checked"
    assert found.why


def test_a_secret_in_the_history_is_found_and_a_part_of_the_history_is_no_pass(
    here: Surroundings, folder: Path
) -> None:
    written(folder / "bin" / "git", "echo false")
    report = json.dumps(
        [{"File": "a.env", "StartLine": 1, "Commit": "0123456789abcdef", "Description": "an AWS key"}]
    )
    # The report stands where the option says.
    tool = folder / ".venv-deploy" / "tools" / "gitleaks"
    written(tool, f'for last in "$@"; do :; done\ncat > "$last" <<\'END\'\n{report}\nEND\nexit 1')
    found = run(BY_NAME["secrets"], here)
    assert found.findings == ("a.env:1 of 0123456789ab: an AWS key",)
    written(tool, 'for last in "$@"; do :; done\necho "[]" > "$last"')
    assert run(BY_NAME["secrets"], here).outcome == "passed"
    written(tool, "exit 0")
    assert run(BY_NAME["secrets"], here).outcome == "not checked", "no report"
    written(folder / "bin" / "git", "echo true")
    assert "shallow" in run(BY_NAME["secrets"], here).why


def test_access_beyond_what_was_meant_is_found(here: Surroundings, folder: Path) -> None:
    expected = folder / cluster.EXPECTED
    expected.parent.mkdir(parents=True)
    head = "Resources  Non-Resource URLs  Resource Names  Verbs"
    pods, gone = "pods  []  []  [get list]", "services  []  []  [list]"
    # Whoever is asked about by a role's name may look at pods.
    written(
        folder / "bin" / "kubectl",
        f'echo "{head}"\ncase "$*" in *hotel-booking:dba*kube-system*|*kube-system*hotel-booking:dba*) ;;'
        f' *hotel-booking:dba*) echo "{pods}" ;; esac',
    )
    meant = f"dba in {cluster.NAMESPACE}: "
    expected.write_text(f"{meant}{pods}\n")
    assert run(BY_NAME["access to the cluster"], here).outcome == "passed"
    expected.write_text(f"{meant}{gone}\n")
    found = run(BY_NAME["access to the cluster"], here)
    more, less = f"may, and should not: {meant}{pods}", f"may not, and should: {meant}{gone}"
    assert found.findings == (" ".join(more.split()), " ".join(less.split()))
    written(folder / "bin" / "kubectl", "echo no route to host >&2\nexit 1")
    assert "no route to host" in run(BY_NAME["access to the cluster"], here).why


def test_without_a_checkout_its_checks_did_not_look() -> None:
    nowhere = Surroundings(None, dict(os.environ), "", 20)
    assert {run(check, nowhere).outcome for check in code.CHECKS if check.name != "image"} == {"not checked"}


def test_a_check_that_breaks_is_no_pass_and_the_others_go_on(here: Surroundings) -> None:
    def broken(_: Surroundings) -> Iterator[str]:
        yield "one thing"
        raise KeyError("results")

    found = run(Check("broken", "broken", broken), here)
    assert found.outcome == "findings", "what it had seen is said all the same"
    assert "KeyError" in found.why

    def endless(_: Surroundings) -> Iterator[str]:
        while True:
            yield from ()

    found = run(Check("endless", "endless", endless), here._replace(seconds=0.2))
    assert (found.outcome, found.why) == ("not checked", "it did not end within 0.2 s")


def test_manifests_are_held_to_the_policy(here: Surroundings, folder: Path) -> None:
    tests = folder / ".venv" / "bin" / "pytest"
    tests.parent.mkdir(parents=True)
    written(tests, "echo 70 passed")
    assert run(BY_NAME["manifests"], here).outcome == "passed"
    written(tests, "echo 'FAILED tests/x.py::test_y - Deployment web: runs as root'\nexit 1")
    assert "runs as root" in run(BY_NAME["manifests"], here).findings[0]
    written(tests, "exit 1")
    assert run(BY_NAME["manifests"], here).outcome == "not checked"
    tests.unlink()
    assert run(BY_NAME["manifests"], here).fix == "make setup"


GOOD = {
    "content-security-policy": "default-src 'self'; script-src 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "set-cookie": "session=1; HttpOnly; SameSite=Lax",
}


@pytest.fixture
def answering() -> Iterator[Callable[..., str]]:
    """A site that answers with headers of the test's choice, and shows a certificate where it is given
    one."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def answer(
        headers: dict[str, str], pem: Path | None = None, *, page: dict[str, str] | None = None
    ) -> str:
        """`page` is what answers at /en/."""

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response_only(200)
                for name, value in (page if page and self.path == "/en/" else headers).items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if pem is not None:
            shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            shown.load_cert_chain(pem)
            server.socket = shown.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
        return f"http{'s' if pem else ''}://127.0.0.1:{server.server_address[1]}"

    yield answer
    for server in servers:
        server.shutdown()
        server.server_close()


def looked(address: str) -> list[str]:
    found = list(site(Surroundings(None, {}, address, 20)))
    assert found.pop(0) == f"{address} is answered without encryption"
    return found


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        (
            {"content-security-policy": "script-src 'self' 'unsafe-inline'; frame-ancestors 'none'"},
            ["scripts into"],
        ),
        ({"content-security-policy": "default-src 'none'; frame-ancestors 'none'"}, []),
        ({"content-security-policy": "default-src https:; frame-ancestors 'none'"}, ["scripts into"]),
        ({"content-security-policy": "img-src 'self'; frame-ancestors 'none'"}, ["scripts into"]),
        ({"content-security-policy": ""}, ["no content-security-policy", "others may frame it"]),
        ({"x-content-type-options": "sniff"}, ["no x-content-type-options"]),
        ({"referrer-policy": ""}, ["no referrer-policy"]),
        ({"server": "nginx/1.22.1"}, ["it tells its version"]),
        ({"set-cookie": "session=1; Path=/"}, ["cookie session lacks httponly, samesite"]),
    ],
)
def test_what_a_site_lacks_is_said(
    changed: dict[str, str], found: Sequence[str], answering: Callable[..., str]
) -> None:
    told = looked(answering(GOOD | changed))
    assert len(told) == len(found), told
    assert all(part in line for part, line in zip(found, told, strict=True)), told


def test_the_page_that_the_root_leads_to_is_looked_at(answering: Callable[..., str]) -> None:
    closed = GOOD | {"content-security-policy": "default-src 'none'; frame-ancestors 'none'"}
    for to in ("/en/", "en/"):
        page = GOOD | {"set-cookie": "session=1; Path=/"}
        (told,) = looked(answering(closed | {"location": to}, page=page))
        assert told == "cookie session lacks httponly, samesite"
    assert looked(answering(closed | {"location": "https://elsewhere.example/"})) == []
    assert looked(answering(closed | {"location": "/"})) == [], "it leads to itself"


@pytest.mark.parametrize(
    ("days", "trusted", "headers", "found"),
    [
        (90, True, {"strict-transport-security": "max-age=31536000"}, []),
        (90, True, {}, ["no strict-transport-security"]),
        (5, True, {"strict-transport-security": "max-age=31536000"}, ["the certificate ends in 5 days"]),
        (90, False, {"strict-transport-security": "max-age=31536000"}, ["does not prove the site"]),
    ],
)
def test_what_a_certificate_lacks_is_said(
    days: int,
    trusted: bool,
    headers: dict[str, str],
    found: Sequence[str],
    answering: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pem = certificate(tmp_path, days + 0.1)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    cookie = {"set-cookie": f"{GOOD['set-cookie']}; Secure"}
    told = list(site(Surroundings(None, {}, answering(GOOD | cookie | headers, pem), 20)))
    assert len(told) == len(found), told
    assert all(part in line for part, line in zip(found, told, strict=True)), told


@pytest.mark.parametrize(
    "address", ["", "ftp://hotel.example", "hotel.example", "http://127.0.0.1:9", "https://127.0.0.1:9"]
)
def test_a_site_that_does_not_answer_is_no_pass(address: str) -> None:
    with pytest.raises(NotChecked):
        list(site(Surroundings(None, {}, address, 5)))


def audited(*words: str, **environ: str) -> tuple[int, dict[str, Any], str]:
    done = command("ops", "security-audit", "--json", *words, seconds=120, **environ)
    return done.returncode, {one["name"]: one for one in json.loads(done.stdout)["checks"]}, done.stderr


async def test_what_is_wrong_in_the_database_is_found(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    environ = {
        "DATABASE_URL": database_url,
        "HOTEL_ENVIRONMENT": "demo",
        "HOTEL_OPS_DIR": str(tmp_path / "ops"),
        "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
    }
    only = [word for name in ("audit log", "keys", "staff") for word in ("--only", name)]
    await api_key(db)
    code_, found, _ = audited(*only, **environ)
    assert {name: one["outcome"] for name, one in found.items()} == {
        "audit log": "passed",
        "keys": "passed",
        "staff": "passed",
    }
    assert code_ == 0
    await staff(db, (Role.OWNER, None))
    async with db.transaction() as tx:
        await tx.execute("UPDATE staff SET password_hash = 'chosen'")
        await tx.execute(
            "UPDATE api_key SET created_at = $1, last_used_at = NULL", utc_now() - timedelta(days=91)
        )
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("GRANT UPDATE ON audit_entry TO PUBLIC")
    sealed = command("audit-log", "seal", seconds=600, **environ)
    assert sealed.returncode == 0, sealed.stderr
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SET session_replication_role = replica")  # past the triggers, as a superuser can
        other.execute(
            "UPDATE audit_entry SET action = 'nothing' WHERE id = (SELECT min(id) FROM audit_entry)"
        )
    page = tmp_path / "report.html"
    code_, found, said = audited(*only, "--only", "database roles", "--html", str(page), **environ)
    assert code_ == 1
    assert found["audit log"]["outcome"] == "findings"
    assert found["keys"]["outcome"] == found["staff"]["outcome"] == "findings"
    assert any(
        "everybody: UPDATE on public.audit_entry" in line for line in found["database roles"]["findings"]
    )
    assert "owner" in found["staff"]["findings"][0]
    assert "1/4" in said
    assert "signs in with a password alone" in page.read_text()
    assert "<script" not in page.read_text()


def test_nothing_to_look_at_is_no_pass(tmp_path: Path) -> None:
    environ = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "HOTEL_ENVIRONMENT": "demo",
        "HOTEL_OPS_DIR": str(tmp_path / "ops"),
        "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
        "HOTEL_PUBLIC_URL": "",
    }
    names = ("audit log", "keys", "staff", "database roles", "access for hours", "site")
    code_, found, _ = audited(*[word for name in names for word in ("--only", name)], **environ)
    assert code_ == 3
    assert {one["outcome"] for one in found.values()} == {"not checked"}
    assert all(one["why"] for one in found.values())


def test_the_script_from_anywhere_and_a_check_that_there_is_not(tmp_path: Path) -> None:
    environ = {"HOTEL_OPS_DIR": str(tmp_path / "ops"), "HOTEL_SPOOL_DIR": str(tmp_path / "spool")}
    done = wrapper(SCRIPTS / "security-audit.sh", "--only", "site", cwd=tmp_path, **environ)
    assert done.returncode == 3, done.stderr
    assert "not checked" in done.stdout
    acts = [json.loads(path.read_text()) for path in (tmp_path / "spool").rglob("*.json")]
    assert [act["action"] for act in acts] == ["ops.security-audit"]
    done = wrapper(SCRIPTS / "security-audit.sh", "--only", "everything", cwd=tmp_path, **environ)
    assert done.returncode == 2
    assert "there is no check 'everything'; there are: dependencies" in done.stderr
    assert (SCRIPTS / "security-audit.sh").stat().st_mode & 0o111
