"""What the reports of tests and scanners say: whether each is a pass, in words. They are read by their names:
`*.xml` is JUnit's, `trivy.json`, `snyk.json`, `bandit.json`, `pip-audit.json`, `gitleaks.json` and
`zizmor.json` are the scanners' own formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLParser

import msgspec

from hotel_booking.core.counting import count
from hotel_booking.ops.refusals import WrongUse

_GRAVE = ("HIGH", "CRITICAL")
_LARGEST = 200_000_000


class Report(msgspec.Struct, frozen=True):
    """What one says. `names` are the tests that passed, of a report of tests."""

    passed: bool
    summary: str
    names: frozenset[str] = frozenset()


def read_report(path: Path, *, image: str) -> Report:
    """What the report says of itself. A scan must be of this `image` (a digest), where it is one of images.
    Raises `WrongUse` for a file that is not there or is no report."""
    kind = "junit" if path.suffix == ".xml" else path.name
    reader = _READERS.get(kind)
    if reader is None:
        known = ", ".join(("*.xml", *(name for name in _READERS if name != "junit")))
        raise WrongUse(f"{path.name} is no report that is known by its name: {known}")
    try:
        if path.stat().st_size > _LARGEST:
            raise WrongUse(f"{path} is too large for a report")
        content = path.read_bytes()
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        return reader(content, image)
    except (msgspec.DecodeError, ParseError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise WrongUse(f"{path} is no report of {kind}: {type(error).__name__}: {error}") from None


def _junit(content: bytes, _image: str) -> Report:
    cases = list(_tree(content).iter("testcase"))
    broken, skipped, names = [], 0, set()
    for case in cases:
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        if case.find("failure") is not None or case.find("error") is not None:
            broken.append(name)
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            names.add(name)
    told = f"{count(len(names), 'test')} passed" + (f", {skipped:,} skipped" if skipped else "")
    if broken:
        return Report(False, f"{len(broken):,} failed ({broken[0]}), {told}", frozenset(names))
    return Report(bool(names), told if names else "no test ran", frozenset(names))


def _tree(content: bytes) -> Element:
    """JUnit's XML has no document type: one that has is refused, and with it what entities can do."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ValueError("it declares a document type")
    parser = XMLParser()  # noqa: S314  # without a document type there are no entities
    parser.feed(content)
    return parser.close()


def _trivy(content: bytes, image: str) -> Report:
    inspected = msgspec.json.decode(content)
    digests = {digest.rpartition("@")[2] for digest in inspected["Metadata"].get("RepoDigests") or ()}
    if inspected["ArtifactType"] != "container_image" or image not in digests:
        return Report(False, f"trivy looked at another image ({', '.join(sorted(digests)) or 'no digest'})")
    results = inspected.get("Results") or []
    grave = [
        found.get("VulnerabilityID") or found.get("ID") or found.get("RuleID", "")
        for result in results
        for kind in ("Vulnerabilities", "Misconfigurations", "Secrets")
        for found in result.get(kind) or ()
        if found.get("Severity") in _GRAVE and found.get("Status") != "PASS"
    ]
    return _found("trivy", grave, count(len(results), "target"))


def _snyk(content: bytes, _image: str) -> Report:
    report = msgspec.json.decode(content)
    projects: list[Any] = report if isinstance(report, list) else [report]
    if any("error" in project for project in projects):
        return Report(False, f"snyk could not look: {projects[0].get('error')}")
    grave = [
        found["id"]
        for project in projects
        for found in project["vulnerabilities"]
        if found["severity"].upper() in _GRAVE
    ]
    return _found("snyk", grave, count(len(projects), "project"))


def _bandit(content: bytes, _image: str) -> Report:
    report = msgspec.json.decode(content)
    if report["errors"]:
        return Report(False, f"bandit could not read {report['errors'][0]['filename']}")
    grave = [
        found["test_id"]
        for found in report["results"]
        if found["issue_severity"] == "HIGH" and found["issue_confidence"] != "LOW"
    ]
    return _found("bandit", grave, count(report["metrics"]["_totals"]["loc"], "line"))


def _pip_audit(content: bytes, _image: str) -> Report:
    packages = msgspec.json.decode(content)["dependencies"]
    unseen = [package["name"] for package in packages if "skip_reason" in package]
    if unseen or not packages:
        return Report(False, f"pip-audit did not look at {', '.join(unseen) or 'anything'}")
    grave = [found["id"] for package in packages for found in package["vulns"]]
    return _found("pip-audit", grave, count(len(packages), "package"))


def _findings(name: str) -> Callable[[bytes, str], Report]:
    def read(content: bytes, _image: str) -> Report:
        report = msgspec.json.decode(content, type=list[dict[str, Any]])
        return _found(
            name, [str(found.get("RuleID") or found.get("ident")) for found in report], "all looked at"
        )

    return read


def _found(scanner: str, grave: list[str], looked_at: str) -> Report:
    if not grave:
        return Report(True, f"{scanner}: nothing ({looked_at})")
    return Report(False, f"{scanner}: {len(grave)} found ({', '.join(sorted(set(grave))[:3])})")


_READERS: Mapping[str, Callable[[bytes, str], Report]] = {
    "junit": _junit,
    "trivy.json": _trivy,
    "snyk.json": _snyk,
    "bandit.json": _bandit,
    "pip-audit.json": _pip_audit,
    "gitleaks.json": _findings("gitleaks"),
    "zizmor.json": _findings("zizmor"),
}
