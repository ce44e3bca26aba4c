"""The workflows: what they run exists, what they use is pinned, and they may no more than they must."""

from __future__ import annotations

import re
import shlex
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.checkers import FOLDER, ROOT, check, said
from tests.house.test_runbook import problem_with

yaml: Any = import_module("yaml")  # it carries no types
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
_OURS = re.compile(r"(?:\./)?(?:scripts|deployment|\.ci)/[\w./-]+")
# What a runner of GitHub's, or the image that a job names, has without us.
PROGRAMS = set("apt-get aws bash cosign curl cut docker echo gh git head mkdir npx sed tr".split())
_WORDS = {
    "if",
    "then",
    "else",
    "fi",
    "for",
    "do",
    "done",
    "{",
    "}",
    "!",
    "while",
    "in",
    "true",
    "set",
    "shift",
    "[",
}

BAD = """
name: Careless
on:
  pull_request_target:
jobs:
  greet:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          ref: ${{ github.event.pull_request.head.sha }}
      - run: echo "${{ github.event.pull_request.title }}"
"""


def read(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text())
    content["on"] = content.pop(True)  # what YAML 1.1 makes of `on`
    return dict(content)


def jobs() -> list[Any]:
    found = [
        pytest.param(job, id=f"{path.stem}-{name}")
        for path in WORKFLOWS
        for name, job in read(path)["jobs"].items()
    ]
    assert len(found) >= 10
    return found


def scripts() -> list[Any]:
    return [
        pytest.param(step["run"], id=f"{path.stem}-{name}-{number}")
        for path in WORKFLOWS
        for name, job in read(path)["jobs"].items()
        for number, step in enumerate(job.get("steps", []))
        if "run" in step
    ]


def commands(script: str) -> list[list[str]]:
    """Every command of a script, in words. What is quoted stays a word; substitutions are commands too."""
    script = re.sub(r"\\\n", " ", script)
    inner = re.findall(r"\$\(([^()]*(?:\([^()]*\)[^()]*)*)\)", script)
    lexer = shlex.shlex(re.sub(r"(?m)(^|\s)#.*$", "", script), posix=True, punctuation_chars="|&;()<>\n")
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("|&;\n()"):
            found.append([])
        else:
            found[-1].append(word)
    lines = [line for words in found if (line := _without_words(words))]
    return lines + [line for part in inner for line in commands(part)]


def _without_words(words: list[str]) -> list[str]:
    """Without the shell's own words and assignments in front."""
    while words and (words[0] in _WORDS or re.match(r"\w+\+?=", words[0])):
        if words[0] == "for":
            return []
        words = words[1:]
    return words


def problem(line: list[str], script: str) -> str | None:
    """What is wrong with a command; None where it is there to be run."""
    program, *rest = line
    if program == "bash" and rest:
        program = rest[0]
    if program == "make":
        return (
            None if re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE) else "no target"
        )
    if program.endswith("/hotel-booking"):
        return problem_with(shlex.join(["hotel-booking", *rest]))
    if program == "deployment/scripts/preflight.sh":
        return problem_with(shlex.join(["hotel-booking", "ops", "preflight", *rest]))
    if program.startswith(".venv/bin/"):
        return None if (ROOT / program).exists() else "not in the environment"
    if _OURS.fullmatch(program):
        path = ROOT / program
        return (
            None if path.is_file() and (path.stat().st_mode & 0o100 or line[0] == "bash") else "no such file"
        )
    if re.search(rf"^\s*{re.escape(program)}\(\)", script, re.MULTILINE):
        return None
    return None if program in PROGRAMS or program.startswith((">", "-", "$", '"')) else "not known"


@pytest.mark.parametrize("script", scripts())
def test_every_command_that_a_workflow_runs_exists(script: str) -> None:
    lines = commands(script)
    assert lines
    wrong = {shlex.join(line): found for line in lines if (found := problem(line, script))}
    assert wrong == {}


@pytest.mark.parametrize(
    "script",
    [
        "make luck",
        "scripts/luck",
        "set -eu; trivy image x",
        "x=$(scripts/luck)",
        ".venv/bin/hotel-booking ops luck",
        "if .venv/bin/hotel-booking ops preflight --loudly; then echo x; fi",
        "echo x | luck --now",
        "echo x # that\nluck",
    ],
)
def test_a_command_that_does_not_exist_is_seen(script: str) -> None:
    assert [line for line in commands(script) if problem(line, script)]


def test_files_that_workflows_name_exist() -> None:
    for path in WORKFLOWS:
        named = _OURS.findall(path.read_text())
        assert [name for name in named if not (ROOT / name.rstrip(".")).exists()] == [], path.name


@pytest.mark.parametrize("job", jobs())
def test_a_job_ends_and_may_no_more_than_it_says(job: dict[str, Any]) -> None:
    assert "permissions" in job
    assert "write-all" not in str(job["permissions"])
    if "uses" not in job:
        assert job["timeout-minutes"] <= 180
        assert job["runs-on"] == "ubuntu-24.04"


def test_nothing_may_anything_by_default_and_runs_are_bounded() -> None:
    for path in WORKFLOWS:
        content = read(path)
        assert content["permissions"] == {}, path.name
        assert "concurrency" in content, path.name
        assert "pull_request_target" not in content["on"], path.name


def test_actions_are_pinned_by_commit_and_say_their_version() -> None:
    for path in WORKFLOWS:
        for line in re.findall(r"uses: (.*)", path.read_text()):
            if not line.startswith("./"):
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), f"{path.name}: {line}"


def test_one_action_has_one_pin() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for name, pin in re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40} # v[\d.]+)", path.read_text()):
            pins.setdefault(name, set()).add(pin)
    assert {name for name, found in pins.items() if len(found) > 1} == set()


def test_nothing_from_outside_is_written_into_a_script() -> None:
    """`${{ }}` in a script is text before the shell sees it: values go by the environment."""
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            for step in job.get("steps", []):
                assert "${{" not in step.get("run", ""), f"{path.name}: {name}"


def test_jobs_that_have_production_or_the_key_wait_for_an_environment_of_main() -> None:
    release = read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert release["production"]["environment"]["name"] == "production"
    assert {"staging", "evidence"} <= set(release["production"]["needs"])
    assert release["image"]["if"] == "${{ github.ref == 'refs/heads/main' }}"
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            if "secrets.HOTEL_EVIDENCE_KEY" in str(job):
                assert job.get("environment") == "evidence", f"{path.name}: {name}"
            if job.get("permissions", {}).get("contents") == "write":
                assert job["environment"]["name"] in ("staging", "production"), f"{path.name}: {name}"


def test_checks_run_on_the_platforms_own_base() -> None:
    base = re.search(
        r"^ARG BASE=(\S+)$", (ROOT / "deployment/docker/Containerfile").read_text(), re.MULTILINE
    )
    assert base is not None
    images = {
        job["container"]["image"]
        for path in WORKFLOWS
        for job in read(path)["jobs"].values()
        if "container" in job
    }
    assert images == {base[1]}


def test_the_production_job_asks_the_checklist_before_it_deploys() -> None:
    steps = read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]["production"]["steps"]
    scripts = [step.get("run", "") for step in steps]
    asks = next(number for number, script in enumerate(scripts) if "preflight.sh --release" in script)
    deploys = next(
        number for number, script in enumerate(scripts) if 'deploy_release production "$IMAGE"' in script
    )
    assert asks < deploys
    assert scripts[deploys].index("--require-pass") < scripts[deploys].index("deploy_release production")


# By their checkers ---------------------------------------------------------------------------------


def actionlint(*files: Path) -> subprocess.CompletedProcess[str]:
    return check("actionlint", "-no-color", "-shellcheck", str(FOLDER / "shellcheck"), *files)


@pytest.mark.deploy
def test_actionlint_finds_nothing() -> None:
    done = actionlint(*WORKFLOWS)
    assert done.returncode == 0, said(done)


@pytest.mark.deploy
def test_zizmor_finds_nothing() -> None:
    done = check("zizmor", "--offline", "--no-progress", ".github")
    assert done.returncode == 0, said(done)


@pytest.mark.deploy
def test_they_fit_githubs_schema() -> None:
    done = check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)
    assert done.returncode == 0, said(done)
    done = check(
        "check-jsonschema", "--builtin-schema", "vendor.dependabot", ROOT / ".github" / "dependabot.yml"
    )
    assert done.returncode == 0, said(done)


@pytest.mark.deploy
def test_a_careless_workflow_is_refused_by_each(tmp_path: Path) -> None:
    path = tmp_path / ".github" / "workflows" / "careless.yml"
    path.parent.mkdir(parents=True)
    path.write_text(BAD)
    done = actionlint(path)
    assert done.returncode == 1
    assert "potentially untrusted" in done.stdout
    done = check("zizmor", "--offline", "--no-progress", path)
    assert done.returncode not in (0, 1), said(done)
    for finding in ("dangerous-triggers", "template-injection", "unpinned-uses", "excessive-permissions"):
        assert finding in done.stdout, said(done)
    path.write_text(BAD.replace("runs-on", "runs-at"))
    assert check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path).returncode == 1
