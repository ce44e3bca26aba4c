"""kubectl, of a cluster that is a file: for commands of ours that ask it this and that. What the real one
says to them, tests/cluster hears. `exec` runs the command here, with the environment that the file names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = """#!{python} -IS
import sys
sys.path.insert(0, {root!r})
from tests.doubles.kubectl import main
main({state!r})
"""


class Cluster:
    """The cluster. `deployments` by their names; `said` is what kubectl was asked, a line each."""

    def __init__(self, folder: Path, *, context: str, namespace: str, environ: dict[str, str]) -> None:
        self.state = folder / "cluster.json"
        self.log = folder / "kubectl.log"
        folder.mkdir(exist_ok=True)
        pod = {"containers": [{"name": "worker", "image": "hotel-booking", "args": ["worker"]}]}
        self._write(
            {
                "context": context,
                "namespace": namespace,
                "environ": environ,
                "log": str(self.log),
                "deployments": {
                    name: {
                        "metadata": {"name": name, "annotations": {}},
                        "spec": {
                            "replicas": 2,
                            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
                        },
                        "status": {"replicas": 2},
                    }
                    for name in ("hotel-booking", "hotel-booking-worker")
                },
                "pods": {},
                "there": ["externalsecrets.external-secrets.io"],
                "answers": {},
            }
        )
        program = folder / "kubectl"
        root = str(Path(__file__).resolve().parents[2])
        program.write_text(SCRIPT.format(python=sys.executable, root=root, state=str(self.state)))
        program.chmod(0o755)
        self.path = f"{folder}:{os.environ['PATH']}"

    def read(self) -> dict[str, Any]:
        found = json.loads(self.state.read_text())
        assert isinstance(found, dict)
        return found

    def change(self, **changes: Any) -> None:
        self._write({**self.read(), **changes})

    def replicas(self) -> dict[str, int]:
        return {name: one["spec"]["replicas"] for name, one in self.read()["deployments"].items()}

    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def _write(self, state: dict[str, Any]) -> None:
        self.state.write_text(json.dumps(state))


def main(path: str) -> None:
    """The program."""
    state = json.loads(Path(path).read_text())
    words = [word for word in sys.argv[1:] if not word.startswith(("--namespace=", "--request-timeout="))]
    with Path(state["log"]).open("a") as log:
        log.write(" ".join(words) + "\n")
    if f"--namespace={state['namespace']}" not in sys.argv:
        _fail(f'Error from server (NotFound): namespaces "{state["namespace"]}" not found')
    verb, *rest = words
    if verb == "config":
        sys.stdout.write(state["context"] + "\n")
    elif verb == "get" and rest[:2] == ["deployment", "--output=json"]:
        sys.stdout.write(json.dumps({"items": list(state["deployments"].values())}))
    elif verb == "get":
        _get(state, *rest)
    elif verb == "patch":
        _patch(state["deployments"][rest[1]], json.loads(rest[3].removeprefix("--patch=")))
        sys.stdout.write(json.dumps(state["deployments"][rest[1]]))
    elif verb == "create":
        body = json.loads(sys.stdin.read())
        state["pods"][body["metadata"]["name"]] = body
    elif verb == "delete":
        state["pods"].pop(rest[1], None)
    elif verb == "apply":
        state["there"] += ["externalsecrets.external-secrets.io"]
    elif verb == "exec":
        _exec(state, rest)
    Path(path).write_text(json.dumps(state))


def _get(state: dict[str, Any], kind: str, name: str, *_options: str) -> None:
    if kind == "deployment" and name in state["deployments"]:
        sys.stdout.write(json.dumps(state["deployments"][name]))
    elif name not in state["there"]:
        _fail(f'Error from server (NotFound): {kind} "{name}" not found')


def _patch(one: dict[str, Any], change: dict[str, Any]) -> None:
    for name, value in change.get("metadata", {}).get("annotations", {}).items():
        one["metadata"]["annotations"].pop(name, None)
        if value is not None:
            one["metadata"]["annotations"][name] = value
    if "replicas" in change.get("spec", {}):
        one["spec"]["replicas"] = one["status"]["replicas"] = change["spec"]["replicas"]


def _exec(state: dict[str, Any], rest: list[str]) -> None:
    pod = rest[1].removeprefix("pod/")
    if pod not in state["pods"]:
        _fail(f'Error from server (NotFound): pods "{pod}" not found')
    command = rest[rest.index("--") + 1 :]
    words = " ".join(command[4:])
    if answer := state["answers"].get(words):
        sys.stdout.write(answer)
        return
    given = sys.stdin.read()
    if words == "ops dr roles":  # where the address leads from here
        given = json.dumps({**json.loads(given), **state.get("login", {})})
    folder = Path(sys.executable).parent
    done = subprocess.run(
        command,
        input=given,
        text=True,
        env={"PATH": f"{folder}:/usr/bin:/bin", "HOME": "/tmp", **state["environ"]},
        check=False,
    )
    sys.exit(done.returncode)


def _fail(said: str) -> None:
    sys.stderr.write(said + "\n")
    sys.exit(1)
