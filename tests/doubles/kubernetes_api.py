"""An API server of Kubernetes over TLS, as a pod reaches it: objects by path, merge and JSON patches,
versions that make a late change a conflict, and a token that is asked for. A Deployment whose template is
changed gets its ReplicaSet and is rolled out at once."""

from __future__ import annotations

import copy
import ipaddress
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import RLock, Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hotel_booking.core.clock import utc_now

NAMESPACE = "hotel-booking-production"
SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services/"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/"
SETS = f"/apis/apps/v1/namespaces/{NAMESPACE}/replicasets"
CANARY = f"/apis/flagger.app/v1beta1/namespaces/{NAMESPACE}/canaries/hotel-booking-canary"
_REVISION = "deployment.kubernetes.io/revision"


class Kubernetes:
    """What it holds, and how it behaves: `down` answers nobody, `ready` rolls out what is changed."""

    def __init__(self, account: Path) -> None:
        self.account = account
        self.objects: dict[str, dict[str, Any]] = {}
        self.patched: list[tuple[str, Any]] = []
        self.down, self.ready = False, True
        self.fails_after: int | None = None  # patches, then it is down
        self.port = 0
        self._version = 100
        self.lock = RLock()

    def put(self, path: str, body: dict[str, Any]) -> None:
        """An object as it is."""
        with self.lock:
            self._version += 1
            body["metadata"].setdefault("generation", 1)
            body["metadata"]["resourceVersion"] = str(self._version)
            self.objects[path] = body

    def deployment(self, name: str, since: datetime, *releases: tuple[str, str], replicas: int = 3) -> None:
        """One that made these releases (tag, schema annotation), one after the other; the last is what
        runs."""
        for number, (release, schema) in enumerate(releases, start=1):
            template = _template(name, release, schema)
            self._set(name, number, template, since)
            self.put(DEPLOYMENTS + name, _deployment(name, number, template, replicas))

    def running(self, name: str = "hotel-booking") -> str:
        """The release that a Deployment makes."""
        template = self.objects[DEPLOYMENTS + name]["spec"]["template"]
        image: str = template["spec"]["containers"][0]["image"]
        return image.rpartition(":")[2]

    def _set(self, name: str, number: int, template: dict[str, Any], since: datetime) -> None:
        pod = copy.deepcopy(template)
        pod["metadata"]["labels"]["pod-template-hash"] = f"h{number}"
        self.put(
            f"{SETS}/{name}-{number}",
            {
                "metadata": {
                    "name": f"{name}-{number}",
                    "creationTimestamp": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "annotations": {_REVISION: str(number)},
                    "labels": {"workload": name},
                    "ownerReferences": [{"uid": f"uid-{name}"}],
                },
                "spec": {"template": pod},
            },
        )

    def change(self, path: str, body: Any, media: str) -> tuple[int, Any]:
        """A patch: status and answer."""
        found = self.objects.get(path.removesuffix("/scale"))
        if found is None:
            return 404, {"message": "not found"}
        new = copy.deepcopy(found)
        if media.startswith("application/json-patch"):
            for step in body:
                if not _step(new, step):
                    return 422, {"message": "the test did not hold"}
        else:
            asked = body.get("metadata", {}).get("resourceVersion")
            if asked not in (None, found["metadata"]["resourceVersion"]):
                return 409, {"message": "the object has been modified"}
            _merge(new, body)
        self.patched.append((path, body))
        if "template" in new.get("spec", {}) and new["spec"]["template"] != found["spec"]["template"]:
            self._roll(new)
        if self.ready and "status" in new and "replicas" in new["spec"]:
            count = new["spec"]["replicas"]
            new["status"] |= {"replicas": count, "updatedReplicas": count, "availableReplicas": count}
        self.put(path.removesuffix("/scale"), new)
        return 200, new

    def _roll(self, one: dict[str, Any]) -> None:
        name = one["metadata"]["name"]
        number = int(one["metadata"]["annotations"][_REVISION]) + 1
        one["metadata"]["annotations"][_REVISION] = str(number)
        one["metadata"]["generation"] += 1
        if self.ready:
            one["status"]["observedGeneration"] = one["metadata"]["generation"]
        self._set(name, number, one["spec"]["template"], utc_now())
        if (canary := self.objects.get(CANARY)) is not None and name == "hotel-booking":
            canary["status"]["phase"] = "Succeeded"


def _template(name: str, release: str, schema: str) -> dict[str, Any]:
    annotations = {"hotel-booking.com/schema": schema} if schema else {}
    return {
        "metadata": {"labels": {"app": "hotel-booking", "workload": name}, "annotations": annotations},
        "spec": {"containers": [{"name": "web", "image": f"registry.example/hotel-booking:{release}"}]},
    }


def _deployment(name: str, number: int, template: dict[str, Any], replicas: int) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "generation": number,
            "annotations": {_REVISION: str(number)},
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"workload": name}},
            "template": copy.deepcopy(template),
        },
        "status": {
            "observedGeneration": number,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "availableReplicas": replicas,
        },
    }


def _merge(into: dict[str, Any], body: dict[str, Any]) -> None:
    for key, value in body.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value


def _step(into: dict[str, Any], step: dict[str, Any]) -> bool:
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
    place: Any = into
    for part in way:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if step["op"] == "test":
        return bool(place.get(last) == step["value"])
    place[last] = step["value"]
    return True


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Of 127.0.0.1, by itself; it stands where the pod finds whom it trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kubernetes")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(utc_now() - timedelta(hours=1))
        .not_valid_after(utc_now() + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "ca.crt", folder / "server.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, private


@contextmanager
def kubernetes(folder: Path) -> Iterator[Kubernetes]:
    """One that answers; the folder becomes the pod's account."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = _certificate(folder)
    (folder / "token").write_text("token-of-the-pod")
    api = Kubernetes(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(lambda: self._found())

        def do_PATCH(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self._answer(lambda: api.change(self.path, body, self.headers["content-type"]))

        def _found(self) -> tuple[int, Any]:
            path, _, query = self.path.partition("?")
            if path == SETS:
                name = query.partition("workload%3D")[2]
                items = [
                    one for key, one in api.objects.items()
                    if key.startswith(f"{SETS}/") and one["metadata"]["labels"]["workload"] == name
                ]  # fmt: skip
                return 200, {"items": items}
            found = api.objects.get(path)
            return (404, {"message": "not found"}) if found is None else (200, found)

        def _answer(self, work: Any) -> None:
            with api.lock:
                if api.down:
                    self.connection.close()
                    return
                if self.headers.get("authorization") != "Bearer token-of-the-pod":
                    status, body = 401, {"message": "Unauthorized"}
                else:
                    status, body = work()
                if self.command == "PATCH" and api.fails_after is not None:
                    api.fails_after -= 1
                    api.down = api.fails_after <= 0
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    api.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
