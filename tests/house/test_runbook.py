"""What the runbook and the deployment guide name exists: files, headings, commands with their options,
settings, metrics, alerts, dashboards, addresses. An operator who copies a line at night must not be the first
to run it."""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
from litestar.routes import HTTPRoute

from hotel_booking.cli import app as command_line
from hotel_booking.core.config import Settings
from hotel_booking.core.environment import OTHERS
from hotel_booking.core.metrics import DECLARED
from hotel_booking.core.setting import declared
from hotel_booking.domains.incidents.checklists import CHECKLISTS
from hotel_booking.domains.incidents.types import SEVERITY_MEANS
from hotel_booking.ops.canary.state import NAME as CANARY
from hotel_booking.ops.preflight import CHECKLIST
from tests.clients.http_client import looked_at
from tests.deployment.documents import KUBERNETES, called, pod_of, written

yaml: Any = import_module("yaml")  # it carries no types
ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = ROOT / "docs" / "RUNBOOK.md"
PAGES = (RUNBOOK, ROOT / "docs" / "DEPLOYMENT_GUIDE.md")
MONITORING = ROOT / "deployment" / "monitoring"
# Those of the runbook that the platform was planned with, and what alerts link to: who renames one breaks the
# links of those that fire.
HEADINGS = """overview key-contacts critical-services architecture deployment-procedures monitoring--alerts
    key-metrics monitoring-dashboards alert-response critical-alerts warning-alerts incident-response
    incident-classification incident-response-process common-issues--solutions high-error-rate
    jobs-wait payments-fail full-disk certificates
    infrastructure-overview key-components pre-deployment-checklist useful-commands emergency-contacts
    documentation-links database-issues redis-issues disaster-recovery backup-schedule database-recovery
    security-procedures maintenance-windows appendix deployment-strategies canary-deployment-default
    blue-green-deployment emergency-hotfix rollback-procedures automatic-rollback manual-rollback
    recovery-procedures full-environment-recovery rtorpo-targets access-control security-scanning
    scheduled-maintenance maintenance-procedures database-maintenance kubernetes-upgrades""".split()
PROGRAMS = {
    *("hotel-booking", "journalctl", "systemctl", "df", "curl", "psql", "redis-cli", "kubectl"),
    *(f"./deployment/scripts/{file.name}" for file in (ROOT / "deployment" / "scripts").glob("*.sh")),
    "git",
    "scripts/deploy_release",
    "trivy",
}
# What the image has, by `kubectl exec`.
IN_THE_IMAGE = {"hotel-booking", "psql", "redis-cli"}
# What the deployment guide works with at AWS; the shell's own are there to go somewhere and to tidy up.
PROGRAMS |= {
    "terraform",
    "eksctl",
    "aws",
    "helm",
    "openssl",
    "jq",
    "cd",
    "rm",
    "export",
    "grep",
    "sed",
    "make",
}
_INSIDE = {"localhost", "pod-address", "hotel-booking.hotel-booking-production"}  # asked inside the cluster
HOSTS = {
    "hotelbooking.com": "the site",
    "api.hotelbooking.com": "the API",
    "admin.hotelbooking.com": "the panel",
    "monitoring.hotelbooking.com": "Grafana",
    "status.hotelbooking.com": "the status page",
}
_VARIABLES = {
    *("DB_HOST", "DB_USER", "DB_NAME", "REDIS_URL", "REDIS_HOST", "PUBLIC_URL", "STARTED"),
    *("NEW_IMAGE_TAG", "RUNNING_IMAGE_TAG", "IMAGE"),
}
_VARIABLES |= {"MASTER", "PASSWORD", "ARGS", "word"}


def text_of(page: Path) -> str:
    return page.read_text()


def slug(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def slugs(page: Path) -> list[str]:
    return [slug(found) for found in re.findall(r"^#+ (.+)$", _no_blocks(text_of(page)), re.MULTILINE)]


def _no_blocks(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def commands(page: Path) -> list[str]:
    """The lines of code blocks, and what stands in a line as a command of ours."""
    text = text_of(page)
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in _joined(block) if not line.startswith("#")]
    inline = re.findall(r"`([^`\n]+)`", _no_blocks(text))
    return lines + [found for found in inline if found.startswith("hotel-booking ")]


def _joined(block: str) -> list[str]:
    """The lines of a code block, each as the shell reads it."""
    return [line for line in re.sub(r"\\\n\s*", "", block).splitlines() if line]


def named(page: Path, pattern: str) -> set[str]:
    return set(re.findall(pattern, text_of(page)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.is_file() or (anchor and anchor not in slugs(file)):
            wrong.append(target)
    assert wrong == []


def test_the_headings_are_those_that_alerts_link_to() -> None:
    found = slugs(RUNBOOK)
    assert [heading for heading in HEADINGS if heading not in found] == []
    assert len(found) == len(set(found)), "two headings with the same address"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_ours_exists_with_its_options(page: Path) -> None:
    ours = [line for line in map(unwrapped, commands(page)) if line.startswith("hotel-booking ")]
    assert len(ours) > 5
    assert {line: found for line in ours if (found := problem_with(line))} == {}


def unwrapped(line: str) -> str:
    """What a wrapper of deployment/scripts runs; any other line as it is."""
    program, _, rest = line.partition(" ")
    file = ROOT / program
    if not program.startswith("./deployment/scripts/") or not file.is_file():
        return line
    verb = re.search(r'/ops" ([\w -]+) "\$@"$', file.read_text().strip())
    assert verb is not None, f"{program} hands its words to no command of ours"
    return f"hotel-booking ops {verb[1]} {rest}"


def problem_with(line: str) -> str | None:
    """What is wrong with a command, by the command line itself; what it would do is not done."""
    words = [{"NUMBER": "1", "ACTION": "1"}.get(word, word) for word in shlex.split(line)[1:]]
    # Typer carries a click of its own: there is no common type of commands.
    command: Any = typer.main.get_command(command_line)
    context: Any = None
    try:
        while hasattr(command, "get_command") and words:
            context = command.context_class(command, info_name=words[0], parent=context)
            command = command.get_command(context, words[0])
            if command is None:
                return f"there is no {words[0]}"
            words = words[1:]
        command.make_context("x", words, parent=context)
    except Exception as error:  # its errors are its own too
        return f"{type(error).__name__}: {error}"
    return None


def kubectl_problem(line: str) -> str | None:
    """What a line of kubectl names that the manifests do not have, or the image does not run."""
    words, _, inside = line.partition(" -- ")
    known = manifests()
    asked = shlex.split(words)
    if "-n" in asked and asked[asked.index("-n") + 1] not in known["Namespace"]:
        return f"no namespace {asked[asked.index('-n') + 1]}"
    deployments = re.findall(r"(?<!-f )\bdeployment[/ ]([\w-]+)", words)
    if lost := [name for name in deployments if name not in known["Deployment"]]:
        return f"no deployment {lost}"
    if re.search(r"^kubectl (?:scale|rollout|set|autoscale)\b[^$]* service/", words):
        return "a service has no pods of its own: it only leads to them"
    services = re.findall(r"(?<!-f )\bservice[/ ]([\w-]+)", words)
    if lost := [name for name in services if name not in known["Service"]]:
        return f"no service {lost}"
    if lost := [name for name in re.findall(r"\bcanary ([\w-]+)", words) if name != CANARY]:
        return f"no canary {lost}"
    if lost := [name for name in re.findall(r"-l app=([\w-]+)", words) if name not in known["app"]]:
        return f"no pods of app={lost}"
    if not inside:
        return None
    program = shlex.split(inside)[0]
    if program not in IN_THE_IMAGE:
        return f"{program} is not in the image"
    return problem_with(inside) if program == "hotel-booking" else None


@cache
def manifests() -> dict[str, set[str]]:
    """What lines may name: deployments, the pods' label `app`, namespaces."""
    deployments = called(written(KUBERNETES / "base"), "Deployment")
    labels = [pod["metadata"]["labels"] for one in written(KUBERNETES / "base") if (pod := pod_of(one))]
    overlays = (KUBERNETES / "overlays").glob("*/kustomization.yaml")
    return {
        "Deployment": set(deployments),
        "Service": set(called(written(KUBERNETES / "base"), "Service")),
        "app": {label["app"] for label in labels},
        "Namespace": {yaml.safe_load(file.read_text())["namespace"] for file in overlays},
    }


def test_kubectl_s_lines_name_what_the_manifests_have() -> None:
    lines = [line for line in commands(RUNBOOK) if line.startswith("kubectl ")]
    assert len(lines) > 15
    assert {line: found for line in lines if (found := kubectl_problem(line))} == {}
    for wrong in (
        "kubectl get pods -n hotel-booking",
        "kubectl describe deployment hotel -n hotel-booking-production",
        "kubectl logs -n hotel-booking-production -l app=web",
        "kubectl describe canary hotel-booking -n hotel-booking-production",
        "kubectl exec -n hotel-booking-production service/hotel-booking-idle -- psql",
        "kubectl exec -n hotel-booking-production deployment/hotel-booking -- vim",
        "kubectl scale service/hotel-booking-active --replicas=10 -n hotel-booking-production",
        "kubectl exec -n hotel-booking-production deployment/hotel-booking -- hotel-booking cache wipe",
    ):
        assert kubectl_problem(wrong) is not None, wrong


def test_the_test_sees_a_command_that_is_wrong() -> None:
    assert problem_with("hotel-booking incident ack 1") is None
    for wrong in (
        "incident ack",
        "incident ack 1 --loudly",
        "incidents list",
        "incident sing",
        "demo --prot 1",
    ):
        assert problem_with(f"hotel-booking {wrong}") is not None, wrong
    for wrong in ("grant-access.sh --loudly x", "backup-restore.sh mend", "update-dns.sh --force"):
        line = unwrapped(f"./deployment/scripts/{wrong}")
        assert problem_with(line) is not None, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_to_copy_use_known_programs_and_variables(page: Path) -> None:
    lines = commands(page)
    assert {shlex.split(line)[0] for line in lines} <= PROGRAMS
    assert {found for line in lines for found in re.findall(r"\$(\w+)", line)} <= _VARIABLES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_and_metrics_are_those_there_are(page: Path) -> None:
    settings = {setting.variable for setting in declared(Settings)} | OTHERS.keys()
    assert named(page, r"\bHOTEL_[A-Z_]+\b") - settings == set()
    metrics = {metric.name for metric in DECLARED}
    of_histograms = {metric.name for metric in DECLARED if metric.kind == "histogram"}
    metrics |= {f"{name}_{part}" for name in of_histograms for part in ("bucket", "sum", "count")}
    assert named(page, r"\bhotel_booking_\w+\b") - metrics == set()


@cache
def rules() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for file in (MONITORING / "prometheus" / "rules").glob("*.yml"):
        for group in yaml.safe_load(file.read_text())["groups"]:
            found |= {rule["alert"]: rule for rule in group["rules"] if "alert" in rule}
    return found


def test_alerts_are_those_there_are_and_link_here() -> None:
    alerts = named(RUNBOOK, r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`") - {"EnvironmentFile"}
    assert len(alerts) >= 6
    assert alerts - rules().keys() == set()
    here = slugs(RUNBOOK)
    for name, rule in rules().items():
        anchor = str(rule["annotations"]["runbook_url"]).partition("#")[2]
        assert anchor in here, f"{name} links to #{anchor}"


def test_the_table_says_what_the_rules_do() -> None:
    """Level and action of each row are those of its rule."""
    rows = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \| (Critical|Warning) \| ([^|]+) \| `(\w+)` \|$",
        text_of(RUNBOOK),
        re.MULTILINE,
    )
    assert len(rows) == 6
    for _, _, level, action, alert in rows:
        rule = rules()[alert]
        assert rule["labels"]["severity"] == level.lower(), alert
        assert rule["annotations"]["action"] == action, alert
        assert rule["for"] == "5m", alert


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_addresses_are_those_there_are(page: Path) -> None:
    found = {urlsplit(url) for url in named(page, r"https?://[^\s)`\"]+")}
    assert {url.hostname for url in found} <= HOSTS.keys() | {"github.com", "argoproj.github.io"} | _INSIDE
    dashboards = {url.path.removeprefix("/d/") for url in found if url.path.startswith("/d/")}
    if page == RUNBOOK:
        assert dashboards == {"app", "infra", "business"}
    files = list((MONITORING / "grafana").rglob("*.json"))
    assert dashboards <= {json.loads(file.read_text()).get("uid") for file in files}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_routes_are_those_there_are(page: Path) -> None:
    application = looked_at()
    known = {route.path for route in application.routes if isinstance(route, HTTPRoute)}
    asked = {
        found.split()[-1].partition("?")[0]
        for found in re.findall(r"`((?:GET |POST )?/[\w/.-]*)`", _no_blocks(text_of(page)))
    }
    # A name may stand for all that is below it: /admin, /api/v1.
    lost = [
        path
        for path in asked
        if not any(route == path or route.startswith(path.rstrip("/") + "/") for route in known)
    ]
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_are_those_there_are(page: Path) -> None:
    found = named(page, r"(?:\./)?((?:deployment|docs|scripts|src|tests|benchmarks)/[\w./-]+\w)")
    # `kubectl` names a Deployment just so.
    found -= {f"deployment/{name}" for name in called(written(KUBERNETES / "base"), "Deployment")}
    found -= {"deployment/istio-ingress", "deployment/hotel-booking-primary"}  # others make these
    assert [path for path in found if not (ROOT / path).exists()] == []


def test_checklists_and_the_runbook_have_the_same_commands() -> None:
    """In the same order, below the same headings, with the same words."""
    for checklist in CHECKLISTS:
        assert checklist.anchor in slugs(RUNBOOK)
        section = re.search(
            rf"^#### {checklist.title}$(.*?)(?=^#)",
            _shield(text_of(RUNBOOK)),
            re.MULTILINE | re.DOTALL | re.IGNORECASE,
        )
        assert section is not None, checklist.title
        lines = [
            line
            for block in re.findall(r"```bash\n(.*?)```", section[1], re.DOTALL)
            for line in _joined(block)
            if not line.startswith("%")
        ]
        in_cluster = [step.in_cluster or step.command for step in checklist.steps]
        assert lines == [line for line in (*in_cluster, *(step.command for step in checklist.steps)) if line]
        for step in checklist.steps:
            assert step.what in section[1].replace("`", ""), step.what


def _shield(text: str) -> str:
    """Comments in code blocks are no headings."""
    return re.sub(r"```.*?```", lambda block: block[0].replace("\n#", "\n%"), text, flags=re.DOTALL)


def test_the_classes_are_the_trackers_words() -> None:
    for severity, (name, meaning, _) in SEVERITY_MEANS.items():
        assert f"- **{severity} ({name})**: {meaning}\n" in text_of(RUNBOOK)


def test_the_checklist_is_the_one_that_is_evaluated() -> None:
    ticked = re.findall(r"^- \[ \] (.+)$", text_of(RUNBOOK), re.MULTILINE)
    assert ticked == [check.text for check in CHECKLIST]
    for check in CHECKLIST:
        days, hours = check.lasts.days, check.lasts.seconds // 3600 + 24 * check.lasts.days
        assert re.search(
            rf"^\| {re.escape(check.text)} \| .* \| (?:{days} days|{hours} hours)\b",
            text_of(RUNBOOK),
            re.MULTILINE,
        )


def test_nothing_is_still_to_come() -> None:
    assert not re.search(r"not yet\*|\bto come\b|\bTODO\b", text_of(RUNBOOK), re.IGNORECASE)
