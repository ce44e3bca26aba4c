"""Each overlay's settings, with a made-up secret as Secrets Manager would give it, start in production."""

from __future__ import annotations

import re
from inspect import signature

import pytest
from typer.testing import CliRunner

from hotel_booking import worker
from hotel_booking.cli import app
from hotel_booking.core.environment import read_settings
from hotel_booking.core.setting import ConfigError
from tests.deployment.documents import ARGOCD, KUBERNETES, OVERLAYS, ROOT, called, documents, variables, walk

# What the secrets of an environment hold (base/external-secret.yaml): made by Terraform, and by people.
ADDRESSES = {
    "DB_HOST": "db.example.internal",
    "DB_PORT": "5432",
    "DB_USER": "hotel_booking",
    "DB_NAME": "hotel_booking",
    "REDIS_HOST": "redis.example.internal",
    "REDIS_PORT": "6379",
}
GENERATED = {
    "DB_PASSWORD": "k2Jx8sPq0vWm4TzR",
    "HOTEL_SECRET_KEY": "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6",
    "HOTEL_ALERTMANAGER_TOKEN": "q9W8e7R6t5Y4u3I2o1P0a9S8d7F6g5H4",
}
THIRD_PARTIES = {
    "HOTEL_STRIPE_SECRET_KEY": "sk_live_51Habcdefghijklmnopqr",
    "HOTEL_STRIPE_PUBLISHABLE_KEY": "pk_live_51Habcdefghijklmnopqr",
    "HOTEL_STRIPE_WEBHOOK_SECRETS": "whsec_9f8e7d6c5b4a39281706f5e4d3c2b1a0",
    "HOTEL_SMTP_URL": "smtps://user:password@smtp.example.com:465",
    "HOTEL_S3_ACCESS_KEY": "AKIAIOSFODNN7EXAMPLE",
    "HOTEL_S3_SECRET_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}


def settings_of(overlay: str) -> dict[str, str]:
    """The ConfigMap hotel-booking-settings of an overlay, merged as kustomize merges it."""
    base, own = KUBERNETES / "base" / "settings.env", KUBERNETES / "overlays" / overlay / "settings.env"
    return variables(base) | variables(own)


def environment_of(overlay: str) -> dict[str, str]:
    """What a web pod finds in its environment."""
    pod = {"HOTEL_HOST": "10.20.1.7", "HOTEL_METRICS_HOST": "10.20.1.7"}
    return settings_of(overlay) | ADDRESSES | GENERATED | THIRD_PARTIES | pod


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_production_starts_with_an_overlays_settings(overlay: str) -> None:
    settings = read_settings(environment_of(overlay))
    assert settings.production
    assert settings.metrics_port == 9100
    assert settings.worker_metrics_port == 9101
    assert settings.port == 8000
    assert settings.public_url.startswith("https://")
    assert settings.trusted_proxies, "all guests would share one allowance"
    assert settings.media_url, "photos would be gone with the pod"


@pytest.mark.parametrize("missing", ["HOTEL_SECRET_KEY", "DB_HOST", "HOTEL_STRIPE_WEBHOOK_SECRETS"])
def test_a_secret_that_is_missing_is_named(missing: str) -> None:
    environ = environment_of("production")
    del environ[missing]
    with pytest.raises(ConfigError, match=missing):
        read_settings(environ)


def test_what_a_service_of_kubernetes_would_add_is_refused() -> None:
    """Why every pod says enableServiceLinks: false."""
    with pytest.raises(ConfigError, match="HOTEL_BOOKING_PORT is unknown"):
        read_settings(environment_of("production") | {"HOTEL_BOOKING_PORT": "tcp://10.100.0.1:80"})


def test_the_made_up_secret_has_what_the_manifest_asks_for() -> None:
    secret = called(documents(KUBERNETES / "base" / "external-secret.yaml"), "ExternalSecret")
    asked = {one["secretKey"] for one in secret["hotel-booking-secrets"]["spec"]["data"]}
    assert asked == GENERATED.keys() | {"REDIS_PASSWORD"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_and_addresses_are_those_of_the_environment(overlay: str) -> None:
    """dr has production's secrets, and addresses of its own."""
    kustomization = (KUBERNETES / "overlays" / overlay / "kustomization.yaml").read_text()
    of = {"staging": "staging", "production": "production", "dr": "production"}[overlay]
    if overlay == "production":
        text = (KUBERNETES / "base" / "external-secret.yaml").read_text()
        assert text.count("key: hotel-booking/production/") == 6
    else:
        assert f"hotel-booking/{overlay}/addresses" in kustomization
        assert ("hotel-booking/staging/generated" in kustomization) is (of == "staging")


def test_one_account_of_aws_is_named_throughout() -> None:
    """Whoever puts their own replaces one number in deployment/."""
    found: set[str] = set()
    for folder in (KUBERNETES, ARGOCD):
        for path in folder.rglob("*"):
            if path.suffix in (".yaml", ".env"):
                found |= set(re.findall(r"\b\d{12}\b", path.read_text()))
    assert found == {"111122223333"}


def test_the_commands_of_the_pods_exist() -> None:
    """No manifest runs a command that the platform does not have."""
    asked: set[tuple[str, ...]] = set()
    for path in sorted((KUBERNETES / "base").rglob("*.yaml")):
        for document in documents(path):
            for key, value in walk(document):
                if key == "args" and isinstance(value, list):
                    asked.add(tuple(str(word) for word in value[:2] if str(word)[:1] not in "-$"))
    assert asked
    for words in sorted(asked):
        ran = CliRunner().invoke(app, [*words, "--help"])
        assert ran.exit_code == 0, (words, ran.output)


def test_settings_are_in_one_place() -> None:
    """An overlay says only what the base does not, or otherwise."""
    base = variables(KUBERNETES / "base" / "settings.env")
    for overlay in OVERLAYS:
        own = variables(KUBERNETES / "overlays" / overlay / "settings.env")
        assert not {name for name, value in own.items() if base.get(name) == value}, overlay


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_all_pods_together_leave_the_database_connections(overlay: str) -> None:
    """As many web pods as there may be, one more while they roll out, and three workers: below four fifths of
    what Terraform allows, where the runbook's alert begins."""
    environ = environment_of(overlay)
    settings = read_settings(environ)
    autoscaler = called(documents(KUBERNETES / "base" / "web.yaml"), "HorizontalPodAutoscaler")
    most = autoscaler["hotel-booking"]["spec"]["maxReplicas"]
    patched = re.search(
        r"/spec/maxReplicas, value: (\d+)",
        (KUBERNETES / "overlays" / overlay / "kustomization.yaml").read_text(),
    )
    pods = int(patched[1] if patched else most) + 1
    tfvars = (ROOT / "deployment" / "terraform" / "environments" / f"{overlay}.tfvars").read_text()
    allowed = re.search(r"max_connections\s*=\s*(\d+)", tfvars)
    assert allowed
    own_pool: int = signature(worker.run).parameters["pool_size"].default
    of_workers = 3 * (own_pool + 4)  # the queue has four of its own
    assert pods * settings.workers * settings.pool_size + of_workers <= 0.8 * int(allowed[1])
