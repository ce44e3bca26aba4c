"""Somebody with a machine, who types the runbook's commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hotel_booking.ops import evidence
from hotel_booking.ops.evidence import ITEMS, Evidence, Item, make_key
from tests.release.plane import NAMESPACE, Gateway, Plane

PRIVATE, PUBLIC = make_key()
DIGEST = f"sha256:{'d' * 64}"
SCRIPTS = Path(__file__).parents[2] / "deployment" / "scripts"
BLUE_GREEN, EMERGENCY = SCRIPTS / "blue-green-deploy.sh", SCRIPTS / "emergency-deploy.sh"


class Operator:
    """A machine of one's own, with kubectl, a place for evidence, and a pipeline's key that counts."""

    def __init__(
        self, folder: Path, programs: Path, kubeconfig: Path, ingress: str, name: str = "ana"
    ) -> None:
        self.folder, self._programs = folder / name, programs
        (self.folder / "bin").mkdir(parents=True)
        (self.folder / "signers").write_text(f"pipeline * {PUBLIC}\n")
        venv = Path(sys.executable).parent
        self.environ = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{venv}:{os.environ['PATH']}",
            "KUBECONFIG": str(kubeconfig),
            "HOTEL_OPERATOR": name,
            "HOTEL_INGRESS": ingress,
            "HOTEL_OPS_DIR": str(self.folder / "ops"),
            "HOTEL_SPOOL_DIR": str(self.folder / "spool"),
            "HOTEL_EVIDENCE_SIGNERS": str(self.folder / "signers"),
        }
        self.breaks()

    def breaks(self, what: str = "", act: str = "") -> None:
        """From now on kubectl does `act` (shell; `real` is the real one) when its words match `what`."""
        case = f'case "$*" in {case_of(what)}) {act} ;; esac\n' if what else ""
        real = self._programs / "kubectl"
        self.has("kubectl", f'real() {{ "{real}" "$@"; }}\n{case}exec "{real}" "$@"\n')

    def has(self, program: str, script: str) -> None:
        """A program on this machine, before others of its name."""
        file = self.folder / "bin" / program
        fresh = file.with_suffix(".new")
        fresh.write_text(f"#!/bin/sh\n{script}")
        fresh.chmod(0o755)
        fresh.rename(file)

    def signs(self, tag: str, item: Item, digest: str = DIGEST) -> None:
        """Evidence of the pipeline's."""
        told: dict[str, Any] = {"previous": "20300201-aaaaaaaaaaaa"} if item == "rollback" else {}
        commit = (tag.rpartition("-")[2] if "-" in tag else "c").ljust(40, "c")
        one = Evidence(
            item=item, release=tag, commit=commit, image=digest, passed=True, summary="well",
            made_at=datetime.now(UTC), made_by="pipeline", detail=told,
        )  # fmt: skip
        content = evidence.sign(one, private_key=PRIVATE, signer="pipeline")
        evidence.write(self.folder / "ops" / "evidence" / tag, item, content)

    def passes(self, tag: str) -> None:
        """A release that has passed the checklist."""
        for item in ITEMS:
            self.signs(tag, item)
        done = self.hotel("ops", "preflight", "--release", tag)
        assert done.returncode == 0, done.stdout + done.stderr

    def hotel(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """`hotel-booking …`."""
        return self.run([str(Path(sys.executable).with_name("hotel-booking")), *words], environ)

    def deploy(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """The runbook's command, with seconds instead of minutes."""
        given = ["--namespace", NAMESPACE, "--watch", "3", "--timeout", "6", "--no-git", *words]
        return self.run([str(BLUE_GREEN), *given], environ)

    def release(self, tag: str) -> subprocess.CompletedProcess[str]:
        """Let it pass, and deploy it."""
        self.passes(tag)
        return self.deploy("--image-tag", tag)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """The same, running beside us."""
        command = [str(BLUE_GREEN), "--namespace", NAMESPACE, "--timeout", "6", "--no-git", *words]
        return subprocess.Popen(
            command, env=self.environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=_hears_ctrl_c,
        )  # fmt: skip

    def run(
        self, command: list[str], environ: dict[str, str], *, seconds: float = 240
    ) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        return subprocess.run(
            command, env={**self.environ, **environ}, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, timeout=seconds, preexec_fn=_hears_ctrl_c,
        )  # fmt: skip


def beside(folder: Path, plane: Plane, gateway: Gateway, name: str = "ana") -> Operator:
    """One of a small control plane's."""
    return Operator(folder, plane.programs, plane.operators, f"http://127.0.0.1:{gateway.port}", name)


def case_of(what: str) -> str:
    """A shell's pattern of words."""
    return what.replace(" ", "\\ ")


def _hears_ctrl_c() -> None:
    """Also where the tests run in a shell's background, which has its children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
