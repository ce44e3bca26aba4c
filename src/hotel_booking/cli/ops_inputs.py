"""What all commands of `hotel-booking ops` take, and where it comes from when the flags do not say."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from hotel_booking.ops.asking import Want, check_all, needed
from hotel_booking.ops.evidence import RELEASE, Signer, read_signers
from hotel_booking.ops.monitoring import files
from hotel_booking.ops.operation import home, tell_audit_log
from hotel_booking.ops.refusals import WrongUse, plainly

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done; nothing is changed.")]
ReleaseTag = Annotated[
    str, typer.Option("--release", help="The release's image tag, such as 20260301-0123456789ab.")
]
EvidenceFolder = Annotated[
    Path | None,
    typer.Option("--evidence", help="The folder of the release's evidence; else HOTEL_OPS_DIR's."),
]
Signers = Annotated[
    Path | None, typer.Option("--signers", help="Whose evidence counts; else deployment/evidence-signers.")
]


RELEASE_TAG = Want("HOTEL_RELEASE", "the release's image tag", "20260301-0123456789ab")


class Inputs(NamedTuple):
    """The release, the folder of its evidence, and whose evidence counts."""

    release: str
    folder: Path
    signers: Sequence[Signer]


def inputs(release: str, evidence: Path | None, signers: Path | None) -> Inputs:
    """Everything, from the flags, the environment or the terminal. Raises `WrongUse`."""
    tag = value_of(RELEASE_TAG, release)
    if not RELEASE.fullmatch(tag):
        raise WrongUse(f"{tag!r} is no release: an image's tag, such as 20260301-0123456789ab")
    return Inputs(tag, evidence or home(os.environ) / "evidence" / tag, signers_of(signers))


def value_of(want: Want, flag: str = "", *, secret: bool = False) -> str:
    """What the flag says, else the environment, else a person on the terminal. Raises `WrongUse`."""
    return flag.strip() or needed(want, environ=os.environ, argv=sys.argv, secret=secret)


def check_values(wants: Sequence[Want]) -> None:
    """Raise `WrongUse` naming all that is missing, where it is more than one value: see `check_all`."""
    check_all(wants, environ=os.environ, argv=sys.argv)


def signers_of(path: Path | None, what: str = "evidence") -> list[Signer]:
    """Whose signatures count, by this file, the environment's or the release's own; of `what`, where that
    cannot be read. Raises `WrongUse`."""
    file = path or Path(os.environ.get("HOTEL_EVIDENCE_SIGNERS") or files().parent / "evidence-signers")
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"whose {what} counts is not known: {file} cannot be read: {plainly(error)}") from None
    return read_signers(text)


def report_to_audit_log(data_dir: Path | None = None) -> None:
    """Tell the audit log what was recorded, or the operator where it waits."""
    from hotel_booking.cli.database import own_spool

    its_own = data_dir is not None and os.environ.get("HOTEL_SPOOL_DIR") == own_spool(data_dir)
    if waits := tell_audit_log(os.environ, data_dir if its_own else None):
        print(waits, file=sys.stderr)
