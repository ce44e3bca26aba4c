"""After promotion nobody compares a release with another: its alerts do. A real Prometheus finds it bad, a
real Alertmanager tells hotel-booking-guard by the routes of deployment/monitoring, and the release before
serves again."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from hotel_booking.ops.releases import ANNOTATION, OURS
from tests.cluster import stores
from tests.cluster.cluster import Cluster
from tests.cluster.measuring import configure
from tests.cluster.platform import NAMESPACE
from tests.release.conftest import Guests
from tests.release.releases import Releases

_ROUTES = Path(__file__).parents[2] / "deployment" / "monitoring" / "kubernetes" / "rollback.yaml"
_LISTENS = "127.0.0.1:9093"
_GUARD = "hotel-booking-guard"


def start_alertmanager(cluster: Cluster) -> None:
    """With the AlertmanagerConfig, translated as the operator does; where it is told by the real rules."""
    spec = yaml.safe_load(_ROUTES.read_text())["spec"]
    secret = json.loads((cluster.folder / "secrets.json").read_text())["hotel-booking-secrets"]
    route, (receiver,) = spec["route"], spec["receivers"]
    (hook,) = receiver["webhookConfigs"]
    folder = cluster.folder / "alertmanager"
    folder.mkdir()
    (folder / "token").write_text(secret["HOTEL_ALERTMANAGER_TOKEN"])
    config = {
        "route": {
            "receiver": "nobody",
            "routes": [
                {
                    "receiver": "guard",
                    "matchers": [
                        *(f'{one["name"]}{one["matchType"]}"{one["value"]}"' for one in route["matchers"]),
                        # Answers of a busy machine take more than a second; errors are what is tried here.
                        'alertname!="ResponseTimeRollback"',
                    ],
                    "group_by": route["groupBy"],
                    # Minutes on AWS.
                    "group_wait": "1s",
                    "group_interval": "5s",
                    "repeat_interval": "10s",
                    "continue": True,
                }
            ],
        },
        "receivers": [
            {"name": "nobody"},
            {
                "name": "guard",
                "webhook_configs": [
                    {
                        "url": hook["url"],
                        "send_resolved": hook["sendResolved"],
                        "http_config": {
                            "authorization": {
                                "type": hook["httpConfig"]["authorization"]["type"],
                                "credentials_file": str(folder / "token"),
                            }
                        },
                    }
                ],
            },
        ],
    }
    (folder / "alertmanager.json").write_text(json.dumps(config))
    cluster.world.start(
        "alertmanager",
        [
            "prometheus-alertmanager",
            f"--config.file={folder / 'alertmanager.json'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={_LISTENS}",
            "--cluster.listen-address=",
        ],
    )
    configure(cluster, alerting={"alertmanagers": [{"static_configs": [{"targets": [_LISTENS]}]}]})


@pytest.fixture(scope="module")
def watched(releases: Releases) -> Iterator[Releases]:
    """Releases say which schemas they run on, as scripts/deploy_release has them say; the alerts are told."""
    file = releases.repository.path("deployment/kubernetes/overlays/production/release/kustomization.yaml")
    before = file.read_text()
    file.write_text(f"{before}commonAnnotations:\n  {ANNOTATION}: {OURS.annotation()}\n")
    start_alertmanager(releases.cluster)
    yield releases
    file.write_text(before)
    releases.deploy("first")


def records(releases: Releases) -> list[dict[str, Any]]:
    service = releases.cluster.get("services", NAMESPACE, "hotel-booking-active")[0]
    found: list[dict[str, Any]] = json.loads(
        (service["metadata"].get("annotations") or {}).get("hotel-booking.com/rolled-back", "[]")
    )
    return found


def entries(releases: Releases) -> list[str]:
    """What the incident tracker has of it."""
    with psycopg.connect(stores.administrator(releases.cluster.world)) as connection:
        rows = connection.execute(
            "SELECT text FROM incident_entry WHERE actor = %s ORDER BY id", (_GUARD,)
        ).fetchall()
    return [str(row[0]) for row in rows]


def test_a_release_that_is_bad_after_promotion_goes_back_by_itself(watched: Releases, guests: Guests) -> None:
    watched.deploy("r30")
    watched.until_serving("r30")
    with guests("after promotion: errors, gone back by alerts", tried="r31-errors") as row:
        watched.deploy("r31-errors")
        # It may never serve alone: alerts that wait seconds instead of minutes end its rollout.
        watched.cluster.until("gone back", lambda: any(one["done"] for one in records(watched)), 300)
        watched.until_serving("r30")
    (record,) = records(watched)
    assert (record["release"], record["to"]) == ("r31-errors", "r30")
    assert row.answered["r31-errors"] > 0
    watched.cluster.until(
        "the tracker knows", lambda: any("r31-errors was rolled back" in one for one in entries(watched)), 120
    )
    assert any("Have Git say that r30 runs" in one for one in entries(watched))


def test_what_was_gone_back_to_stays_whatever_alerts_say(watched: Releases, guests: Guests) -> None:
    with guests("after promotion: an alert storm at a good release"):
        _storm(watched)
        time.sleep(10)
    assert watched.serving() == "r30"
    assert len(records(watched)) == 1
    logged = watched.cluster.kubectl("logs", "-n", NAMESPACE, f"deployment/{_GUARD}").stdout
    assert "r30 is what was gone back to" in logged


def _storm(releases: Releases) -> None:
    """Some hundred notifications at once, and some of people who may not."""
    cluster = releases.cluster
    token = (cluster.folder / "alertmanager" / "token").read_text()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    alert = {
        "status": "firing",
        "labels": {"alertname": "HealthCheckFailing", "rollback": "automatic"},
        "annotations": {"summary": "it has not said that it is ready"},
        "startsAt": now,
    }
    body = json.dumps({"version": "4", "alerts": [alert]})
    url = f"http://{_GUARD}.{NAMESPACE}.svc:9110/alerts"

    def send(number: int) -> str:
        shown = token if number % 4 else "nobody's"
        asked = [
            "curl",
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-H",
            f"Authorization: Bearer {shown}",
        ]
        done: subprocess.CompletedProcess[str] = cluster.world.run([*asked, "-d", body, url], check=False)
        return done.stdout

    with ThreadPoolExecutor(8) as storm:
        answers = list(storm.map(send, range(120)))
    assert {answers.count("202"), answers.count("401")} == {90, 30}, sorted(set(answers))
