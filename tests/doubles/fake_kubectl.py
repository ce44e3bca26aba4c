"""A kubectl that keeps its objects in a folder: what an API server does with labels, versions and logs, as
far as isolating and evidence ask. tests/cluster asks the real one."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

yaml: Any = import_module("yaml")  # it carries no types
ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "deployment" / "kubernetes" / "base" / "network" / "policies.yaml"
_PROGRAM = """#!{python} -IS
import json, sys
from pathlib import Path

here = Path({here!r})
words = [word for word in sys.argv[1:] if not word.startswith(("--namespace", "--request-timeout"))]
with (here / "asked.txt").open("a") as asked:
    asked.write(json.dumps(words) + "\\n")
if (here / "away").exists():
    sys.exit("Unable to connect to the server: dial tcp: i/o timeout")
verb, rest = words[0], words[1:]
options = dict(word.partition("=")[::2] for word in rest if word.startswith("--"))
names = [word for word in rest if not word.startswith("--")]


def pod(name):
    file = here / "pods" / (name + ".json")
    if not file.exists():
        sys.exit('Error from server (NotFound): pods "%s" not found' % name)
    return file, json.loads(file.read_text())


if verb == "get" and names[0] == "pod":
    print(json.dumps(pod(names[1])[1]))
    if (here / "hurried").exists():  # somebody changes it once it was read
        (here / "hurried").unlink()
        file, body = pod(names[1])
        body["metadata"]["resourceVersion"] = "77"
        file.write_text(json.dumps(body))
elif verb == "get" and names[0] == "pods":
    there = sorted((here / "pods").glob("*"))
    print(json.dumps({{"items": [json.loads(file.read_text()) for file in there]}}))
elif verb == "get" and names[0] == "canaries":
    sys.exit('error: the server doesn\\'t have a resource type "canaries"')
elif verb == "get":
    file = here / (names[0] + ".json")
    print(file.read_text() if file.exists() else json.dumps({{"items": []}}))
elif verb == "patch":
    file, body = pod(names[1])
    change = json.loads(options["--patch"])["metadata"]
    if change.pop("resourceVersion") != body["metadata"]["resourceVersion"]:
        sys.exit('Error from server (Conflict): Operation cannot be fulfilled on pods "x"')
    for kind, keys in change.items():
        merged = body["metadata"].get(kind, {{}}) | keys
        body["metadata"][kind] = {{key: text for key, text in merged.items() if text is not None}}
    body["metadata"]["resourceVersion"] = str(int(body["metadata"]["resourceVersion"]) + 1)
    file.write_text(json.dumps(body))
    print(json.dumps(body))
elif verb == "logs":
    run = ".before" if "--previous" in options else ""
    file = here / "logs" / (names[0] + "." + options["--container"] + run)
    if not file.exists() and "--previous" in options:
        sys.exit('Error from server (BadRequest): previous terminated container "web" in pod "x" not found')
    if not file.exists():
        sys.exit('Error from server (BadRequest): container "web" in pod "x" is waiting to start')
    sys.stdout.buffer.write(file.read_bytes()[: int(options["--limit-bytes"])])
elif verb == "exec":
    file = here / ("exec " + " ".join(words[words.index("--") + 1 :])[:60])
    if not file.exists():
        sys.exit("error: there is no such answer: " + file.name)
    sys.stdout.write(file.read_text())
else:
    sys.exit("unexpected: " + str(words))
"""


class Cluster:
    """The objects; `path` is for PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder / "cluster", folder / "bin"
        for made in (self.folder / "pods", self.folder / "logs", self.path):
            made.mkdir(parents=True)
        program = self.path / "kubectl"
        program.write_text(_PROGRAM.format(python=sys.executable, here=str(self.folder)))
        program.chmod(0o755)
        self.policies(
            [one for one in yaml.safe_load_all(POLICIES.read_text()) if one["kind"] == "NetworkPolicy"]
        )

    def policies(self, written: list[Any]) -> None:
        (self.folder / "networkpolicies.json").write_text(json.dumps({"items": written}))

    def pod(self, name: str, **labels: str) -> None:
        meta = {"name": name, "resourceVersion": "1", "labels": labels, "annotations": {"kept": "as it is"}}
        spec = {"containers": [{"name": "web"}], "initContainers": [{"name": "istio-init"}]}
        status = {"phase": "Running", "podIP": "10.0.7.3"}
        body = {"metadata": meta, "spec": spec, "status": status}
        (self.folder / "pods" / f"{name}.json").write_text(json.dumps(body))

    def read(self, name: str) -> Any:
        return json.loads((self.folder / "pods" / f"{name}.json").read_text())["metadata"]

    def log(self, name: str, content: bytes) -> None:
        (self.folder / "logs" / name).write_bytes(content)

    def asked(self) -> list[list[str]]:
        file = self.folder / "asked.txt"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
