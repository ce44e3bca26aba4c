"""The Pre-Deployment Checklist from signed evidence: what is missing, old, changed, or another's."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hotel_booking.core import schema
from hotel_booking.ops import evidence, preflight, signing
from hotel_booking.ops.evidence import Evidence, Signer, make_key, read_signers
from hotel_booking.ops.preflight import (
    CHECKLIST,
    ExpectedRelease,
    Result,
    evaluate,
    record_pass,
    require_fresh_pass,
)
from hotel_booking.ops.refusals import Refused, WrongUse
from hotel_booking.ops.reports import read_report
from hotel_booking.ops.rollback import read_plan

NOW = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)
COMMIT = "0123456789ab" + "c" * 28
TAG = "20300301-0123456789ab"
IMAGE = "sha256:" + "d" * 64
PRIVATE, PUBLIC = make_key()
SIGNERS = read_signers(f"pipeline * {PUBLIC}")
RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "RUNBOOK.md"

NO_SIGNATURES = json.dumps(
    {"payloadType": evidence.PAYLOAD_TYPE, "payload": "e30=", "signatures": []}
).encode()

PLAN = f"""# Rollback plan
Previous release: 20300201-aaaaaaaaaaaa
Schema: 0008 to {schema.NEWEST}

```bash
# Back
kubectl rollout undo deployment/hotel-booking
```
"""


def put(folder: Path, item: Any, *, key: str = PRIVATE, name: str = "", **changed: Any) -> Path:
    told: dict[str, Any] = {
        "item": item,
        "release": TAG,
        "commit": COMMIT,
        "image": IMAGE,
        "passed": True,
        "summary": "all is well",
        "made_at": NOW - timedelta(minutes=5),
        "made_by": "pipeline",
        "detail": {"previous": "20300201-aaaaaaaaaaaa"} if item == "rollback" else {},
    }
    content = evidence.sign(Evidence(**{**told, **changed}), private_key=key, signer="pipeline")
    return evidence.write(folder, name or item, content)  # type: ignore[arg-type]  # a wrong name is a test's


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all evidence of the release."""
    where = tmp_path / "evidence"
    for item in evidence.ITEMS:
        put(where, item)
    return where


def look(folder: Path, signers: list[Signer] = SIGNERS, **wanted: str) -> Result:
    return evaluate(TAG, folder, signers, now=NOW, wanted=ExpectedRelease(**wanted))


def said(result: Result, item: str) -> str:
    """Why the item alone did not pass."""
    wrong = {finding.item: finding for finding in result.findings if not finding.passed}
    assert set(wrong) == {item}, wrong
    assert wrong[item].commands  # type: ignore[index]  # one of its keys
    return wrong[item].said  # type: ignore[index]  # one of its keys


def test_the_six_items_are_the_runbooks_in_its_order() -> None:
    seed = [
        "All tests passing in CI/CD pipeline",
        "Security scans completed (Snyk, Trivy)",
        "Compliance checks passed",
        "Database migrations tested",
        "Rollback plan documented",
        "Communication sent to stakeholders",
    ]
    assert [check.text for check in CHECKLIST] == seed


def test_with_all_evidence_it_passes(folder: Path) -> None:
    result = look(folder, commit=COMMIT, image=IMAGE, previous="20300201-aaaaaaaaaaaa")
    assert result.passed
    assert [finding.item for finding in result.findings] == [check.item for check in CHECKLIST]
    assert result.findings[0].said == "all is well, 5 minutes ago"
    assert (result.commit, result.image) == (COMMIT, IMAGE)
    assert set(result.evidence) == set(evidence.ITEMS)


@pytest.mark.parametrize("item", [check.item for check in CHECKLIST])
def test_each_item_alone_holds_a_release_back(folder: Path, item: str) -> None:
    (folder / f"{item}.json").unlink()
    assert said(look(folder), item) == "there is no evidence"


def test_without_the_build_nothing_is_known_to_be_this_releases(folder: Path) -> None:
    (folder / "build.json").unlink()
    result = look(folder)
    assert {finding.passed for finding in result.findings} == {False}
    assert result.findings[0].said == "there is no evidence"
    assert result.findings[1].said == "whether it is of this release's commit is not known"


@pytest.mark.parametrize(
    ("item", "changed", "reason"),
    [
        ("tests", {"passed": False, "summary": "3 failed"}, "it did not pass: 3 failed"),
        ("tests", {"commit": "e" * 40}, "it is of another commit, eeeeeeeeeeee and not 0123456789ab"),
        ("security", {"image": "sha256:" + "1" * 64}, "it is of another image"),
        (
            "migrations",
            {"release": "20300228-ffffffffffff"},
            "it is of another release, 20300228-ffffffffffff",
        ),
        ("security", {"made_at": NOW - timedelta(hours=25)}, "it is 25 hours old, and counts for 24 hours"),
        ("compliance", {"made_at": NOW - timedelta(days=31)}, "it is 31 days old, and counts for 30 days"),
        ("communication", {"made_at": NOW + timedelta(hours=1)}, "it is from the future"),
    ],
)
def test_evidence_that_does_not_count(folder: Path, item: str, changed: dict[str, Any], reason: str) -> None:
    put(folder, item, **changed)
    assert said(look(folder), item).startswith(reason)


def test_evidence_of_one_item_is_not_anothers(folder: Path) -> None:
    put(folder, "tests", name="security")
    assert said(look(folder), "security") == "security.json does not count: it is evidence of tests"


def test_changed_evidence_is_seen(folder: Path) -> None:
    put(folder, "tests", passed=False, summary="3 failed")
    path = folder / "tests.json"
    envelope = json.loads(path.read_text())
    payload = json.loads(base64.b64decode(envelope["payload"]))
    payload |= {"passed": True, "summary": "all passed"}
    envelope["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    path.write_text(json.dumps(envelope))
    assert "its signature (pipeline) is not valid: it was changed" in said(look(folder), "tests")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"payloadType": "application/vnd.hotel-booking.evidence+json", "payload": "!", "signatures": []}',
        NO_SIGNATURES,
        b'{"payloadType": "text/plain", "payload": "e30=", "signatures": [{"keyid": "x", "sig": "e30="}]}',
    ],
)
def test_what_is_no_evidence_is_refused_and_said(folder: Path, content: bytes) -> None:
    (folder / "tests.json").write_bytes(content)
    assert said(look(folder), "tests").startswith("tests.json does not count: it")


def test_a_signature_of_another_kind_of_payload_is_none(folder: Path) -> None:
    """What a key has signed for another purpose cannot be passed off as evidence."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = folder / "tests.json"
    envelope = json.loads(path.read_text())
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(PRIVATE))
    bare = key.sign(base64.b64decode(envelope["payload"]))
    envelope["signatures"] = [{"keyid": "pipeline", "sig": base64.b64encode(bare).decode()}]
    path.write_text(json.dumps(envelope))
    assert "is not valid" in said(look(folder), "tests")


def test_who_may_sign_what_stands_in_the_signers_file(folder: Path) -> None:
    other, public = make_key()
    managers = [*SIGNERS, *read_signers(f"release-managers communication,rollback {public} # people")]
    put(folder, "communication", key=other)
    assert look(folder, managers).passed
    put(folder, "tests", key=other)
    assert said(look(folder, managers), "tests").endswith("release-managers may not sign tests")
    put(folder, "tests", key=make_key()[0])
    assert "the signer is not known" in said(look(folder, managers), "tests")


def test_without_signers_nothing_counts(folder: Path) -> None:
    assert not any(finding.passed for finding in look(folder, []).findings)


def test_the_signers_file_of_the_repository_can_be_read() -> None:
    text = (RUNBOOK.parents[1] / "deployment" / "evidence-signers").read_text()
    read_signers(text)
    for wrong in ("pipeline *", "pipeline * AAAA", f"pipeline everything {PUBLIC}"):
        with pytest.raises(WrongUse, match="line 1"):
            read_signers(wrong)


def test_the_release_is_the_callers(folder: Path) -> None:
    assert "not of eeeeeeeeeeee" in said_of_build(look(folder, commit="e" * 40))
    assert "it is of image" in said_of_build(look(folder, image="sha256:" + "1" * 64))
    assert said(look(folder, previous="20300215-bbbbbbbbbbbb"), "rollback") == (
        "the plan goes back to 20300201-aaaaaaaaaaaa, and 20300215-bbbbbbbbbbbb is what runs"
    )


def test_a_release_is_of_the_commit_that_it_is_named_for(folder: Path) -> None:
    for item in evidence.ITEMS:
        put(folder, item, commit="e" * 40)
    assert "not of the one that the release is named for" in said_of_build(look(folder))


def said_of_build(result: Result) -> str:
    assert result.findings[0].item == "build"
    assert not any(finding.passed for finding in result.findings)
    return result.findings[0].said


# The pass ------------------------------------------------------------------------------------------


def require(home: Path, folder: Path, *, now: datetime = NOW, **wanted: str) -> Result:
    return require_fresh_pass(
        TAG, home=home, folder=folder, signers=SIGNERS, now=now, wanted=ExpectedRelease(**wanted)
    )


def test_a_fresh_pass_lets_deploy(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has not passed") as refusal:
        require(tmp_path, folder)
    assert refusal.value.lines[-1] == f"  hotel-booking ops preflight --release {TAG}"
    record_pass(look(folder), tmp_path)
    assert require(tmp_path, folder, image=IMAGE).passed
    assert require(tmp_path, folder, now=NOW + preflight.PASS_LASTS).passed


def test_an_old_pass_and_one_of_the_future_do_not(folder: Path, tmp_path: Path) -> None:
    record_pass(look(folder), tmp_path)
    for now in (NOW + preflight.PASS_LASTS + timedelta(seconds=1), NOW - timedelta(hours=1)):
        with pytest.raises(Refused, match="counts for 4 hours"):
            require(tmp_path, folder, now=now)


def test_a_pass_holds_only_with_its_evidence(folder: Path, tmp_path: Path) -> None:
    record_pass(look(folder), tmp_path)
    put(folder, "tests", summary="another run")
    with pytest.raises(Refused, match="is not that of the pass"):
        require(tmp_path, folder)
    put(folder, "tests", passed=False, summary="3 failed")
    with pytest.raises(
        Refused, match="no longer holds: All tests passing in CI/CD pipeline: it did not pass"
    ):
        require(tmp_path, folder)
    with pytest.raises(Refused, match="no longer holds"):
        require(tmp_path, folder, image="sha256:" + "1" * 64)


def test_a_pass_written_by_hand_is_worth_nothing(folder: Path, tmp_path: Path) -> None:
    path = record_pass(look(folder), tmp_path)
    (folder / "security.json").unlink()
    with pytest.raises(Refused, match="there is no evidence"):
        require(tmp_path, folder)
    path.write_text("{}")
    with pytest.raises(Refused, match="cannot be read"):
        require(tmp_path, folder)


def test_what_did_not_pass_is_not_recorded_as_a_pass(folder: Path, tmp_path: Path) -> None:
    (folder / "security.json").unlink()
    with pytest.raises(Refused, match="has not passed"):
        record_pass(look(folder), tmp_path)


# Reports and plans ---------------------------------------------------------------------------------

CASE = '<testcase classname="tests.migrations.test_previous_release" name="{}">{}</testcase>'
NEW_SCHEMA = CASE.format("test_the_release_before_passes_its_tests_on_our_schema", "")


def junit(folder: Path, *cases: str, name: str = "junit.xml") -> Path:
    path = folder / name
    path.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    return path


def trivy(*results: dict[str, Any]) -> dict[str, Any]:
    seen = {"RepoDigests": [f"ecr.example/hotel-booking@{IMAGE}"]}
    return {"ArtifactType": "container_image", "Metadata": seen, "Results": list(results)}


def scans(folder: Path, **changed: Any) -> list[Path]:
    """Every scanner's report, with nothing found."""
    told: dict[str, Any] = {
        "trivy": trivy(),
        "pip-audit": {"dependencies": [{"name": "litestar", "version": "2", "vulns": []}]},
        "bandit": {"errors": [], "results": [], "metrics": {"_totals": {"loc": 60_000}}},
        "gitleaks": [],
        "zizmor": [],
    }
    paths = []
    for name, content in {**told, **{key.replace("_", "-"): value for key, value in changed.items()}}.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content))
        paths.append(path)
    return paths


def made(item: Any, *reports: Path, **given: Any) -> Evidence:
    said = signing.Declaration(**{key: given.pop(key) for key in ("plan", "told", "message") if key in given})
    release = signing.named(TAG, COMMIT, IMAGE)
    told: dict[str, Any] = {"expected": (), "by": "pipeline", "now": NOW, **given}
    return signing.make(item, release, reports=reports, said=said, **told)


def test_tests_pass_when_some_ran_and_none_failed(tmp_path: Path) -> None:
    good = CASE.format("test_a", "")
    assert made("tests", junit(tmp_path, good)).passed
    assert made("tests", junit(tmp_path, good)).summary == "1 test passed"
    assert not made("tests", junit(tmp_path, CASE.format("test_a", "<skipped/>"))).passed
    assert not made("tests", junit(tmp_path)).passed
    for broken in ("<failure/>", "<error/>"):
        found = made("tests", junit(tmp_path, good, CASE.format("test_b", broken)))
        assert not found.passed
        assert "test_b" in found.summary


def test_migrations_need_the_release_before_on_the_new_schema(tmp_path: Path) -> None:
    assert made("migrations", junit(tmp_path, NEW_SCHEMA)).passed
    skipped = NEW_SCHEMA.replace("></testcase>", "><skipped/></testcase>")
    found = made("migrations", junit(tmp_path, CASE.format("test_schema", ""), skipped))
    assert not found.passed
    assert found.summary == "the release before was not tried on the new schema"


def test_security_needs_every_scanner_and_snyk_where_it_is_expected(tmp_path: Path) -> None:
    reports = scans(tmp_path)
    found = made("security", *reports)
    assert found.passed, found.summary
    assert set(found.reports) == {path.name for path in reports}
    for left_out in range(len(reports)):
        with pytest.raises(WrongUse, match="security needs --report for"):
            made("security", *(reports[:left_out] + reports[left_out + 1 :]))
    with pytest.raises(WrongUse, match=r"for snyk\.json"):
        made("security", *reports, expected=("snyk",))
    assert made("security", *scans(tmp_path, snyk={"vulnerabilities": []}), expected=("snyk",)).passed


@pytest.mark.parametrize(
    ("scanner", "content"),
    [
        ("trivy", trivy({"Vulnerabilities": [{"VulnerabilityID": "CVE-1", "Severity": "CRITICAL"}]})),
        ("trivy", trivy({"Misconfigurations": [{"ID": "DS002", "Severity": "HIGH", "Status": "FAIL"}]})),
        ("trivy", trivy({"Secrets": [{"RuleID": "aws", "Severity": "HIGH"}]})),
        ("trivy", trivy() | {"ArtifactType": "filesystem"}),
        (
            "trivy",
            {"ArtifactType": "container_image", "Metadata": {"RepoDigests": ["x@sha256:1"]}, "Results": []},
        ),
        ("trivy", {"ArtifactType": "container_image", "Metadata": {}, "Results": []}),
        ("pip_audit", {"dependencies": [{"name": "a", "vulns": [{"id": "PYSEC-1"}]}]}),
        ("pip_audit", {"dependencies": [{"name": "a", "skip_reason": "unknown", "vulns": []}]}),
        ("pip_audit", {"dependencies": []}),
        (
            "bandit",
            {
                "errors": [],
                "results": [{"test_id": "B602", "issue_severity": "HIGH", "issue_confidence": "HIGH"}],
                "metrics": {"_totals": {"loc": 1}},
            },
        ),
        ("bandit", {"errors": [{"filename": "a.py"}], "results": [], "metrics": {}}),
        ("gitleaks", [{"RuleID": "generic-api-key"}]),
        ("zizmor", [{"ident": "template-injection"}]),
        ("snyk", {"vulnerabilities": [{"id": "SNYK-1", "severity": "high"}]}),
        ("snyk", {"error": "no token"}),
    ],
)
def test_what_a_scanner_finds_fails(tmp_path: Path, scanner: str, content: Any) -> None:
    found = made("security", *scans(tmp_path, **{scanner: content}))
    assert not found.passed, found.summary


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("junit.xml", "<testsuites><!DOCTYPE x></testsuites>"),
        ("junit.xml", '<!DOCTYPE x [<!ENTITY a "b">]><testsuites/>'),
        ("junit.xml", "not xml"),
        ("trivy.json", "[]"),
        ("zizmor.json", "{}"),
        ("bandit.json", "{}"),
        ("other.json", "{}"),
    ],
)
def test_what_is_no_report_is_wrong_use(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(WrongUse):
        read_report(tmp_path / name, image=IMAGE)
    with pytest.raises(WrongUse, match="cannot be read"):
        read_report(tmp_path / "missing.xml", image=IMAGE)


def test_a_plan_names_the_release_before_the_schemas_and_commands(tmp_path: Path) -> None:
    path = tmp_path / "plan.md"
    path.write_text(PLAN)
    found = made("rollback", plan=path)
    assert found.summary == f"back to 20300201-aaaaaaaaaaaa, schema 0008 to {schema.NEWEST}, 1 command"
    assert found.detail["previous"] == "20300201-aaaaaaaaaaaa"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace("20300201-aaaaaaaaaaaa", TAG), "the release itself"),
        (lambda text: text.replace("Previous release", "Before"), "Previous release: TAG"),
        (lambda text: text.replace(f"to {schema.NEWEST}", "to 0001"), "the schema ends at"),
        (lambda text: text.replace("0008 to", "9999 to"), "the schema ends at"),
        (lambda text: text.replace("Schema:", "Tables:"), "FROM to TO"),
        (lambda text: text.replace("kubectl", "# kubectl"), "the commands that go back"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(change: Callable[[str], str], reason: str) -> None:
    with pytest.raises(WrongUse) as refusal:
        read_plan(change(PLAN), release=TAG)
    assert reason in "".join(refusal.value.lines)


def test_the_plan_of_the_repository_can_be_followed() -> None:
    read_plan((RUNBOOK.parents[1] / "deployment" / "rollback-plan.md").read_text(), release=TAG)


def test_stakeholders_told_are_named_with_what_they_were_told() -> None:
    found = made("communication", told="front desks, support", message="https://chat.example/1")
    assert found.detail == {"told": "front desks, support", "message": "https://chat.example/1"}
    for missing in ({"told": "front desks"}, {"message": "x"}, {"told": " ", "message": "x"}):
        with pytest.raises(WrongUse, match="needs --told"):
            made("communication", **missing)


def test_evidence_says_what_its_page_says(folder: Path) -> None:
    payload = json.loads(base64.b64decode(json.loads((folder / "tests.json").read_text())["payload"]))
    assert set(payload) == {field.name for field in msgspec.structs.fields(Evidence)}
