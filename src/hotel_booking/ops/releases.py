"""Which schemas of the database a release runs on, asked of Git or of what runs, and which release may follow
which: migrations run while the release before still serves, and it may be gone back to.

A release says it in core/schema.py. What runs carries it as an annotation of its pods' template, because
nobody has Git where a release is gone back from.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec

from hotel_booking.core import schema
from hotel_booking.ops.refusals import Refused, WrongUse

ANNOTATION = "hotel-booking.com/schema"
_FILE = "src/hotel_booking/core/schema.py"
_DECLARED = re.compile(r'^OLDEST, NEWEST, SERVES = "(\d{4})", "(\d{4})", "(\d{4})"$', re.MULTILINE)
_ANNOTATED = re.compile(r"(\d{4})-(\d{4})-(\d{4})")
_TAG = re.compile(r"(?:[A-Za-z0-9_.-]*-)?([0-9a-f]{7,40})")


class Range(msgspec.Struct, frozen=True):
    """What a release declares: the three of `core.schema`."""

    oldest: str
    newest: str
    serves: str

    def annotation(self) -> str:
        """The annotation's value."""
        return f"{self.oldest}-{self.newest}-{self.serves}"


OURS = Range(schema.OLDEST, schema.NEWEST, schema.SERVES)


def range_of(release: str, *, repository: Path) -> Range:
    """What a release declares, by its image's tag (DATE-COMMIT), from a clone. Raises `WrongUse` for what is
    no such tag, and `Refused` where its commit is not there or declares nothing."""
    named = _TAG.fullmatch(release)
    if named is None:
        raise WrongUse(f"{release!r} names no commit: a release's tag is such as 20260301-0123456789ab")
    commit = named[1]
    done = subprocess.run(  # noqa: S603  # a commit's digits, and nothing else of what was typed
        ["git", "-C", str(repository), "show", f"{commit}:{_FILE}"],  # noqa: S607  # whichever git is installed
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Refused(
            f"which schemas {release} runs on is not known: {done.stderr.strip() or 'git failed'}",
            "Run this in a clone that has its commit. Where the clone is shallow:",
            f"  git -C {repository} fetch --unshallow origin",
        )
    found = _DECLARED.search(done.stdout)
    if found is None:
        raise Refused(f"{release} does not declare which schemas it runs on: it is older than 0009")
    return Range(*found.groups())


def read_annotation(annotations: Mapping[str, str] | None) -> Range | None:
    """What the annotations of a pods' template say; None where they say nothing."""
    found = _ANNOTATED.fullmatch((annotations or {}).get(ANNOTATION, ""))
    return Range(*found.groups()) if found else None


def refuse_unfit(new: Range, *, under: Range, names: tuple[str, str] = ("it", "what runs")) -> None:
    """Raise `Refused` where the two cannot run side by side on what their migrations leave: a release whose
    schema would be contracted under its predecessor, and one that is too old to go back to."""
    new_name, running = names
    if new.newest < under.newest:
        if under.serves > new.newest:
            raise Refused(
                f"{new_name} is of schema {new.newest}, and the schema of {running} serves releases from"
                f" {under.serves} on: it cannot be gone back to",
                "Go back to a release between the two, or forward to a mended one.",
            )
    elif new.serves > under.newest:
        raise Refused(
            f"{new_name} would contract the schema under {running}: it leaves {new.newest}, which serves"
            f" releases from {new.serves} on, and {running} is of {under.newest}",
            f"Deploy a release of schema {new.serves} first, and this one when all of it runs.",
        )


def refuse_too_old(target: Range, found: str, *, name: str = "it") -> None:
    """Raise `Refused` where the schema that there is (what `core.schema.FOUND` gives) has nothing for a
    release to run on."""
    at, serves = schema.read(found)
    if serves > target.newest:
        raise Refused(
            f"{name} is of schema {target.newest}, and the database is at {at}, which serves releases from"
            f" {serves} on"
        )
    if at < target.oldest:
        raise Refused(f"{name} needs schema {target.oldest}, and the database is at {at}: migrate first")
