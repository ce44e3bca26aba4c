"""What is checked of a checkout, by the scanners that `scripts/deploy_tools` installs, pinned."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hotel_booking.core.counting import count
from hotel_booking.ops.security.checks import Check, NotChecked, Surroundings, checkout, program

_INSTALL = "scripts/deploy_tools"


def dependencies(here: Surroundings) -> Iterator[str]:
    """What production installs, by what PyPI knows. Where it could not look, pip-audit ends with 0 too."""
    root = checkout(here)
    uv = root / ".venv-uv" / "bin" / "uv"
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        program(
            here, uv if uv.exists() else "uv", "export", "--quiet", "--frozen", "--no-dev",
            "--no-emit-project", "--format", "requirements-txt", "--output-file", wanted, good=(0,),
            fix="make setup",
        )  # fmt: skip
        done = program(
            here, _tool(root, "pip-audit"), "--requirement", wanted, "--disable-pip", "--require-hashes",
            "--progress-spinner", "off", "--format", "json", fix=_INSTALL,
        )  # fmt: skip
    found = _json(done.stdout, done.stderr, "pip-audit")["dependencies"]
    if not found:
        raise NotChecked("pip-audit was given nothing to look at")
    if skipped := [
        f"{result['name']}: {result['skip_reason']}" for result in found if "skip_reason" in result
    ]:
        raise NotChecked(f"{len(skipped)} could not be looked up, the first is {skipped[0]}")
    for result in found:
        for hole in result["vulns"]:
            versions = ", ".join(hole.get("fix_versions") or ()) or "no version yet"
            yield f"{result['name']} {result['version']}: {hole['id']}, mended in {versions}"


def browser_dependencies(here: Surroundings) -> Iterator[str]:
    """What the site's scripts come from, by what npm's registry knows of it."""
    done = program(
        here, "npm", "audit", "--package-lock-only", "--json", good=(0, 1),
        fix="apt-get install npm",
    )  # fmt: skip
    found = _json(done.stdout, done.stderr, "npm audit")
    if "error" in found or "vulnerabilities" not in found:
        raise NotChecked(f"npm audit: {found.get('error', {}).get('summary') or 'no answer of the registry'}")
    for name, one in sorted(found["vulnerabilities"].items()):
        yield f"{name} {one.get('range', '')}: {one.get('severity', '')}"


def bandit(here: Surroundings) -> Iterator[str]:
    """Our code, for what is dangerous in Python."""
    root = checkout(here)
    done = program(
        here, _tool(root, "bandit"), "--quiet", "--recursive", "src", "--severity-level", "high",
        "--confidence-level", "medium", "--format", "json", fix=_INSTALL,
    )  # fmt: skip
    report = _json(done.stdout, done.stderr, "bandit")
    if report.get("errors"):
        raise NotChecked(
            f"bandit could not read {count(len(report['errors']), 'file')}: {report['errors'][0]}"
        )
    for result in report["results"]:
        yield f"{result['filename']}:{result['line_number']}: {result['test_id']} {result['issue_text']}"


def own_rules(here: Surroundings) -> Iterator[str]:
    """Rules of our own, deployment/semgrep.yaml, by semgrep."""
    root = checkout(here)
    done = program(
        here, "semgrep", "scan", "--config", root / "deployment" / "semgrep.yaml", "--metrics", "off",
        "--disable-version-check", "--quiet", "--json", "src", fix="pip install semgrep",
    )  # fmt: skip
    report = _json(done.stdout, done.stderr, "semgrep")
    if report.get("errors"):
        raise NotChecked(f"semgrep: {report['errors'][0].get('message', 'it could not read everything')}")
    if not report.get("paths", {}).get("scanned"):
        raise NotChecked("semgrep looked at no file")
    for result in report["results"]:
        yield f"{result['path']}:{result['start']['line']}: {result['extra']['message']}"


def secrets(here: Surroundings) -> Iterator[str]:
    """Secrets in all that was ever committed; what is found is not repeated."""
    root = checkout(here)
    if program(here, "git", "rev-parse", "--is-shallow-repository", good=(0,)).stdout.strip() == "true":
        raise NotChecked("the history is not whole: this is a shallow clone", "git fetch --unshallow")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        done = program(
            here, _tool(root, "gitleaks"), "git", ".", "--no-banner", "--log-level", "error", "--redact",
            "--report-format", "json", "--report-path", report, fix=_INSTALL,
        )  # fmt: skip
        text = report.read_text() if report.exists() else ""
    for leak in _json(text, done.stderr, "gitleaks"):
        yield f"{leak['File']}:{leak['StartLine']} of {leak['Commit'][:12]}: {leak['Description']}"


def containerfile(here: Surroundings) -> Iterator[str]:
    """The image's recipe."""
    root = checkout(here)
    done = program(
        here, _tool(root, "hadolint"), "--format", "json", "deployment/docker/Containerfile", fix=_INSTALL
    )
    for remark in _json(done.stdout, done.stderr, "hadolint"):
        yield f"{remark['file']}:{remark['line']}: {remark['code']} {remark['message']}"


def infrastructure(here: Surroundings) -> Iterator[str]:
    """Terraform, by checkov; what is skipped there says why."""
    root = checkout(here)
    done = program(
        here, _tool(root, "checkov"), "--directory", "deployment/terraform", "--framework", "terraform",
        "--skip-download", "--output", "json", "--quiet", fix=_INSTALL,
    )  # fmt: skip
    report = _json(done.stdout, done.stderr, "checkov")
    if isinstance(report, list) or not report.get("summary", {}).get("passed"):
        raise NotChecked("checkov looked at nothing")
    if report["summary"]["parsing_errors"]:
        raise NotChecked(f"checkov could not read {count(report['summary']['parsing_errors'], 'file')}")
    for check in report["results"]["failed_checks"]:
        yield f"{check['file_path']}: {check['check_id']} {check['resource']}"


def workflows(here: Surroundings) -> Iterator[str]:
    """The pipelines, by zizmor."""
    root = checkout(here)
    done = program(
        here, _tool(root, "zizmor"), "--offline", "--quiet", "--no-exit-codes", "--format", "json", ".github",
        good=(0,), fix=_INSTALL,
    )  # fmt: skip
    for remark in _json(done.stdout, done.stderr, "zizmor"):
        where = remark["locations"][0]["symbolic"]["key"] if remark.get("locations") else {}
        yield f"{remark['ident']}: {remark['desc']} ({json.dumps(where)[:100]})"


def manifests(here: Surroundings) -> Iterator[str]:
    """What Kubernetes applies, against our policy: not root, limits, probes, no latest tag and the rest."""
    root = checkout(here)
    done = program(
        here, root / ".venv" / "bin" / "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "-rf",
        "tests/deployment/test_manifests_policy.py", fix="make setup",
    )  # fmt: skip
    wrong = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    if done.returncode and not wrong:
        raise NotChecked("the policy's tests did not run")
    yield from wrong


def image(here: Surroundings) -> Iterator[str]:
    """What the image holds, by trivy, as the runbook's line asks."""
    done = program(
        here, "trivy", "image", "--quiet", "--severity", "HIGH,CRITICAL", "--format", "json",
        here.environ.get("HOTEL_IMAGE", "hotel-booking:latest"), good=(0,),
    )  # fmt: skip
    for part in _json(done.stdout, done.stderr, "trivy").get("Results") or ():
        for weakness in part.get("Vulnerabilities") or ():
            what = f"{weakness['PkgName']} {weakness.get('InstalledVersion', '')}"
            yield f"{what}: {weakness['VulnerabilityID']} {weakness['Severity']}"


def _tool(root: Path, name: str) -> Path:
    return root / ".venv-deploy" / "tools" / name


def _json(text: str, said: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "no report")
        raise NotChecked(f"{name} gave no report: {last}") from None


CHECKS = (
    Check("dependencies", "advisories on what production installs (pip-audit)", dependencies),
    Check(
        "browser dependencies", "advisories on what the scripts come from (npm audit)", browser_dependencies
    ),
    Check("image", "advisories on what the image holds (trivy)", image),
    Check("code", "dangerous Python (bandit)", bandit),
    Check("own rules", "our own rules (semgrep)", own_rules),
    Check("secrets", "secrets in the history (gitleaks)", secrets),
    Check("containerfile", "the image's recipe (hadolint)", containerfile),
    Check("infrastructure", "Terraform (checkov)", infrastructure),
    Check("workflows", "pipelines (zizmor)", workflows),
    Check("manifests", "manifests against the policy", manifests),
)
