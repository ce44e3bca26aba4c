"""A small control plane: etcd and the real API server on the loopback, without namespaces and without root.

What a cluster does beyond that is a double, quick and of our choosing: pods that become ready or never do,
Jobs that end or fail, and a gateway that leads by the API server's own Services and VirtualServices.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from hotel_booking.ops.child_processes import free_port, start_program
from tests.cluster import toolchain
from tests.cluster.certificates import Authority, service_account_key
from tests.cluster.control import TOKEN, write_kubeconfig
from tests.cluster.world import ClusterError

NAMESPACE = "hotel-booking-production"
_DEPLOYMENT = Path(__file__).parents[2] / "deployment"
# Of the overlay what a blue-green deployment reads; a pod's account and secrets are nobody's business here.
_KINDS = {
    ("Deployment", "hotel-booking"),
    ("Service", "hotel-booking-active"),
    ("HorizontalPodAutoscaler", "hotel-booking"),
    ("Job", "hotel-booking-migrate"),
    ("VirtualService", "hotel-booking"),
}
_GROUPS = {"Deployment": "/apis/apps/v1", "Job": "/apis/batch/v1"}
Object = dict[str, Any]


class Plane:
    """The API server, and whoever has hands in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.programs = toolchain.programs("kubernetes-1.34")
        self._port = free_port()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self.server = f"https://127.0.0.1:{self._port}"
        self.kubeconfig = write_kubeconfig(folder / "kubeconfig", self.server)
        # With the rights of the group hotel-booking:operator, and no more.
        config = json.loads(self.kubeconfig.read_text())
        config["users"][0]["user"]["token"] = "operator"
        self.operators = folder / "kubeconfig-operator"
        self.operators.write_text(json.dumps(config))
        self._context = ssl.create_default_context()
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        # Images by their tag whose pods never become ready, and releases whose migration fails.
        self.unready: set[str] = set()
        self.unmigrated: set[str] = set()

    def start(self) -> None:
        """Until the platform's objects are in it and the hands move. Raises `ClusterError`."""
        pki = self.folder / "pki"
        Authority(pki).sign("api", ["127.0.0.1", "localhost"])
        service_account_key(pki / "accounts.key")
        (self.folder / "tokens.csv").write_text(
            f"{TOKEN},admin,admin,system:masters\nlooker,looker,looker,nobody\n"
            'operator,ana,ana,"hotel-booking:operator"\n'
        )
        etcd, peer = free_port(), free_port()
        self._start(
            "etcd",
            shutil.which("etcd") or "/usr/bin/etcd",
            *("--data-dir", str(self.folder / "etcd"), "--unsafe-no-fsync"),
            *("--listen-client-urls", f"http://127.0.0.1:{etcd}"),
            *("--advertise-client-urls", f"http://127.0.0.1:{etcd}"),
            *("--listen-peer-urls", f"http://127.0.0.1:{peer}"),
            *("--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}"),
            *("--initial-cluster", f"default=http://127.0.0.1:{peer}"),
        )
        self._start(
            "kube-apiserver",
            str(self.programs / "kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            *(f"--secure-port={self._port}", "--bind-address=127.0.0.1", "--endpoint-reconciler-type=none"),
            f"--tls-cert-file={pki / 'api.crt'}",
            f"--tls-private-key-file={pki / 'api.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki / 'accounts.key'}",
            f"--service-account-signing-key-file={pki / 'accounts.key'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            *("--authorization-mode=RBAC", "--service-cluster-ip-range=10.96.0.0/16"),
            "--disable-admission-plugins=ServiceAccount",
        )
        until = time.monotonic() + 60
        while self._ready() is False:
            if time.monotonic() > until:
                raise ClusterError((self.folder / "kube-apiserver.log").read_text()[-2000:])
            time.sleep(0.1)
        for tool in ("istiod", "flagger", "argocd"):
            for file in (toolchain.programs(tool) / "crds").iterdir():
                if tool != "argocd" or file.name.startswith("application-"):
                    self.kubectl("apply", "--server-side", "-f", str(file))
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        built = self._built(_DEPLOYMENT / "kubernetes" / "overlays" / "production")
        self.objects = [one for one in built if (one["kind"], one["metadata"]["name"]) in _KINDS]
        rights = [one for one in built if one["kind"] in ("Role", "RoleBinding")]
        argo = self._built(_DEPLOYMENT / "argocd" / "overlays" / "production")
        rights += [one for one in argo if one["kind"] in ("Role", "RoleBinding")]
        self.kubectl("create", "namespace", NAMESPACE)
        self.kubectl("create", "namespace", "argocd")
        listed = {"apiVersion": "v1", "kind": "List", "items": rights}
        self.kubectl("apply", "--server-side", "-f", "-", text=json.dumps(listed))
        self._spawn(self._hands)

    def fresh(self) -> None:
        """As before any blue-green deployment, with three pods of deployment/hotel-booking."""
        self.unready.clear()
        self.unmigrated.clear()
        kinds = "deployments,services,hpa,jobs,virtualservices,canaries"
        self.kubectl("delete", kinds, "--all", "-n", NAMESPACE, "--wait=false")
        listed = {"apiVersion": "v1", "kind": "List", "items": self.objects}
        self.kubectl("apply", "--server-side", "-f", "-", text=json.dumps(listed))
        self.kubectl("scale", "deployment/hotel-booking", "--replicas=3", "-n", NAMESPACE)
        until = time.monotonic() + 20
        while self.get("deployment", "hotel-booking")["status"].get("readyReplicas") != 3:
            assert time.monotonic() < until
            time.sleep(0.1)

    def stop(self) -> None:
        """All of it ends."""
        self._stop.set()
        for thread in self._threads:
            thread.join(10)
        for child in self._children.values():
            child.kill()
            child.wait()

    def kubectl(self, *words: str, text: str | None = None, check: bool = True) -> str:
        """What the administrator's kubectl says."""
        done = subprocess.run(
            [str(self.programs / "kubectl"), f"--kubeconfig={self.kubeconfig}", *words],
            input=text, stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if check and done.returncode:
            raise ClusterError(f"kubectl {' '.join(words[:6])}: {done.stderr}")
        return done.stdout

    def get(self, kind: str, name: str) -> Object:
        """An object of the namespace; empty where there is none."""
        said = self.kubectl("get", kind, name, "-n", NAMESPACE, "-o", "json", "--ignore-not-found")
        found: Object = json.loads(said) if said.strip() else {}
        return found

    def call(self, method: str, path: str, body: Object | None = None) -> Object:
        """The API server, asked without kubectl's start."""
        request = urllib.request.Request(
            f"{self.server}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/merge-patch+json"},
        )
        with urllib.request.urlopen(request, context=self._context, timeout=10) as answer:
            found: Object = json.loads(answer.read())
            return found

    def active(self) -> str:
        """The workload that guests reach."""
        selector: dict[str, str] = self.get("service", "hotel-booking-active")["spec"]["selector"]
        return selector["workload"]

    def image(self, workload: str) -> str:
        """The image of a Deployment; empty where there is none."""
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{workload}"
        try:
            found = self.call("GET", path)
        except urllib.error.HTTPError:
            return ""
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    def _built(self, overlay: Path) -> list[Object]:
        built = subprocess.run(
            [str(self.programs / "kubectl"), "kustomize", str(overlay)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return [one for one in yaml.safe_load_all(built.stdout) if one]

    def _start(self, name: str, *command: str) -> None:
        log = self.folder / f"{name}.log"
        self._children[name] = start_program(*command, environ=os.environ, log=log)

    def _spawn(self, work: Any) -> None:
        self._threads.append(threading.Thread(target=work, daemon=True))
        self._threads[-1].start()

    def _ready(self) -> bool:
        try:
            request = urllib.request.Request(
                f"{self.server}/readyz", headers={"Authorization": f"Bearer {TOKEN}"}
            )
            with urllib.request.urlopen(request, context=self._context, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _hands(self) -> None:
        """Controllers and kubelet: what is wanted is there, a moment later."""
        while not self._stop.wait(0.1):
            for kind, group in _GROUPS.items():
                with suppress(OSError, ValueError):
                    listed = self.call("GET", f"{group}/namespaces/{NAMESPACE}/{kind.lower()}s")
                    for one in listed["items"]:
                        status = self._deployed(one) if kind == "Deployment" else self._ended(one)
                        if status and status != one.get("status"):
                            name = one["metadata"]["name"]
                            path = f"{group}/namespaces/{NAMESPACE}/{kind.lower()}s/{name}/status"
                            self.call("PATCH", path, {"status": status})

    def _deployed(self, one: Object) -> Object:
        wanted = one["spec"].get("replicas", 1)
        image = str(one["spec"]["template"]["spec"]["containers"][0]["image"])
        ready = 0 if any(tag in image for tag in self.unready) else wanted
        return {
            "observedGeneration": one["metadata"]["generation"],
            "replicas": wanted,
            "updatedReplicas": wanted,
            "readyReplicas": ready,
            "availableReplicas": ready,
        }

    def _ended(self, one: Object) -> Object:
        if one.get("status", {}).get("conditions"):
            return {}
        image = str(one["spec"]["template"]["spec"]["containers"][0]["image"])
        bad = any(tag in image for tag in self.unmigrated)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        kinds = ("FailureTarget", "Failed") if bad else ("SuccessCriteriaMet", "Complete")
        times = {} if bad else {"completionTime": now, "succeeded": 1}
        told = {"reason": "BackoffLimitExceeded"} if bad else {}
        return {
            "startTime": now, **times,
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": now, **told} for kind in kinds
            ],
        }  # fmt: skip


class Gateway:
    """Leads by what the API server has: the preview's route where the request has its word, else the Service
    hotel-booking-active. `bad` are tags whose pods answer 500; all of them once guests are there, those of
    `later`."""

    def __init__(self, plane: Plane) -> None:
        self.plane, self.port = plane, free_port()
        self.bad: set[str] = set()
        self.later: set[str] = set()
        self.led: list[str] = []  # the image that answered each guest
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            protocol_version = "HTTP/1.0"

            def do_GET(self) -> None:
                """As the application answers, in short."""
                gateway.answer(self)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Nobody listens any more."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Lead it, and answer."""
        word = request.headers.get("x-hotel-booking-preview", "")
        try:
            name, headers = self._route(word)
            image = self.plane.image(name)
        except OSError:
            name, headers, image = "", {}, ""
        broken = {*self.bad, *(() if word else self.later)}
        status = 503 if not image else 500 if any(tag in image for tag in broken) else 200
        if not word:
            self.led.append(image)
        body = json.dumps({"status": "ok", "items": [{"slug": "seaside"}]}).encode()
        request.send_response(status)
        for key, value in headers.items():
            request.send_header(key, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _route(self, word: str) -> tuple[str, dict[str, str]]:
        where = f"/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices/hotel-booking-preview"
        if word:
            with suppress(urllib.error.HTTPError):
                route = self.plane.call("GET", where)["spec"]["http"][0]
                if route["match"][0]["headers"]["x-hotel-booking-preview"]["exact"] == word:
                    return route["route"][0]["destination"]["host"], route["headers"]["response"]["set"]
        service = self.plane.call("GET", f"/api/v1/namespaces/{NAMESPACE}/services/hotel-booking-active")
        return service["spec"]["selector"].get("workload", "hotel-booking"), {}


class Delivery:
    """Argo CD's part: asked for a hard refresh, it has Deployment hotel-booking run the image that main of
    the clone's origin names. `fails` are tags whose sync fails, as by a migration."""

    def __init__(self, plane: Plane, clone: Path) -> None:
        self._plane, self._clone = plane, clone
        self.fails: set[str] = set()
        self._stop = threading.Event()
        application = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "hotel-booking", "namespace": "argocd"},
            "spec": {"project": "hotel-booking", "destination": {}, "source": {"repoURL": "file:///nowhere"}},
        }
        plane.kubectl("apply", "-f", "-", text=json.dumps(application))
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """It follows no more."""
        self._stop.set()
        self._thread.join(20)
        self._plane.kubectl("delete", "application", "hotel-booking", "-n", "argocd")

    def until(self, image: str, seconds: float = 30) -> None:
        """Deployment hotel-booking runs it."""
        end = time.monotonic() + seconds
        while image not in self._plane.image("hotel-booking"):
            assert time.monotonic() < end, self._plane.image("hotel-booking")
            time.sleep(0.1)

    def _follow(self) -> None:
        where = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/hotel-booking"
        while not self._stop.wait(0.2):
            with suppress(OSError, ValueError):
                found = self._plane.call("GET", where)
                if "argocd.argoproj.io/refresh" in found["metadata"].get("annotations", {}):
                    self._sync(where)

    def _sync(self, where: str) -> None:
        git = ["git", "-C", str(self._clone)]
        subprocess.run([*git, "fetch", "--quiet", "origin", "main"], check=True)
        path = "deployment/kubernetes/overlays/production/release/kustomization.yaml"
        shown = subprocess.run(
            [*git, "show", f"origin/main:{path}"], capture_output=True, text=True, check=True
        )
        one = yaml.safe_load(shown.stdout)["images"][0]
        image = f"{one['newName']}:{one['newTag']}@{one.get('digest', '')}".rstrip("@")
        bad = any(tag in image for tag in self.fails)
        if not bad:
            deployment = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/hotel-booking"
            containers = self._plane.call("GET", deployment)["spec"]["template"]["spec"]["containers"]
            containers[0]["image"] = image
            self._plane.call(
                "PATCH", deployment, {"spec": {"template": {"spec": {"containers": containers}}}}
            )
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        operation: Object = {
            "phase": "Failed" if bad else "Succeeded",
            "message": "one or more synchronization tasks completed unsuccessfully" if bad else "",
            "operation": {},
            "startedAt": now,
        }
        status = {
            "sync": {"status": "OutOfSync" if bad else "Synced"},
            "health": {"status": "Healthy"},
            "operationState": operation,
            "summary": {"images": [self._plane.image("hotel-booking")]},
        }
        gone = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": None}}}
        self._plane.call("PATCH", where, {**gone, "status": status})
