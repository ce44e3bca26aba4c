"""deployment/monitoring/alertmanager: who is told of which alert, asked of amtool and of a real one whose
messages are received here."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from hotel_booking.core.clock import utc_now
from hotel_booking.ops.child_processes import free_port
from tests.clients.waiting import wait_until
from tests.ops.test_alerts import PROMETHEUS, alerts

ALERTMANAGER = PROMETHEUS.parent / "alertmanager"
CONFIG = ALERTMANAGER / "alertmanager.yml"
SECRETS = {
    "pagerduty_routing_key": "key-of-pagerduty",
    "slack_url": "",
    "smtp_password": "password-of-smtp",
    "alertmanager_token": "token-of-the-tracker",
}


def receiver_of(labels: dict[str, str]) -> str:
    """Who the routes choose, by amtool."""
    if shutil.which("amtool") is None:
        pytest.skip("amtool is not installed: sudo apt-get install -y prometheus-alertmanager")
    said = subprocess.run(
        [
            "amtool",
            "config",
            "routes",
            "test",
            "--config.file",
            CONFIG,
            *(f"{k}={v}" for k, v in labels.items()),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return said.stdout.strip()


def told_by(receiver: str) -> set[str]:
    """Where a receiver's messages go."""
    (found,) = (one for one in yaml.safe_load(CONFIG.read_text())["receivers"] if one["name"] == receiver)
    return (
        {"pagerduty" for _ in found.get("pagerduty_configs", ())}
        | {slack["channel"] for slack in found.get("slack_configs", ())}
        | {mail["to"] for mail in found.get("email_configs", ())}
        | {hook["url"] for hook in found["webhook_configs"]}
    )


TRACKER = "https://hotelbooking.com/webhooks/alertmanager"
ALSO = {
    "application": set[str](),
    "payments": set[str](),
    "database": {"#database"},
    "infrastructure": {"#infrastructure"},
    "security": {"security@hotelbooking.com"},
}


def test_every_alert_reaches_whom_the_runbook_names() -> None:
    for name, rule in alerts().items():
        labels = {"alertname": name, **rule["labels"]}
        first = "pagerduty" if labels["severity"] == "critical" else "#alerts"
        assert told_by(receiver_of(labels)) == {TRACKER, first} | ALSO[labels["category"]], name


@pytest.mark.parametrize("severity", ["critical", "warning"])
@pytest.mark.parametrize("category", list(ALSO))
def test_every_pair_of_labels_has_its_receiver(severity: str, category: str) -> None:
    first = "pagerduty" if severity == "critical" else "#alerts"
    chosen = receiver_of({"alertname": "Any", "severity": severity, "category": category})
    assert told_by(chosen) == {TRACKER, first} | ALSO[category]


def test_what_is_inhibited_is_an_alert_that_there_is() -> None:
    config = yaml.safe_load(CONFIG.read_text())
    for rule in config["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            pattern = matcher.partition('"')[2].rstrip('"')
            for name in pattern.split("|"):
                assert any(known.startswith(name.removesuffix(".*")) for known in alerts()), name


def test_no_secret_stands_in_the_configuration() -> None:
    text = CONFIG.read_text()
    for name in SECRETS:
        assert f"/etc/alertmanager/secrets/{name}" in text, name
    for key in ("routing_key:", "service_key:", "api_url:", "smtp_auth_password:", "credentials:"):
        assert key not in text, key


def test_an_alert_nobody_acknowledges_goes_to_secondary_after_five_minutes() -> None:
    rules = json.loads((ALERTMANAGER / "escalation_policy.json").read_text())["escalation_policy"][
        "escalation_rules"
    ]
    assert [rule["targets"][0]["id"] for rule in rules] == ["PRIMARY_SCHEDULE_ID", "SECONDARY_SCHEDULE_ID"]
    assert rules[0]["escalation_delay_in_minutes"] == 5


class Received:
    """What PagerDuty, Slack, the tracker and the mail server were sent: (path, headers, body)."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.mails: list[Envelope] = []

    def at(self, path: str) -> list[dict[str, Any]]:
        return [body for to, _, body in self.posts if to == path]

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd calls it by this name
        self.mails.append(envelope)
        return "250 OK"


@contextmanager
def receiving() -> Iterator[tuple[Received, int, int]]:
    """A local server of HTTP and one of SMTP, and their ports."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.posts.append((self.path, dict(self.headers), json.loads(body)))
            # Pagerduty's own answer is 202, Slack's is `ok`.
            self.send_response(202 if "pagerduty" in self.path else 200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    mail = Controller(
        received,
        hostname="127.0.0.1",
        port=free_port(),
        server_hostname="localhost",  # else the name of this machine is asked of DNS
        auth_require_tls=False,
        auth_exclude_mechanism=["LOGIN"],  # its questions there are not those that Alertmanager knows
        authenticator=lambda *_: AuthResult(success=True),
    )
    mail.start()
    try:
        yield received, server.server_port, mail.port
    finally:
        mail.stop()
        server.shutdown()


@contextmanager
def alertmanager(folder: Path, http: int, smtp: int) -> Iterator[str]:
    """A real one with our configuration, whose third parties are here; its address."""
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        pytest.skip("Alertmanager is not installed: sudo apt-get install -y prometheus-alertmanager")
    here = f"http://127.0.0.1:{http}"
    text = CONFIG.read_text()
    for ours, theirs in {
        "/etc/alertmanager/secrets": str(folder),
        TRACKER: f"{here}/webhooks/alertmanager",
        "global:\n": f"global:\n  pagerduty_url: {here}/pagerduty\n  smtp_require_tls: false\n",
        "smtp.hotelbooking.com:587": f"127.0.0.1:{smtp}",
        "group_wait: 30s": "group_wait: 1s",
        "group_wait: 10s": "group_wait: 1s",
        "group_interval: 5m": "group_interval: 1s",
        "group_interval: 1m": "group_interval: 1s",
    }.items():
        assert ours in text, ours
        text = text.replace(ours, theirs)
    (folder / "alertmanager.yml").write_text(text)
    shutil.copy(ALERTMANAGER / "messages.tmpl", folder)
    for name, value in (SECRETS | {"slack_url": f"{here}/slack"}).items():
        (folder / name).write_text(value)
    address = f"127.0.0.1:{free_port()}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: ready(f"http://{address}/-/ready"), child=process)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


def ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def alert(name: str, *, ends: datetime | None = None, **labels: str) -> dict[str, Any]:
    rule = alerts()[name]
    times = {} if ends is None else {"endsAt": ends.isoformat()}
    return {
        "labels": {"alertname": name, **rule["labels"], **labels},
        "annotations": {**rule["annotations"], "summary": f"{name} it is."},
        "startsAt": (utc_now() - timedelta(minutes=5)).astimezone(UTC).isoformat(),
        **times,
    }


def test_what_pagerduty_slack_the_tracker_and_security_receive(tmp_path: Path) -> None:
    with receiving() as (received, http, smtp), alertmanager(tmp_path, http, smtp) as url:

        def send(*some: dict[str, Any]) -> None:
            httpx.post(f"{url}/api/v2/alerts", json=list(some)).raise_for_status()

        # Who hears that the database is down need not hear that nothing is ready.
        send(alert("DatabaseDown", instance="db:9187", job="postgres"))
        wait_until(lambda: len(received.at("/pagerduty")) == 1)
        send(
            alert("DatabaseConnectionsHigh", instance="db:9187"),
            alert("CertificateExpiringSoon", instance="api.hotelbooking.com:443"),
            alert("CertificateExpiringSoon", instance="hotelbooking.com:443"),
            alert("SignInFailuresMany"),
            alert("HealthCheckFailing", instance="https://hotelbooking.com/health/ready", job="health"),
        )
        wait_until(lambda: len(received.at("/pagerduty")) == 3)
        wait_until(lambda: len(received.at("/webhooks/alertmanager")) == 4)
        wait_until(lambda: len(received.at("/slack")) == 4)
        wait_until(lambda: len(received.mails) == 1)

        calls = {call["payload"]["summary"]: call for call in received.at("/pagerduty")}
        assert set(calls) == {
            "[FIRING 1] DatabaseConnectionsHigh (critical)",
            "[FIRING 2] CertificateExpiringSoon (critical)",
            "[FIRING 1] DatabaseDown (critical)",
        }
        call = calls["[FIRING 1] DatabaseConnectionsHigh (critical)"]
        assert call["routing_key"] == SECRETS["pagerduty_routing_key"]
        assert (call["event_action"], call["payload"]["severity"]) == ("trigger", "critical")
        assert call["payload"]["custom_details"]["action"] == "Increase pool"
        assert call["links"] == [
            {"href": "https://admin.hotelbooking.com/admin/runbook#database-issues", "text": "Runbook"}
        ]

        channels = sorted(message["channel"] for message in received.at("/slack"))
        assert channels == ["#alerts", "#database", "#database", "#infrastructure"]
        (message, *_) = (m for m in received.at("/slack") if m["channel"] == "#database")
        assert message["attachments"][0]["text"].endswith("runbook#database-issues")
        assert "What to do: " in message["attachments"][0]["text"]

        for _, headers, body in (post for post in received.posts if post[0] == "/webhooks/alertmanager"):
            assert headers["Authorization"] == f"Bearer {SECRETS['alertmanager_token']}"
            assert (body["version"], body["status"]) == ("4", "firing")
        certificates = next(
            body
            for body in received.at("/webhooks/alertmanager")
            if body["groupLabels"]["alertname"] == "CertificateExpiringSoon"
        )
        assert [one["labels"]["instance"] for one in certificates["alerts"]] == [
            "api.hotelbooking.com:443",
            "hotelbooking.com:443",
        ]
        assert certificates["commonLabels"]["severity"] == "critical"

        mail = message_from_bytes(bytes(received.mails[0].original_content or b""), policy=policy.default)
        assert received.mails[0].rcpt_tos == ["security@hotelbooking.com"]
        assert mail["Subject"] == "[FIRING 1] SignInFailuresMany (warning)"

        # It is over: PagerDuty's incident with the same key is resolved, and so is the tracker's.
        send(alert("DatabaseConnectionsHigh", instance="db:9187", ends=utc_now()))
        over = ("resolve", call["dedup_key"])
        wait_until(
            lambda: over in {(one["event_action"], one["dedup_key"]) for one in received.at("/pagerduty")},
        )
        wait_until(
            lambda: any(body["status"] == "resolved" for body in received.at("/webhooks/alertmanager")),
        )
