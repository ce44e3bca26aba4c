"""Releases as people bring them: by our scripts, from a clone of the repository that Argo CD follows, with an
operator's rights and no more."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hotel_booking.ops.evidence import ITEMS
from hotel_booking.ops.releases import OURS
from tests.cluster import delivery
from tests.cluster.platform import NAMESPACE
from tests.deployment.checkers import ROOT
from tests.deployment.test_deploy_release import SCHEMA, git
from tests.release.operator import DIGEST, Operator
from tests.release.releases import Releases

_SECONDS = "480"  # that each step of a script may take on a slow machine


class ByGit:
    """An operator, Ana, before her clone."""

    def __init__(self, releases: Releases, folder: Path) -> None:
        self.releases = releases
        cluster, origin = releases.cluster, releases.repository
        self.clone = _clone(origin, folder / "clone")
        config = json.loads(cluster.kubeconfig.read_text())
        config["users"][0]["user"] |= {
            "as": "ana",
            "as-groups": ["hotel-booking:operator", "system:authenticated"],
        }
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(config))
        programs = Path(cluster.program(f"kubernetes-{cluster.version}", "kubectl")).parent
        self.ana = Operator(folder, programs, kubeconfig, f"https://127.0.0.1:{cluster.world.ports['https']}")
        self.ana.environ["HOTEL_REPOSITORY"] = str(self.clone)

    def built(self, how: str = "", *, items: Sequence[str] = ITEMS) -> str:
        """A release that the pipeline has built and signed; its tag. `how` it misbehaves is in that."""
        commit = committed(self.clone, OURS.oldest, OURS.newest, OURS.serves).rpartition("-")[2]
        tag = "-".join(part for part in ("20300301", how, commit) if part)
        self.releases.known(tag)
        for item in ITEMS:
            if item in items:
                self.ana.signs(tag, item)
        return tag

    def brought(self, tag: str) -> None:
        """Git says it by scripts/deploy_release, Argo CD has brought it, and it alone serves."""
        image = f"{self.releases.known('first').rpartition(':')[0]}:{tag}@{DIGEST}"
        self.run([str(self.clone / "scripts" / "deploy_release"), "production", image])
        delivery.refresh(self.releases.cluster)
        self.until_serving(tag)

    def until_serving(self, tag: str) -> None:
        """Guests get it alone, and Argo CD has brought what Git says."""
        self.releases.until_serving(tag)
        self.releases.cluster.until(f"Git and the cluster say {tag}", lambda: self.agreed(tag), 180)

    def agreed(self, tag: str) -> bool:
        """Whether Git says this release, and Argo CD has brought it to what it keeps."""
        synced, healthy, _ = delivery.state(self.releases.cluster)
        images = [self.releases.image(name) for name in ("hotel-booking", "hotel-booking-worker")]
        return (synced, healthy) == ("Synced", "Healthy") and all(f":{tag}@" in image for image in images)

    def run(self, command: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
        """Ana's command to its end, which is a good one."""
        done = self.ana.run(command, environ, seconds=1200)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def script(self, name: str, *words: str, watch: int = 10) -> list[str]:
        """A script of the runbook, with its times on a small machine."""
        script = ROOT / "deployment" / "scripts" / name
        given = ("--namespace", NAMESPACE, "--watch", str(watch), "--timeout", _SECONDS)
        return [str(script), *given, *words]


def committed(clone: Path, oldest: str, newest: str, serves: str) -> str:
    """A release whose commit differs from the one before, and which declares these schemas; its tag."""
    git(clone, "pull", "--quiet", "--rebase", "origin", "main")
    log, schema = clone / "changes", clone / SCHEMA
    log.write_text((log.read_text() if log.exists() else "") + "more\n")
    schema.parent.mkdir(parents=True, exist_ok=True)
    schema.write_text(f'OLDEST, NEWEST, SERVES = "{oldest}", "{newest}", "{serves}"\n')
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "A fix")
    git(clone, "push", "--quiet", "origin", "HEAD:main")
    return f"20300301-{git(clone, 'rev-parse', 'HEAD')[:12]}"


def _clone(origin: delivery.Repository, folder: Path) -> Path:
    """With the scripts, whose tools are installed once, in the checkout."""
    scripts = {
        "scripts/deploy_release": (ROOT / "scripts" / "deploy_release").read_text(),
        "scripts/deploy_tools": f'#!/bin/sh\nexec "{ROOT}/scripts/deploy_tools"\n',
        "deployment/scripts/ops": f'#!/bin/sh\nexec "{ROOT}/deployment/scripts/ops" "$@"\n',
    }
    for name, text in scripts.items():
        file = origin.path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
    origin.commit("What releases are brought with")
    # It is no bare repository: a push changes its files too.
    git(origin.folder, "config", "receive.denyCurrentBranch", "updateInstead")
    git(origin.folder, "clone", "--quiet", origin.url, str(folder))
    return folder
