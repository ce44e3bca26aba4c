"""Terraform, manifests and runbook call things by the same names. These tests read files and run nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.deployment.checkers import ROOT
from tests.deployment.terraform import ENVIRONMENTS, TERRAFORM, read, values

KUBERNETES = ROOT / "deployment" / "kubernetes"
FILES = sorted(
    path
    for kind in ("*.tf", "*.tfvars", "*.tfbackend", "*.hcl")
    for path in TERRAFORM.rglob(kind)
    if ".terraform" not in path.parts
)


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def overlay(environment: str) -> str:
    """What the overlay's files say."""
    files = sorted(path for path in (KUBERNETES / "overlays" / environment).rglob("*") if path.is_file())
    return "\n".join(text(path) for path in files)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TERRAFORM)))
def test_every_file_is_read(path: Path) -> None:
    read(path)


def test_cloudflare_is_among_them_since_nothing_else_looks_at_it() -> None:
    assert TERRAFORM / "cloudflare" / "main.tf" in FILES
    assert "Only parsed" in text(TERRAFORM / "cloudflare" / "main.tf")


def test_no_file_grows_beyond_what_one_reads_at_once() -> None:
    assert {path.name: n for path in FILES if (n := text(path).count("\n")) > 400} == {}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_sets_what_there_is(environment: str) -> None:
    declared = {name for block in read(TERRAFORM / "variables.tf")["variable"] for name in block}
    required = {
        name
        for block in read(TERRAFORM / "variables.tf")["variable"]
        for name, body in block.items()
        if "default" not in body
    }
    given = values(environment).keys()
    assert given <= declared
    assert required <= given
    assert values(environment)["environment"] == environment


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_states_lie_apart_each_in_its_own_region(environment: str) -> None:
    backend = read(TERRAFORM / "environments" / f"{environment}.s3.tfbackend")
    assert backend["key"] == f"{environment}.tfstate"
    assert backend["region"] == values(environment)["region"]


def test_the_standby_is_in_another_region_and_as_large_as_production() -> None:
    production, standby = values("production"), values("dr")
    assert standby["region"] != production["region"]
    assert standby["standby_of"] == {"environment": "production", "region": production["region"]}
    assert production["copies"] is True
    assert production["copies_region"] == standby["region"]
    for name in ("nodes", "database", "cache", "kubernetes_version", "domain"):
        assert standby[name] == production[name], name


def test_networks_do_not_overlap() -> None:
    assert len({values(environment)["network_cidr"] for environment in ENVIRONMENTS}) == len(ENVIRONMENTS)


def test_the_clusters_name_and_node_group_are_the_runbooks() -> None:
    guide = text(ROOT / "docs" / "DEPLOYMENT_GUIDE.md")
    assert "eksctl upgrade nodegroup --cluster=hotel-booking-production --name=general" in guide
    assert '"hotel-booking-${var.environment}"' in text(TERRAFORM / "main.tf")
    assert re.search(r'node_group_name\s+= "general"', text(TERRAFORM / "modules" / "cluster" / "main.tf"))


def test_kubernetes_is_the_same_everywhere() -> None:
    assert len({values(environment)["kubernetes_version"] for environment in ENVIRONMENTS}) == 1


def test_backups_are_kept_as_long_as_the_runbook_says() -> None:
    (found,) = [
        block["backup_days"] for block in read(TERRAFORM / "buckets.tf")["locals"] if "backup_days" in block
    ]
    assert found == {"database/": 30, "state/": 7, "configuration/": 90}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_manifests_name_this_environments_network_and_region(environment: str) -> None:
    said, wanted = overlay(environment), values(environment)
    assert f"value: {wanted['network_cidr']}" in said
    assert re.search(rf"^HOTEL_TRUSTED_PROXIES=.*{re.escape(wanted['network_cidr'])}", said, re.MULTILINE)
    assert f"HOTEL_PUBLIC_URL=https://{wanted['domain']}\n" in said
    assert f"HOTEL_STATUS_HOST=status.{wanted['domain']}\n" in said
    assert f"namespace: hotel-booking-{environment}" in said
    assert f"HOTEL_S3_REGION={wanted['region']}\n" in said


def asked(folder: Path) -> set[str]:
    """The secrets that manifests below `folder` ask AWS for."""
    keys = r"(?:key: |key, value: )(hotel-booking/[a-z]+/[a-z-]+)"
    return {name for path in folder.rglob("*.yaml") for name in re.findall(keys, text(path))}


def test_every_secret_that_manifests_ask_for_is_one_of_terraforms() -> None:
    made = {"generated", "shared", "third-parties", "alerting", "addresses", "gateway"}
    for name in made:
        assert f'"{name}"' in text(TERRAFORM / "secrets.tf") or f'/{name}"' in text(TERRAFORM / "secrets.tf")
    production = asked(KUBERNETES) - asked(KUBERNETES / "overlays")
    assert production
    assert production <= {f"hotel-booking/production/{name}" for name in made}
    assert asked(KUBERNETES / "overlays" / "staging") <= {f"hotel-booking/staging/{name}" for name in made}
    # What it does not name itself it has from production, copied.
    assert asked(KUBERNETES / "overlays" / "dr") == {"hotel-booking/dr/addresses", "hotel-booking/dr/gateway"}


def test_the_load_balancer_sends_to_the_gateways_ports() -> None:
    values_of_chart = ROOT / "deployment" / "argocd" / "addons" / "values" / "istio-ingress.yaml"
    ports = yaml.safe_load(text(values_of_chart))["service"]["ports"]
    (ours,) = read(TERRAFORM / "modules" / "ingress" / "main.tf")["locals"]
    by_name = {port["name"]: port.get("nodePort") for port in ports}
    assert (by_name["https"], by_name["status-port"]) == (ours["https_port"], ours["health_port"])


def test_words_that_manifests_take_are_made() -> None:
    asked = {
        (found["remoteRef"]["key"].rpartition("/")[2], found["remoteRef"]["property"])
        for path in (
            KUBERNETES / "base" / "external-secret.yaml",
            ROOT / "deployment" / "monitoring" / "kubernetes" / "secrets.yaml",
        )
        for document in yaml.safe_load_all(text(path))
        if document["kind"] == "ExternalSecret"
        for found in document["spec"].get("data", ())
        if found["remoteRef"]["key"].endswith(("/generated", "/shared"))
    }
    words = {
        (secret, word)
        for secret, listed in re.findall(
            r'/(generated|shared)"\n +words += \[(.*)\]', text(TERRAFORM / "secrets.tf")
        )
        for word in re.findall(r'"([A-Z_]+)"', listed)
    }
    assert asked
    assert asked <= words
    # The state has the words of `shared`: what is secret for good is not among them.
    assert {word for secret, word in words if secret == "shared"} == {"EDGE_PASSWORD", "REDIS_PASSWORD"}


def test_roles_are_for_serviceaccounts_that_there_are() -> None:
    there = {
        document["metadata"]["name"]
        for document in yaml.safe_load_all(text(KUBERNETES / "base" / "service-accounts.yaml"))
    }
    (accounts,) = [
        block["service_accounts"]
        for block in read(TERRAFORM / "access.tf")["locals"]
        if "service_accounts" in block
    ]
    assert set(accounts) - there == {"external-secrets"}


def test_every_check_left_out_says_why() -> None:
    skips = [line for path in FILES for line in text(path).splitlines() if "checkov:skip" in line]
    assert len(skips) > 10
    assert [line for line in skips if not re.search(r"skip=CKV2?_AWS_\d+:\S.{20,}", line)] == []


def test_no_account_and_no_secret_is_written_down() -> None:
    for path in FILES:
        if "tests" not in path.relative_to(TERRAFORM).parts:
            assert not re.search(r"\b\d{12}\b|AKIA[A-Z0-9]{16}", text(path)), path
