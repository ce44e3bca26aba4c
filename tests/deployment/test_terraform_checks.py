"""Terraform's own checks, its tests on a mocked AWS, and checkov."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.checkers import check, said
from tests.deployment.terraform import ENVIRONMENTS, TERRAFORM, copied, started, terraform

pytestmark = pytest.mark.deploy


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return started(copied(tmp_path_factory.mktemp("checks"), without_ephemeral=True))


def test_files_are_written_the_one_way(tmp_path: Path) -> None:
    folder = copied(tmp_path, without_ephemeral=False)
    (folder / "tests_override.tf").unlink()
    done = terraform(folder, "fmt", "-check", "-recursive", "-diff")
    assert done.returncode == 0, said(done)
    (folder / "careless.tf").write_text('locals {\na="b"\n}\n')
    assert terraform(folder, "fmt", "-check", "-recursive").returncode != 0


@pytest.mark.parametrize("root", [".", "account"])
def test_it_is_valid(tmp_path: Path, root: str) -> None:
    folder = started(copied(tmp_path, without_ephemeral=False) / root)
    done = terraform(folder, "validate", "-json")
    found = json.loads(done.stdout)
    assert (found["valid"], found["diagnostics"]) == (True, [])


@pytest.mark.parametrize(
    "environment",
    [
        "production",
        *(pytest.param(other, marks=pytest.mark.nightly) for other in ENVIRONMENTS if other != "production"),
    ],
)
def test_an_environment_is_what_it_should_be(whole: Path, environment: str) -> None:
    done = mocked(whole, "environments", environment)
    assert done.returncode == 0, said(done)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["modules", "variables"])
def test_parts_are_what_they_should_be(whole: Path, name: str) -> None:
    done = mocked(whole, name, "production")
    assert done.returncode == 0, said(done)


@pytest.mark.nightly
def test_a_standby_that_sleeps_is_woken_and_not_made_anew(whole: Path) -> None:
    done = mocked(whole, "standby", "dr")
    assert done.returncode == 0, said(done)


def test_a_public_database_is_noticed(tmp_path: Path) -> None:
    folder = copied(tmp_path, without_ephemeral=True)
    path = folder / "modules" / "database" / "main.tf"
    path.write_text(
        path.read_text().replace("publicly_accessible    = false", "publicly_accessible    = true")
    )
    done = mocked(started(folder), "modules", "production")
    assert done.returncode == 1
    assert "PostgreSQL 15, private, encrypted, protected." in said(done)


def mocked(folder: Path, name: str, environment: str) -> subprocess.CompletedProcess[str]:
    """`terraform test` of one file with the environment's values."""
    return terraform(
        folder,
        "test",
        "-no-color",
        f"-filter=tests/{name}.tftest.hcl",
        f"-var-file=environments/{environment}.tfvars",
    )


def checkov(folder: Path) -> dict[str, Any]:
    done = check(
        "checkov",
        "--directory",
        folder,
        "--framework",
        "terraform",
        "--skip-download",
        "--output",
        "json",
        "--quiet",
    )
    assert done.returncode in (0, 1), said(done)
    found = json.loads(done.stdout)
    assert isinstance(found, dict), found
    return found


def test_checkov_finds_nothing_that_is_not_explained() -> None:
    found = checkov(TERRAFORM)
    assert found["results"]["failed_checks"] == [], [
        (one["check_id"], one["resource"]) for one in found["results"]["failed_checks"]
    ]
    summary = found["summary"]
    assert summary["parsing_errors"] == 0
    assert summary["passed"] > 400


def test_checkov_sees_an_open_port(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "aws_security_group_rule" "open" {\n  type = "ingress"\n  from_port = 22\n  to_port = 22\n'
        '  protocol = "tcp"\n  cidr_blocks = ["0.0.0.0/0"]\n  security_group_id = "sg-1"\n}\n'
    )
    results = checkov(tmp_path)["results"]
    assert "CKV_AWS_24" in {one["check_id"] for one in results["failed_checks"]}
