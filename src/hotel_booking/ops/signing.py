"""Making evidence: what was done for a release, judged from its reports, as a payload to sign."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from hotel_booking.core.counting import count
from hotel_booking.ops.evidence import COMMIT, IMAGE, RELEASE, Evidence, Item
from hotel_booking.ops.refusals import WrongUse, plainly
from hotel_booking.ops.reports import Report, read_report
from hotel_booking.ops.rollback import read_plan

# The scanners whose reports are security's evidence; Snyk only where it is expected, for it needs an account.
SCANNERS = ("trivy.json", "pip-audit.json", "bandit.json", "gitleaks.json", "zizmor.json")
# The tests that the release before has passed on this release's schema: skipped, there is no such evidence.
_ON_THE_NEW_SCHEMA = "test_the_release_before_passes_its_tests_on_our_schema"


class Release(msgspec.Struct, frozen=True):
    """Which release it is about, with its commit and its image's digest."""

    tag: str
    commit: str
    image: str


class Declaration(msgspec.Struct, frozen=True):
    """What a person says who signs: the plan's file, who was told, and what."""

    plan: Path | None = None
    told: str = ""
    message: str = ""


def named(tag: str, commit: str, image: str) -> Release:
    """The release, with everything well formed. Raises `WrongUse`."""
    if not RELEASE.fullmatch(tag):
        raise WrongUse(f"{tag!r} is no release: an image's tag, such as 20260301-0123456789ab")
    if not COMMIT.fullmatch(commit):
        raise WrongUse(f"{commit!r} is no commit: 40 hexadecimal digits, as `git rev-parse` prints them")
    if not IMAGE.fullmatch(image):
        raise WrongUse(f"{image!r} is no image's digest: sha256: and 64 hexadecimal digits")
    return Release(tag, commit, image)


def make(
    item: Item,
    release: Release,
    *,
    reports: Sequence[Path],
    said: Declaration,
    expected: Sequence[str],
    by: str,
    now: datetime,
) -> Evidence:
    """The evidence of an item; one that did not pass is evidence too, of that. `expected` are scanners whose
    reports are wanted beside `SCANNERS`. Raises `WrongUse` for what is missing or cannot be read."""
    detail: dict[str, Any] = {}
    read: dict[str, Report] = {}
    if item == "build":
        summary, passed = f"{release.tag} is {release.commit[:12]}", True
    elif item == "rollback":
        summary, passed, detail = _rollback(said, release)
    elif item == "communication":
        summary, passed, detail = _communication(said)
    else:
        read = {path.name: read_report(path, image=release.image) for path in reports}
        summary, passed = _judged(item, read, expected)
    return Evidence(
        item=item,
        release=release.tag,
        commit=release.commit,
        image=release.image,
        passed=passed,
        summary=summary,
        made_at=now,
        made_by=by,
        reports={path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in reports if read},
        detail=detail,
    )


def _judged(item: Item, read: dict[str, Report], expected: Sequence[str]) -> tuple[str, bool]:
    wanted = {*SCANNERS, *(f"{name}.json" for name in expected)} if item == "security" else set()
    if missing := sorted(wanted - read.keys()):
        raise WrongUse(f"security needs --report for {', '.join(missing)}")
    if not read:
        raise WrongUse(f"{item} needs --report, at least one")
    if item != "security" and (scans := [name for name in read if not name.endswith(".xml")]):
        raise WrongUse(f"{item} is told by reports of tests (*.xml), not by {', '.join(scans)}")
    if broken := [report for report in read.values() if not report.passed]:
        return "; ".join(report.summary for report in broken), False
    if item == "security":
        return "; ".join(report.summary for report in read.values()), True
    names = frozenset().union(*(report.names for report in read.values()))
    if item == "migrations" and not any(_ON_THE_NEW_SCHEMA in name for name in names):
        return "the release before was not tried on the new schema", False
    return f"{count(len(names), 'test')} passed", True


def _rollback(said: Declaration, release: Release) -> tuple[str, bool, dict[str, Any]]:
    if said.plan is None:
        raise WrongUse("rollback needs --plan deployment/rollback-plan.md")
    try:
        text = said.plan.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"{said.plan} cannot be read: {plainly(error)}") from None
    plan = read_plan(text, release=release.tag)
    return (
        f"back to {plan.previous}, schema {plan.oldest} to {plan.newest}, {count(plan.commands, 'command')}",
        True,
        {"previous": plan.previous, "plan": hashlib.sha256(text.encode()).hexdigest()},
    )


def _communication(said: Declaration) -> tuple[str, bool, dict[str, Any]]:
    if not said.told.strip() or not said.message.strip():
        raise WrongUse("communication needs --told (who) and --message (what they were told, or its address)")
    return f"told: {said.told.strip()}", True, {"told": said.told.strip(), "message": said.message.strip()}
