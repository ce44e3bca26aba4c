"""compose.yaml as it is written: locked down, pinned, without a secret, with settings that production takes.
How its servers behave is tried in test_compose_servers.py."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hotel_booking.core.environment import read_settings
from tests.deployment import compose
from tests.deployment.checkers import check, said

FOLDER = compose.ROOT / "deployment" / "compose"
COMPOSE = compose.read(FOLDER, {"DOMAIN": compose.DOMAIN})
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ISSUED = ("web", "worker", "migrate", "postgres", "redis", "pgbouncer", "prometheus", "alertmanager")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `prepare` leaves."""
    return compose.prepared(tmp_path_factory.mktemp("place"))


def test_all_that_a_machine_needs_is_there() -> None:
    assert set(SERVICES) >= {*ISSUED, "grafana", "proxy", "backup"}
    assert SERVICES["migrate"]["restart"] == "no"
    for name in ("web", "worker", "probe", "backup"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", list(SERVICES))
def test_a_service_is_locked_down(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "cap_add" not in service
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    assert re.search(r":v?\d+[.\d]*(-\w+)?$", service["image"]), "a release, and not what is newest"
    # Our own image has its user in it.
    assert service.get("user", "10001" if "hotel-booking" in service["image"] else "0").split(":")[0] != "0"
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))


def test_the_database_is_out_of_the_proxys_reach_and_of_the_internets() -> None:
    networks = {name: set(service["networks"]) for name, service in SERVICES.items()}
    assert networks["proxy"] == {"front", "outside"}
    for name in ("postgres", "redis", "pgbouncer"):
        assert networks[name] == {"data"}
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


def test_no_secret_is_in_an_environment_and_only_who_needs_one_has_it() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if (
                re.search(r"PASS|SECRET|TOKEN|_KEY|SMTP_URL|_URL_FILE", variable)
                and "PUBLISHABLE" not in variable
            ):
                assert variable.endswith("_FILE"), (name, variable)
                assert value.removeprefix("/run/secrets/") in service["secrets"], (name, variable)
    assert "secrets" not in SERVICES["proxy"]
    assert "secret_key" not in SERVICES["postgres"]["secrets"]


def test_what_is_mounted_is_there(ready: Path) -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ready / source).exists(), (name, source)
            elif not source.startswith("/"):
                assert source in COMPOSE["volumes"], (name, source)
        for secret in service.get("secrets", []):
            assert (ready / COMPOSE["secrets"][secret]["file"]).exists(), (name, secret)


def test_nothing_is_mounted_into_a_folder_that_is_mounted_to_be_read() -> None:
    """Docker could not make the place for it there."""
    for name, service in SERVICES.items():
        mounts = [volume.split(":")[1:] for volume in service.get("volumes", [])]
        targets = [f"{mount[0]}/" for mount in mounts]
        for target, *options in mounts:
            inner = [other for other in targets if other.startswith(f"{target}/") and other != f"{target}/"]
            assert not (inner and "ro" in options), (name, target, inner)


def test_its_settings_are_those_of_production(ready: Path) -> None:
    for name in ("web", "worker", "migrate", "probe"):
        environ = {key: str(value) for key, value in SERVICES[name]["environment"].items()}
        for key, value in environ.items():
            secret = value.removeprefix("/run/secrets/")
            if secret != value:
                environ[key] = str(ready / COMPOSE["secrets"][secret]["file"])
        settings = read_settings(environ)  # raises where anything is wrong, unknown or unsafe
        assert settings.production
        assert settings.trusted_proxies == (f"{compose.PROXY}/32",)
        assert settings.pooled_database_url is not None
        assert "@pgbouncer:6432/" in settings.pooled_database_url
        assert "@postgres:5432/" in settings.database_url
        assert settings.slack_token is None


def test_targets_name_services_and_their_ports(ready: Path) -> None:
    """Each job of Prometheus that one machine has is somebody here."""
    found = "".join(path.read_text() for path in (ready / "prometheus/targets").glob("*.yml"))
    for host in re.findall(r'"([\w-]+):\d+"', found):
        assert host in SERVICES
    assert f'"https://{compose.DOMAIN}/health/ready"' in found


def test_preparing_again_changes_nothing_and_a_trial_makes_nothing(tmp_path: Path) -> None:
    def state() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    folder = compose.prepared(tmp_path)
    before = state()
    again = subprocess.run([folder / "prepare"], cwd="/", check=True, capture_output=True, text=True)
    assert again.stdout == "Everything is there already.\n"
    assert state() == before
    assert (folder / "secrets").stat().st_mode & 0o777 == 0o700
    secrets = [path for path in (folder / "secrets").rglob("*") if path.is_file()]
    assert all(path.stat().st_mode & 0o222 == 0 for path in secrets), "nobody writes them by accident"
    assert len({path.read_text() for path in secrets if path.stat().st_size == 48}) == 8, "all differ"
    (folder / "secrets" / "redis_auth").unlink()
    trial = subprocess.run([folder / "prepare", "--dry-run"], check=True, capture_output=True, text=True)
    assert trial.stdout == "would make secrets/redis_auth\n"
    assert not (folder / "secrets" / "redis_auth").exists()
    # What is made again says the same as before: it comes from the password that is kept.
    subprocess.run([folder / "prepare"], check=True, capture_output=True)
    assert state() == before


@pytest.mark.parametrize(
    ("domain", "arguments", "word"),
    [
        ("DOMAIN=", [], "must be a host name"),
        ("DOMAIN=Hotel.example; rm -rf", [], "must be a host name"),
        ("DOMAIN=hotel.example", ["--force"], "--force is unknown"),
        (None, [], ".env is missing"),
    ],
)
def test_a_wrong_start_says_what_to_do(
    domain: str | None, arguments: list[str], word: str, tmp_path: Path
) -> None:
    folder = compose.prepared(tmp_path)
    (folder / ".env").unlink()
    if domain is not None:
        (folder / ".env").write_text(f"{domain}\n")
    done = subprocess.run([folder / "prepare", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert word in done.stderr


def test_the_example_names_only_what_is_read() -> None:
    named = set(re.findall(r"^#?([A-Z0-9_]+)=", (FOLDER / ".env.example").read_text(), re.MULTILINE))
    text = re.sub(r"^ *#.*$", "", (FOLDER / "compose.yaml").read_text(), flags=re.MULTILINE)
    assert named == set(re.findall(r"\$\{([A-Z0-9_]+)", text))


@pytest.mark.deploy
def test_it_follows_composes_specification(tmp_path: Path) -> None:
    done = check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", FOLDER / "compose.yaml")
    assert done.returncode == 0, said(done)
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((FOLDER / "compose.yaml").read_text().replace("read_only: true", "readonly: true"))
    assert check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", wrong).returncode == 1
