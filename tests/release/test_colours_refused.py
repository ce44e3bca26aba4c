"""Blue-green on a small control plane: there and back, and the plug pulled at every step. Whatever happens,
the release that served goes on serving, what happened is said, and the same command goes on from there."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.release.operator import BLUE_GREEN, DIGEST, Operator, beside, case_of
from tests.release.plane import NAMESPACE, Gateway, Plane

_ACTIVE = "hotel-booking-active"
_TURN = '*patch*"selector"*'


@pytest.fixture
def ana(tmp_path: Path, plane: Plane, gateway: Gateway) -> Operator:
    return beside(tmp_path, plane, gateway)


def tag(image: str) -> str:
    return image.partition("@")[0].rpartition(":")[2]


def stand(plane: Plane) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        plane.get("service", _ACTIVE)["metadata"]["annotations"]["hotelbooking.com/blue-green"]
    )
    return found


def until(holds: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_there_and_back_and_to_an_end(plane: Plane, gateway: Gateway, ana: Operator) -> None:
    first = tag(plane.image("hotel-booking"))
    done = ana.release("r2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert plane.active() == "hotel-booking-green"
    assert plane.image("hotel-booking-green").endswith(f"hotel-booking:r2@{DIGEST}")
    assert tag(plane.image("hotel-booking-blue")) == first  # kept, and serving as it did
    assert plane.get("deployment", "hotel-booking-blue")["status"]["readyReplicas"] == 3
    assert plane.get("deployment", "hotel-booking")["spec"]["replicas"] == 0
    assert not plane.get("virtualservice", "hotel-booking-preview")
    assert plane.get("job", "hotel-booking-migrate-r2")
    assert "hotel-booking-active leads to hotel-booking-green" in done.stdout
    assert "is kept" in done.stdout
    assert tag(gateway.led[-1]) == "r2"
    labels = plane.get("deployment", "hotel-booking-green")["metadata"]["labels"]
    assert "app.kubernetes.io/instance" not in labels  # or Argo CD would take it for its own

    back = ana.run([str(BLUE_GREEN), "--rollback", "--no-git"], {})  # as the runbook has it
    assert back.returncode == 0, back.stdout + back.stderr
    assert (plane.active(), stand(plane)["kept"]) == ("hotel-booking-blue", "hotel-booking-green")

    again = ana.release("r3")
    assert again.returncode == 0, again.stdout + again.stderr
    assert plane.active() == "hotel-booking-green"
    assert tag(plane.image("hotel-booking-green")) == "r3"

    refused = ana.deploy("--finish")
    assert refused.returncode == 1
    assert "scripts/deploy_release production" in refused.stderr  # Git does not say r3 yet
    plane.kubectl(
        *("set", "image", "deployment/hotel-booking", f"web={plane.image('hotel-booking-green')}"),
        *("-n", NAMESPACE),
    )
    ended = ana.deploy("--finish")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert plane.active() == "hotel-booking"
    assert not plane.image("hotel-booking-green")


def test_what_serves_already_is_not_deployed_again(plane: Plane, ana: Operator) -> None:
    assert ana.release("r2").returncode == 0
    done = ana.deploy("--image-tag", "r2")
    assert done.returncode == 0
    assert "serves r2 already" in done.stdout


def test_a_release_without_a_pass_and_a_namespace_that_is_none(plane: Plane, ana: Operator) -> None:
    done = ana.deploy("--image-tag", "r2")
    assert done.returncode == 1
    assert "hotel-booking ops preflight --release r2" in done.stderr
    nowhere = ana.hotel("ops", "blue-green", "--rollback", "--namespace", "hotel-booking-nowhere")
    assert nowhere.returncode == 1
    assert "kubectl auth can-i get service -n hotel-booking-nowhere" in nowhere.stderr, "it is not ours"
    assert ana.deploy("--image-tag", "r2", "--rollback").returncode == 2
    assert ana.deploy().returncode == 2


def test_never_beside_a_canary(plane: Plane, ana: Operator) -> None:
    canary = {
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": "hotel-booking-canary", "namespace": NAMESPACE},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "hotel-booking"},
            "service": {"port": 80}, "analysis": {"interval": "1m", "threshold": 1, "iterations": 1},
        },
    }  # fmt: skip
    plane.kubectl("apply", "-f", "-", text=json.dumps(canary))
    done = ana.release("r2")
    assert done.returncode == 1
    assert "hotel-booking-canary releases deployment/hotel-booking" in done.stderr
    assert plane.active() == "hotel-booking"
    assert not plane.image("hotel-booking-green")


def test_an_image_that_never_becomes_ready(plane: Plane, gateway: Gateway, ana: Operator) -> None:
    plane.unready.add("r2")
    done = ana.release("r2")
    assert done.returncode == 1
    assert "hotel-booking-green does not become ready" in done.stderr
    assert "hotel-booking-blue serves" in done.stdout
    assert plane.active() == "hotel-booking-blue"
    assert plane.get("deployment", "hotel-booking-green")["spec"]["replicas"] == 0
    assert stand(plane)["step"] == "failed"
    plane.unready.clear()
    assert ana.deploy("--image-tag", "r2").returncode == 0


def test_a_migration_that_fails_and_is_mended(plane: Plane, ana: Operator) -> None:
    plane.unmigrated.add("r2")
    done = ana.release("r2")
    assert done.returncode == 1
    assert "the migration to r2 failed; the release before runs on what it has done" in done.stderr
    assert plane.active() == "hotel-booking"
    plane.unmigrated.clear()
    assert ana.deploy("--image-tag", "r2").returncode == 0


def test_a_release_that_answers_badly_before_guests_are_there(
    plane: Plane, gateway: Gateway, ana: Operator
) -> None:
    gateway.bad.add("r2")
    done = ana.release("r2")
    assert done.returncode == 1
    assert "r2" not in [tag(image) for image in gateway.led]
    assert plane.active() == "hotel-booking-blue"
    assert not plane.get("virtualservice", "hotel-booking-preview")


def test_a_release_that_answers_badly_once_guests_are_there(
    plane: Plane, gateway: Gateway, ana: Operator
) -> None:
    gateway.later.add("r2")
    ana.passes("r2")
    done = ana.deploy("--image-tag", "r2", "--watch", "60")
    assert done.returncode == 1
    assert "hotel-booking-green was taken back" in done.stderr
    assert plane.active() == "hotel-booking-blue"


def test_prometheus_down_is_said_and_does_not_hold_it_up(plane: Plane, ana: Operator) -> None:
    ana.passes("r2")
    done = ana.deploy("--image-tag", "r2", "--watch", "8", HOTEL_PROMETHEUS_URL="http://127.0.0.1:9")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Prometheus does not answer" in done.stdout
    assert plane.active() == "hotel-booking-green"


@pytest.mark.parametrize("step", ["*get service*", "*apply*", "*get deployment*", _TURN])
def test_the_api_server_goes_away(plane: Plane, ana: Operator, step: str) -> None:
    """For good: whoever asks is refused, and the run gives up; the next one goes on."""
    ana.passes("r2")
    began = plane.active()
    gone = ana.folder / "gone"
    away = f'exec "{plane.programs / "kubectl"}" --server=https://127.0.0.1:1 "$@"'
    ana.breaks("*", f'case "$*" in {case_of(step)}) touch {gone};; esac; [ ! -e {gone} ] || {away}')
    run = ana.begin("--image-tag", "r2", "--watch", "3")
    if step == _TURN:  # it asks for two minutes; Ctrl-C, as somebody would
        until(gone.exists)
        time.sleep(3)
        run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=200)
    assert run.returncode in (1, 130), said
    assert "the API server" in said or "interrupted" in said, said
    assert "Traceback" not in said
    assert plane.active() in (began, "hotel-booking-blue")
    ana.breaks()
    done = ana.deploy("--image-tag", "r2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert plane.active() == "hotel-booking-green"


def test_the_answer_to_the_turn_is_lost(plane: Plane, ana: Operator) -> None:
    """The Service is turned, and the API server is away before it has said so: it is asked again."""
    ana.passes("r2")
    lost = ana.folder / "lost"
    ana.breaks(
        '*patch*"selector"*hotel-booking-green*',
        f'[ -e {lost} ] || {{ real "$@" >/dev/null; touch {lost}; exec "{plane.programs}/kubectl" '
        '--server=https://127.0.0.1:1 "$@"; }',
    )
    done = ana.deploy("--image-tag", "r2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "asking again" in done.stdout
    assert plane.active() == "hotel-booking-green"


def test_credentials_that_expire(plane: Plane, ana: Operator, tmp_path: Path) -> None:
    ana.passes("r2")
    expired = tmp_path / "expired"
    config = json.loads(plane.kubeconfig.read_text())
    config["users"][0]["user"]["token"] = "of-yesterday"
    expired.write_text(json.dumps(config))
    ana.breaks("*apply*", f"export KUBECONFIG={expired}")
    done = ana.deploy("--image-tag", "r2")
    assert done.returncode == 1
    assert "the cluster does not know you any more" in done.stderr
    assert "aws sso login" in done.stderr
    assert plane.active() == "hotel-booking"
    config["users"][0]["user"]["token"] = "looker"
    expired.write_text(json.dumps(config))
    forbidden = ana.deploy("--image-tag", "r2", KUBECONFIG=str(expired))
    assert forbidden.returncode == 1
    assert "you may not do that" in forbidden.stderr


def test_a_second_operator_is_refused_and_may_go_back_once_guests_are_there(
    plane: Plane, gateway: Gateway, ana: Operator, tmp_path: Path
) -> None:
    ben = beside(tmp_path, plane, gateway, "ben")
    ana.passes("r2")
    ben.passes("r3")
    slow = ana.folder / "go"
    ana.breaks("*apply*hotel-booking-blue*|*apply*", f"while [ ! -e {slow} ]; do sleep 0.1; done")
    run = ana.begin("--image-tag", "r2", "--watch", "60")
    until(lambda: "migrating" in json.dumps(plane.get("service", _ACTIVE)["metadata"].get("annotations", {})))
    for words in (("--image-tag", "r3"), ("--rollback",)):
        refused = ben.deploy(*words)
        assert refused.returncode == 1
        assert "ana on " in refused.stderr
        assert "is at it" in refused.stderr
    slow.touch()
    until(lambda: plane.active() == "hotel-booking-green")
    back = ben.deploy("--rollback")
    assert back.returncode == 0, back.stdout + back.stderr
    assert plane.active() == "hotel-booking-blue"
    said, _ = run.communicate(timeout=90)
    assert run.returncode == 1, said
    assert "ben on " in said
    assert plane.active() == "hotel-booking-blue"


_BEFORE = [
    *("*patch*migrating*", "*get job*", "*patch*adopting*", "*scale*", "*patch*deploying*"),
    *("*get virtualservice*", "*patch*selector*green*"),
]
_AFTER = ["*apply*", "*delete virtualservice*", "*patch*selector*blue*", "*patch*selector*green*"]


@pytest.mark.parametrize(
    ("step", "by", "after"),
    [
        *((step, by, False) for step in _BEFORE for by in ("INT", "KILL")),
        *((step, by, True) for step in _AFTER for by in ("INT", "KILL")),
    ],
)
def test_ended_at_any_step_it_can_be_run_again(
    plane: Plane, gateway: Gateway, ana: Operator, step: str, by: str, after: bool
) -> None:
    ana.passes("r2")
    once, first = ana.folder / "once", 'real "$@"; ' if after else ""
    ana.breaks(step, f"[ -e {once} ] || {{ touch {once}; {first}kill -{by} $PPID; exit 1; }}")
    done = ana.deploy("--image-tag", "r2")
    assert once.exists(), done.stdout + done.stderr
    assert done.returncode == (130 if by == "INT" else -9), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    serving = plane.active()
    assert serving in ("hotel-booking", "hotel-booking-blue", "hotel-booking-green")
    assert plane.get("deployment", serving)["status"]["readyReplicas"] == 3
    if by == "INT":
        assert tag(plane.image(serving)) != "r2"
        assert f"{serving} serves" in done.stdout
    ana.breaks()
    again = ana.deploy("--image-tag", "r2")
    assert again.returncode == 0, again.stdout + again.stderr
    assert plane.active() == "hotel-booking-green"
