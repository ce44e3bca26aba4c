"""Terraform on a copy of deployment/terraform, with the provider that this machine has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest

from tests.deployment.checkers import ROOT

TERRAFORM = ROOT / "deployment" / "terraform"
ENVIRONMENTS = ("staging", "production", "dr")
_ONLY_OURS = {"TF_CLI_ARGS", "TF_DATA_DIR", "TF_WORKSPACE"}


def read(path: Path) -> dict[str, Any]:
    """The file, as python-hcl2 reads it, without the quotes that it leaves round texts."""
    with path.open(encoding="utf-8") as file:
        found = _plain(hcl2.load(file))
    assert isinstance(found, dict)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(name): _plain(one) for name, one in value.items() if not name.startswith("__")}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, str) and re.fullmatch(r'"[^"]*"', value):
        return value[1:-1]
    return value


def values(environment: str) -> dict[str, Any]:
    """What environments/<environment>.tfvars says."""
    return read(TERRAFORM / "environments" / f"{environment}.tfvars")


def terraform(
    folder: Path, *arguments: str, environ: Mapping[str, str] | None = None, seconds: float = 900
) -> subprocess.CompletedProcess[str]:
    """Run it in `folder`; what it says is in the result. Where there is no Terraform the test is not run:
    it comes from no registry that our checkers come from."""
    if shutil.which("terraform") is None:
        pytest.skip("there is no terraform on PATH: install 1.11 or newer")
    kept = {name: value for name, value in os.environ.items() if name not in _ONLY_OURS}
    return subprocess.run(
        ["nice", "terraform", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
        env={
            **kept,
            **_configuration(folder),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            **(environ or {}),
        },
    )


def _configuration(folder: Path) -> dict[str, str]:
    """A CLI configuration beside `folder` that takes providers from this machine's mirror, if it has one."""
    mirror = _mirror()
    path = folder.parent / "terraform.rc"
    path.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
        if mirror
        else "",
        encoding="utf-8",
    )
    return {"TF_CLI_CONFIG_FILE": str(path)}


@cache
def _mirror() -> Path | None:
    """The folder of providers, if this machine has one: above registry.terraform.io."""
    found = subprocess.run(
        [
            "find",
            "/",
            "-xdev",
            "(",
            "-path",
            "/proc",
            "-o",
            "-path",
            "/tmp",
            ")",
            "-prune",
            "-o",
            "-name",
            "registry.terraform.io",
            "-type",
            "d",
            "-print",
        ],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\n")
    places = [Path(line).parent for line in found if line and (Path(line) / "hashicorp" / "aws").is_dir()]
    return next((place for place in places if ".terraform" not in place.parts), None)


def copied(target: Path, *, without_ephemeral: bool) -> Path:
    """A copy of deployment/terraform in `target`, ready for `init -backend=false`. Mock providers refuse
    ephemeral resources, and tests must be able to take an environment down again."""
    folder = target / "terraform"
    shutil.copytree(TERRAFORM, folder, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    mocked = 'module "{}" {{\n  source = "./tests/mocks/generated"\n}}\n'
    more = mocked.format("generated") + mocked.format("shared") if without_ephemeral else ""
    (folder / "tests_override.tf").write_text(
        more
        + 'resource "terraform_data" "environment" {\n  lifecycle {\n    prevent_destroy = false\n  }\n}\n'
    )
    return folder


def started(folder: Path) -> Path:
    """The folder, initialised without its backend."""
    done = terraform(folder, "init", "-backend=false", "-input=false", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
