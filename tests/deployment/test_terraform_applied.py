"""Terraform applied to moto, a double of AWS: production is made, a second plan is empty, another
environment's file is refused, and all of it is taken down. What moto does not know is left out by the files
in `moto`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.aws_double import environ, moto, moto_program
from tests.deployment.checkers import said
from tests.deployment.terraform import TERRAFORM, terraform

pytestmark = pytest.mark.deploy

OVERLAY = Path(__file__).with_name("moto")
VALUES = ("-var-file=environments/production.tfvars", "-var=protected=false")  # or it could not be taken down
TAGS = {"Project", "Environment", "CostCentre", "ManagedBy"}


@pytest.fixture(scope="module")
def program() -> Path:
    return moto_program()


@pytest.fixture
def aws(program: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment in which Terraform finds the double, started for one test."""
    with moto(program, tmp_path / "moto.log") as port:
        yield environ(port)


def laid_over(target: Path) -> Path:
    folder = target / "terraform"
    shutil.copytree(TERRAFORM, folder, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    shutil.copytree(OVERLAY, folder, dirs_exist_ok=True)
    return folder


def run(folder: Path, aws: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return terraform(folder, *arguments, environ=aws, seconds=1500)


def applied(folder: Path, aws: dict[str, str], *arguments: str) -> dict[str, Any]:
    """What the state says, once everything is made and a second plan is empty."""
    for command in (
        ["init", "-input=false", "-no-color"],
        ["apply", "-auto-approve", "-input=false", "-no-color", "-parallelism=8", *arguments],
        ["plan", "-detailed-exitcode", "-input=false", "-no-color", "-parallelism=8", *arguments],
    ):
        done = run(folder, aws, *command)
        assert done.returncode == 0, said(done)[-8000:]
    shown = run(folder, aws, "show", "-json")
    assert shown.returncode == 0, said(shown)
    found = json.loads(shown.stdout)["values"]
    assert isinstance(found, dict)
    return found


def resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (one for one in module.get("resources", ()) if one["mode"] == "managed")
    for child in module.get("child_modules", ()):
        yield from resources(child)


@pytest.mark.nightly  # eight minutes, in most of which a double of AWS is waited for
def test_production_is_made_once_and_taken_down(tmp_path: Path, aws: dict[str, str]) -> None:
    folder = laid_over(tmp_path)
    found = applied(folder, aws, *VALUES)
    made = list(resources(found["root_module"]))
    assert len(made) > 150
    untagged = [
        one["address"]
        for one in made
        if "tags_all" in one["values"] and not (one["values"]["tags_all"] or {}).keys() >= TAGS
    ]
    assert untagged == []
    rules = [one["values"] for one in made if one["type"] == "aws_vpc_security_group_ingress_rule"]
    assert len(rules) >= 6
    assert [rule for rule in rules if rule["cidr_ipv4"] == "0.0.0.0/0" or rule["cidr_ipv6"] == "::/0"] == []
    assert [
        one for one in made if one["type"] == "aws_db_instance" and one["values"]["publicly_accessible"]
    ] == []

    # What is generated is written and never read back, but for what two services take in no other way.
    state = (folder / "terraform.tfstate").read_text()
    assert "REDIS_PASSWORD" in state
    for word in ("DB_PASSWORD", "HOTEL_SECRET_KEY", "GRAFANA_ADMIN_PASSWORD"):
        assert f'\\"{word}\\":' not in state

    refused = run(folder, aws, "plan", "-input=false", "-no-color", "-var-file=environments/staging.tfvars")
    assert refused.returncode == 1
    assert "terraform_data.environment has lifecycle.prevent_destroy set" in " ".join(said(refused).split())

    assert run(folder, aws, "state", "rm", "terraform_data.environment").returncode == 0
    gone = run(
        folder, aws, "destroy", "-auto-approve", "-input=false", "-no-color", "-parallelism=8", *VALUES
    )
    assert gone.returncode == 0, said(gone)[-8000:]


def _resource(made: list[dict[str, Any]], kind: str, module: str) -> dict[str, Any]:
    (found,) = [
        one["values"] for one in made if one["type"] == kind and one["address"].startswith(f"module.{module}")
    ]
    assert isinstance(found, dict)
    return found


@pytest.mark.nightly
def test_the_account_is_made_once(tmp_path: Path, aws: dict[str, str]) -> None:
    folder = laid_over(tmp_path) / "account"
    found = applied(folder, aws, "-var=github_repository=owner/name")
    made = list(resources(found["root_module"]))
    repositories = [one["values"] for one in made if one["type"] == "aws_ecr_repository"]
    assert len(repositories) == 2
    assert {one["image_tag_mutability"] for one in repositories} == {"IMMUTABLE"}
    assert all(one["image_scanning_configuration"][0]["scan_on_push"] for one in repositories)
    (trust,) = [
        json.loads(one["values"]["assume_role_policy"])
        for one in made
        if one["address"] == "aws_iam_role.images"
    ]
    (statement,) = trust["Statement"]
    assert statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"] == (
        "repo:owner/name:ref:refs/heads/main"
    )
    assert found["outputs"]["state_buckets"]["value"]["dr"].endswith("-eu-west-1")

    refused = run(folder, aws, "plan", "-input=false", "-no-color", "-var=github_repository=*")
    assert refused.returncode == 1
    assert "would let every repository push images" in " ".join(said(refused).split())
