"""The runbook's Pre-Deployment Checklist, from signed evidence, and the pass that deploying asks for."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from hotel_booking.ops import evidence
from hotel_booking.ops.evidence import Evidence, Item, Signer, Untrusted
from hotel_booking.ops.refusals import Refused, plainly
from hotel_booking.ops.spool import write_whole

# How long a pass lets a release be deployed, and a clock that goes wrong may be ahead.
PASS_LASTS = timedelta(hours=4)
_AHEAD = timedelta(minutes=5)

# A release's name ends with the beginning of its commit, as the pipeline makes it.
_NAMED_FOR_COMMIT = re.compile(r"\d{8}-([0-9a-f]{12})")


class Check(NamedTuple):
    """A line of the runbook's checklist, and how old its evidence may be."""

    item: Item
    text: str
    lasts: timedelta


# What does not change with time is as good as its commit. New weaknesses are known every day; what runs, and
# who has to know, changes with every other release.
CHECKLIST = (
    Check("tests", "All tests passing in CI/CD pipeline", timedelta(days=30)),
    Check("security", "Security scans completed (Snyk, Trivy)", timedelta(hours=24)),
    Check("compliance", "Compliance checks passed", timedelta(days=30)),
    Check("migrations", "Database migrations tested", timedelta(days=30)),
    Check("rollback", "Rollback plan documented", timedelta(days=7)),
    Check("communication", "Communication sent to stakeholders", timedelta(days=7)),
)
_BUILD = Check("build", "Which commit and image the release is", timedelta(days=30))


class Finding(msgspec.Struct, frozen=True):
    """What was found for a line. `commands` would provide what is missing."""

    item: Item
    text: str
    passed: bool
    said: str
    commands: tuple[str, ...] = ()


class Result(msgspec.Struct, frozen=True):
    """The whole checklist. `commit` and `image` are empty where nothing trustworthy names them;
    `evidence` has the SHA-256 of every file that counted."""

    release: str
    commit: str
    image: str
    at: datetime
    findings: tuple[Finding, ...]
    evidence: dict[str, str]

    @property
    def passed(self) -> bool:
        """Whether nothing is missing."""
        return all(finding.passed for finding in self.findings)


class ExpectedRelease(NamedTuple):
    """What the caller knows of the release and the evidence must agree with; empty where it knows nothing."""

    commit: str = ""
    image: str = ""
    previous: str = ""


ANYTHING = ExpectedRelease()


def evaluate(
    release: str,
    folder: Path,
    signers: Sequence[Signer],
    *,
    now: datetime,
    wanted: ExpectedRelease = ANYTHING,
) -> Result:
    """Look at every line of the checklist. Whatever is missing, unknown, changed, old or about another commit
    or image is a line that did not pass, with its reason."""
    findings: list[Finding] = []
    hashes: dict[str, str] = {}
    build: Evidence | None = None
    for check in (_BUILD, *CHECKLIST):
        try:
            found, hashed = _look(check, release, folder, signers, now)
            if check is _BUILD:
                _contradict(found, release, wanted)
                build = found
            else:
                _of_this_release(found, build, wanted)
        except _Lacking as reason:
            provide = _provide(check.item, release, folder)
            findings.append(Finding(check.item, check.text, False, str(reason), provide))
        else:
            hashes[check.item] = hashed
            if check is not _BUILD:
                said = f"{found.summary}, {_age(found, now)} ago"
                findings.append(Finding(check.item, check.text, True, said))
    return Result(
        release, build.commit if build else "", build.image if build else "", now, tuple(findings), hashes
    )


def record_pass(result: Result, home: Path) -> Path:
    """Keep a pass, for `require_fresh_pass`. Raises `Refused` for a result that is none."""
    if not result.passed:
        raise Refused(f"{result.release} has not passed")
    path = _pass_of(home, result.release)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(path, msgspec.json.format(msgspec.json.encode(result)))
    return path


def withdraw_pass(release: str, home: Path) -> None:
    """A checklist that does not pass any more takes the pass back that was recorded before."""
    _pass_of(home, release).unlink(missing_ok=True)


def require_fresh_pass(
    release: str,
    *,
    home: Path,
    folder: Path,
    signers: Sequence[Signer],
    now: datetime,
    wanted: ExpectedRelease = ANYTHING,
) -> Result:
    """The pass that lets this release be deployed now; what every deploying command asks for first.

    A pass counts for `PASS_LASTS`, and only while the very evidence that it was given for is still there and
    still holds: whoever writes a pass by hand has no signatures. Raises `Refused`, with the command that
    makes a new pass."""
    again = f"  hotel-booking ops preflight --release {shlex.quote(release)}"
    path = _pass_of(home, release)
    try:
        given = msgspec.json.decode(path.read_bytes(), type=Result)
    except FileNotFoundError:
        raise Refused(
            f"{release} has not passed the pre-deployment checklist", "Let it pass:", again
        ) from None
    except (OSError, msgspec.DecodeError):
        raise Refused(f"the pass in {path} cannot be read", "Make a new one:", again) from None
    if given.release != release or not given.passed:
        raise Refused(f"the pass in {path} is not one of {release}", "Make a new one:", again)
    if not now - PASS_LASTS <= given.at <= now + _AHEAD:
        hours = PASS_LASTS // timedelta(hours=1)
        raise Refused(
            f"the pass of {release} is of {given.at:%d %B %H:%M} UTC and counts for {hours} hours",
            "Make a new one:",
            again,
        )
    held = evaluate(release, folder, signers, now=now, wanted=wanted)
    if missing := [finding for finding in held.findings if not finding.passed]:
        raise Refused(
            f"the pass of {release} no longer holds: {missing[0].text}: {missing[0].said}",
            "Look again:",
            again,
        )
    if held.evidence != given.evidence:
        raise Refused(f"the evidence in {folder} is not that of the pass", "Look again:", again)
    return held


class _Lacking(Exception):
    """Why there is no evidence that counts."""


def _look(
    check: Check, release: str, folder: Path, signers: Sequence[Signer], now: datetime
) -> tuple[Evidence, str]:
    """The evidence and the SHA-256 of its file; raises `_Lacking`."""
    path = folder / f"{check.item}.json"
    try:
        content = path.read_bytes()
        payload = evidence.read(content, signers)
    except FileNotFoundError:
        raise _Lacking("there is no evidence") from None
    except (OSError, Untrusted) as error:
        raise _Lacking(f"{path.name} does not count: {plainly(error)}") from None
    if payload.item != check.item:
        raise _Lacking(f"{path.name} does not count: it is evidence of {payload.item}")
    if payload.release != release:
        raise _Lacking(f"it is of another release, {payload.release}")
    if payload.made_at > now + _AHEAD:
        raise _Lacking(f"it is from the future: {payload.made_at:%d %B %Y %H:%M} UTC")
    if payload.made_at < now - check.lasts:
        raise _Lacking(f"it is {_age(payload, now)} old, and counts for {_span(check.lasts)}")
    if not payload.passed:
        raise _Lacking(f"it did not pass: {payload.summary}")
    return payload, hashlib.sha256(content).hexdigest()


def _contradict(build: Evidence, release: str, wanted: ExpectedRelease) -> None:
    named = _NAMED_FOR_COMMIT.fullmatch(release)
    if named and not build.commit.startswith(named[1]):
        raise _Lacking(f"it is of commit {build.commit[:12]}, not of the one that the release is named for")
    if wanted.commit and build.commit != wanted.commit:
        raise _Lacking(f"it is of commit {build.commit[:12]}, not of {wanted.commit[:12]}")
    if wanted.image and build.image != wanted.image:
        raise _Lacking(f"it is of image {build.image[:19]}, not of {wanted.image[:19]}")


def _of_this_release(found: Evidence, build: Evidence | None, wanted: ExpectedRelease) -> None:
    """Evidence that is good may be another commit's, or another image's."""
    if build is None:
        raise _Lacking("whether it is of this release's commit is not known")
    if found.commit != build.commit:
        raise _Lacking(f"it is of another commit, {found.commit[:12]} and not {build.commit[:12]}")
    if found.image != build.image:
        raise _Lacking(f"it is of another image, {found.image[:19]} and not {build.image[:19]}")
    previous = found.detail.get("previous")
    if found.item == "rollback" and wanted.previous and previous != wanted.previous:
        raise _Lacking(f"the plan goes back to {previous}, and {wanted.previous} is what runs")


def _provide(item: Item, release: str, folder: Path) -> tuple[str, ...]:
    """The commands that would provide the evidence."""
    tag, where = shlex.quote(release), shlex.quote(str(folder))
    ours = f"hotel-booking ops evidence sign {item} --release {tag}"
    if item == "rollback":
        return (f"{ours} --plan deployment/rollback-plan.md",)
    if item == "communication":
        return (f'{ours} --told "front desks, support" --message "what they were told, or its address"',)
    return (
        f"gh run download --name evidence-{tag} --dir {where}",
        "gh workflow run release.yml --ref main",
    )


def _age(found: Evidence, now: datetime) -> str:
    return _span(max(now - found.made_at, timedelta()))


def _span(time: timedelta) -> str:
    if time >= timedelta(days=2):
        return f"{time.days} days"
    if time >= timedelta(hours=2):
        return f"{time // timedelta(hours=1)} hours"
    minutes = time // timedelta(minutes=1)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def _pass_of(home: Path, release: str) -> Path:
    return home / "passes" / f"{release}.json"
