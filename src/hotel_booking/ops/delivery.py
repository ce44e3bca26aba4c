"""A release through Git: the commit that Argo CD follows, and Argo CD asked to look now."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from hotel_booking.ops.kubectl import Kubectl
from hotel_booking.ops.refusals import Refused

_SCRIPT = "scripts/deploy_release"
_GIT_SECONDS = 180
APPLICATION, ARGO = "hotel-booking", "argocd"


class _Operation(msgspec.Struct):
    phase: str = ""
    message: str = ""


class _Revision(msgspec.Struct):
    status: str = ""
    revision: str = ""


class _Health(msgspec.Struct):
    status: str = ""


class _Images(msgspec.Struct):
    images: list[str] = []


class _Status(msgspec.Struct, rename="camel"):
    sync: _Revision = msgspec.field(default_factory=_Revision)
    health: _Health = msgspec.field(default_factory=_Health)
    operation_state: _Operation = msgspec.field(default_factory=_Operation)
    summary: _Images = msgspec.field(default_factory=_Images)


class _Application(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)


def checkout(environ: Mapping[str, str]) -> Path | None:
    """The clone of the repository that releases are committed from: HOTEL_REPOSITORY, else the one that this
    command runs from, else the folder it was called in."""
    folders = [Path(__file__).resolve().parents[3], Path.cwd()]
    if chosen := environ.get("HOTEL_REPOSITORY"):
        folders = [Path(chosen)]
    return next((folder for folder in folders if (folder / _SCRIPT).is_file()), None)


def commit(environment: str, image: str, environ: Mapping[str, str]) -> str:
    """Have Git say that the environment runs this image (`REPOSITORY:TAG@DIGEST`), and what that said. Raises
    `Refused` with the command that would do it."""
    return _scripted(environment, image, environ).splitlines()[-1]


def running(environment: str, environ: Mapping[str, str]) -> str:
    """The release that Git says the environment runs. Raises `Refused`."""
    return _scripted(environment, "--running", environ)


def _scripted(environment: str, word: str, environ: Mapping[str, str]) -> str:
    by_hand = f"  {_SCRIPT} {environment} {word}"
    folder = checkout(environ)
    if folder is None:
        raise Refused(
            "Git cannot be told or asked: there is no clone of the repository here",
            "In a clone that may push to main:",
            by_hand,
        )
    try:
        done = subprocess.run(  # noqa: S603  # our own script, of our own clone
            [str(folder / _SCRIPT), environment, word],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"Git took more than {_GIT_SECONDS} s", "Once more:", by_hand) from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-800:]
        raise Refused(f"Git was not told: {said}", "When that is mended:", by_hand)
    return done.stdout.strip()


def refresh(environ: Mapping[str, str]) -> None:
    """Have Argo CD look for the commit now, not at its next round. Raises `Refused`."""
    argo = Kubectl(ARGO, environ=environ)
    argo.run(*("annotate", "application", APPLICATION, "--overwrite"), "argocd.argoproj.io/refresh=hard")


def until_delivered(
    image: str, environ: Mapping[str, str], *, seconds: float, say: Callable[[str], None]
) -> None:
    """Argo CD has brought the image, and all that it keeps is healthy. Raises `Refused` with how far it
    came."""
    argo = Kubectl(ARGO, environ=environ)
    until, told = time.monotonic() + seconds, ""
    while True:
        status = argo.get("application", APPLICATION, _Application).status
        state = f"{status.sync.status} {status.health.status} {status.operation_state.phase}".strip()
        if state != told:
            say(f"Argo CD: {state}")
            told = state
        if state == "Synced Healthy Succeeded" and image in status.summary.images:
            return
        if time.monotonic() > until or status.operation_state.phase in ("Failed", "Error"):
            raise Refused(
                f"Argo CD has not brought it: {state} {status.operation_state.message[:500]}".strip(),
                "See what it waits for:",
                f"  kubectl describe application {APPLICATION} -n {ARGO}",
            )
        time.sleep(2)
